"""The losses beside the CRF: brute force for what is certain, torch's own losses for the rest."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ossamma.model.configuration import OssammaConfig
from ossamma.model.heads import (
    TaggingHead,
    boundary_loss,
    boundary_targets,
    mean_over_words,
    token_loss,
)
from ossamma.schema.labels import LabelSet
from ossamma.schema.supervision import WordSpan, allowed_tags

LABELS = LabelSet(("A", "B"))
K = LABELS.num_tags
candidates = st.sampled_from([("A",), ("B",), ("A", "B")])


@st.composite
def allowed_sets(draw):
    """The sets of an annotation (words, K), some of its entities left without supervision."""
    num_words = draw(st.integers(1, 5))
    cuts = draw(st.lists(st.booleans(), min_size=num_words, max_size=num_words))
    borders = [0, *(i for i in range(1, num_words) if cuts[i]), num_words]
    spans = [
        WordSpan(start, end, draw(candidates))
        for start, end in pairwise(borders)
        if draw(st.booleans())
    ]
    annotates = draw(st.none() | st.frozensets(st.sampled_from(LABELS.types)))
    allowed = allowed_tags(spans, num_words, LABELS, annotates=annotates)
    for span in spans:
        if draw(st.integers(0, 3)) == 0:
            allowed[span.first_word : span.end_word] = True
    allowed[0, 2::2] = False  # nothing can be inside an entity at the first word
    return torch.from_numpy(allowed)


def legal(tags):
    """Whether I-X stands behind B-X or I-X only; tags as indices."""
    return all(
        tag % 2 or not tag or before in {tag - 1, tag} for before, tag in pairwise((0, *tags))
    )


def borders_of(tags):
    """(starts here, ends here) of each word of one legal sequence."""
    following = (*tags[1:], 0)
    return [
        (tag % 2 == 1, tag > 0 and not (then > 0 and then % 2 == 0))
        for tag, then in zip(tags, following, strict=True)
    ]


@settings(max_examples=150)
@given(allowed_sets(), st.integers(0, 2))
def test_a_border_is_certain_iff_all_sequences_agree_on_it(allowed_WK, num_padding):
    num_words = len(allowed_WK)
    padded_1WK = functional.pad(allowed_WK[None], (0, 0, 0, num_padding))
    padded_1WK[0, num_words:, 0] = True
    mask_1W = torch.arange(num_words + num_padding)[None] < num_words
    targets, certain = boundary_targets(padded_1WK, mask_1W)
    choices = [row.nonzero().flatten().tolist() for row in allowed_WK]
    seen = [borders_of(tags) for tags in product(*choices) if legal(tags)]
    assert seen
    for word in range(num_words):
        for question in (0, 1):
            answers = {borders[word][question] for borders in seen}
            assert certain[0, word, question] == (len(answers) == 1), (word, question)
            if len(answers) == 1:
                assert targets[0, word, question] == answers.pop(), (word, question)
    assert not certain[0, num_words:].any()


def one_hot_case(seed):
    """Emissions, targets, their one-member sets, a ragged mask."""
    generator = torch.Generator().manual_seed(seed)
    emissions_SWK = 3 * torch.randn(3, 4, K, generator=generator)
    tags_SW = torch.randint(K, (3, 4), generator=generator)
    mask_SW = torch.tensor([4, 2, 0])[:, None] > torch.arange(4)
    return emissions_SWK, tags_SW, functional.one_hot(tags_SW, K).bool(), mask_SW


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("seed", [1, 2])
def test_with_one_tag_allowed_the_token_loss_is_torchs_cross_entropy(label_smoothing, seed):
    emissions_SWK, tags_SW, allowed_SWK, mask_SW = one_hot_case(seed)
    ours, torchs = emissions_SWK.clone().requires_grad_(), emissions_SWK.clone().requires_grad_()
    loss = token_loss(
        ours,
        allowed_SWK,
        mask_SW,
        torch.ones(3),
        label_smoothing=label_smoothing,
        focal_gamma=0.0,
    )
    wanted = functional.cross_entropy(
        torchs[mask_SW], tags_SW[mask_SW], label_smoothing=label_smoothing
    )
    loss.backward()
    wanted.backward()
    assert torch.allclose(loss, wanted, atol=1e-6)
    assert torch.allclose(ours.grad, torchs.grad, atol=1e-6)


def test_the_token_loss_of_several_tags_is_that_of_their_joint_probability():
    emissions_SWK, _, _, mask_SW = one_hot_case(3)
    allowed_SWK = torch.tensor([True, False, True, True, False]).expand(3, 4, K)
    loss = token_loss(
        emissions_SWK, allowed_SWK, mask_SW, torch.ones(3), label_smoothing=0.0, focal_gamma=0.0
    )
    probability = emissions_SWK.softmax(-1)[mask_SW][:, [0, 2, 3]].sum(-1)
    assert torch.allclose(loss, -probability.log().mean(), atol=1e-6)


def test_where_all_tags_are_allowed_there_is_nothing_to_learn():
    emissions_SWK, _, _, mask_SW = one_hot_case(4)
    emissions_SWK.requires_grad_()
    allowed_SWK = torch.ones(3, 4, K, dtype=torch.bool)
    loss = token_loss(
        emissions_SWK, allowed_SWK, mask_SW, torch.ones(3), label_smoothing=0.0, focal_gamma=0.5
    )
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert emissions_SWK.grad.abs().max() < 1e-6


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_weights_words_by_what_is_missing_to_certainty(gamma):
    emissions_SWK, tags_SW, allowed_SWK, mask_SW = one_hot_case(5)
    loss = token_loss(
        emissions_SWK, allowed_SWK, mask_SW, torch.ones(3), label_smoothing=0.0, focal_gamma=gamma
    )
    p = emissions_SWK.softmax(-1).gather(-1, tags_SW[..., None]).squeeze(-1)[mask_SW]
    assert torch.allclose(loss, (-((1 - p) ** gamma) * p.log()).mean(), atol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_even_a_certain_word_has_a_finite_gradient(gamma):
    emissions_SWK = torch.zeros(1, 2, K)
    emissions_SWK[..., 1] = 200.0
    emissions_SWK.requires_grad_()
    allowed_SWK = functional.one_hot(torch.tensor([[1, 0]]), K).bool()  # right, and very wrong
    loss = token_loss(
        emissions_SWK,
        allowed_SWK,
        torch.ones(1, 2, dtype=torch.bool),
        torch.ones(1),
        label_smoothing=0.1,
        focal_gamma=gamma,
    )
    loss.backward()
    assert loss.isfinite()
    assert emissions_SWK.grad.isfinite().all()


def test_what_stands_at_padding_changes_no_loss_and_gets_no_gradient():
    emissions_SWK, _, allowed_SWK, mask_SW = one_hot_case(6)
    boundaries_SW2 = emissions_SWK[..., :2]

    def losses(emissions_SWK, boundaries_SW2, allowed_SWK):
        weights_S = torch.tensor([1.0, 2.0, 0.5])
        return torch.stack(
            [
                token_loss(
                    emissions_SWK,
                    allowed_SWK,
                    mask_SW,
                    weights_S,
                    label_smoothing=0.1,
                    focal_gamma=1.0,
                ),
                boundary_loss(boundaries_SW2, allowed_SWK, mask_SW, weights_S),
            ]
        )

    wanted = losses(emissions_SWK, boundaries_SW2, allowed_SWK)
    padding = ~mask_SW[..., None]
    noise = emissions_SWK.masked_fill(padding, 1e4).requires_grad_()
    other = boundaries_SW2.masked_fill(padding, -1e4).requires_grad_()
    for filling in (False, True):  # an empty set at padding must not become the log of nothing
        got = losses(noise, other, allowed_SWK.masked_fill(padding, filling))
        assert torch.allclose(got, wanted, atol=1e-6)
        for grad in torch.autograd.grad(got.sum(), [noise, other]):
            assert (grad[~mask_SW] == 0).all()
            assert grad.isfinite().all()


def test_the_boundary_loss_asks_only_what_is_certain():
    # One entity of type A, and behind it a word about which the annotation says nothing of B.
    allowed = allowed_tags([WordSpan(0, 2, ("A",))], 3, LABELS, annotates=frozenset({"A"}))
    allowed_1WK, mask_1W = torch.from_numpy(allowed)[None], torch.ones(1, 3, dtype=torch.bool)
    logits_1W2 = torch.tensor([[[1.0, -2.0], [0.5, 0.3], [5.0, 5.0]]])
    loss = boundary_loss(logits_1W2, allowed_1WK, mask_1W, torch.ones(1))
    starts, ends = torch.tensor([1.0, 0.5]), torch.tensor([-2.0, 0.3])
    wanted = functional.binary_cross_entropy_with_logits(
        torch.cat([starts, ends]), torch.tensor([1.0, 0.0, 0.0, 1.0]), reduction="sum"
    )
    assert torch.allclose(loss, wanted / 3, atol=1e-6)


def test_a_weight_scales_the_loss_of_its_row_and_only_that():
    generator = torch.Generator().manual_seed(8)
    loss_SW = torch.rand(3, 4, generator=generator)
    mask_SW = torch.tensor([4, 2, 0])[:, None] > torch.arange(4)
    one = mean_over_words(loss_SW, mask_SW, torch.ones(3))
    assert torch.allclose(one, loss_SW[mask_SW].mean())
    assert torch.allclose(mean_over_words(loss_SW, mask_SW, torch.full((3,), 3.0)), 3 * one)
    first = mean_over_words(loss_SW, mask_SW, torch.tensor([1.0, 0.0, 0.0]))
    assert torch.allclose(first, loss_SW[0].sum() / 6)


def test_without_words_every_loss_is_zero():
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    emissions_SWK = torch.randn(2, 3, K, generator=torch.Generator().manual_seed(9))
    allowed_SWK = torch.ones(2, 3, K, dtype=torch.bool)
    weights_S = torch.ones(2)
    assert boundary_loss(emissions_SWK[..., :2], allowed_SWK, nothing, weights_S) == 0
    loss = token_loss(
        emissions_SWK, allowed_SWK, nothing, weights_S, label_smoothing=0.1, focal_gamma=0.0
    )
    assert loss == 0


def test_the_head_scores_each_word_by_itself():
    torch.manual_seed(10)
    config = OssammaConfig(hidden_size=16, num_attention_heads=2, num_oscillators=4)
    head = TaggingHead(config, K).eval()
    x_SWD = torch.randn(2, 3, 16)
    emissions_SWK, boundaries_SW2 = head(x_SWD)
    assert emissions_SWK.shape == (2, 3, K)
    assert boundaries_SW2.shape == (2, 3, 2)
    alone = head(x_SWD[1:, 2:])
    assert torch.allclose(alone[0][0, 0], emissions_SWK[1, 2], atol=1e-6)
    assert torch.allclose(alone[1][0, 0], boundaries_SW2[1, 2], atol=1e-6)

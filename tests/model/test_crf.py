"""The CRF's laws, against an enumeration of every tag sequence."""

from __future__ import annotations

import itertools
import math
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ossamma.model.crf import LinearChainCRF
from ossamma.schema.errors import DataError
from ossamma.schema.labels import LabelSet

TYPES = ("AGENCY", "PERSON", "WORK")
LENGTHS = (5, 2, 0, 1, 4, 3)
WORDS = max(LENGTHS)


def make_crf(num_types, seed=0):
    """A float64 CRF with random scores, also where BIO forbids a move."""
    crf = LinearChainCRF(LabelSet(TYPES[:num_types])).double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in crf.parameters():
        nn.init.normal_(parameter, std=2.0, generator=generator)
    return crf


@pytest.fixture(params=[1, 2, 3], ids=lambda n: f"K={2 * n + 1}")
def crf(request):
    return make_crf(request.param)


def make_batch(crf):
    """Ragged emissions (B, T, K), their mask (B, T), and the generator for more."""
    generator = torch.Generator().manual_seed(1)
    shape = (len(LENGTHS), WORDS, crf.labels.num_tags)
    emissions = 3.0 * torch.randn(shape, generator=generator, dtype=torch.float64)
    return emissions, torch.arange(WORDS) < torch.tensor(LENGTHS)[:, None], generator


def is_legal(tags):
    """BIO in words: an I- stands only after B- or I- of its own type."""
    before = ("O", *tags)
    return all(
        not tag.startswith("I-") or previous in (f"B-{tag[2:]}", f"I-{tag[2:]}")
        for previous, tag in zip(before, tags, strict=False)
    )


@cache
def legal_paths(labels, length):
    """Every legal tag sequence of this length, (P, length)."""
    paths = [
        path
        for path in itertools.product(range(labels.num_tags), repeat=length)
        if is_legal([labels.tags[tag] for tag in path])
    ]
    return torch.tensor(paths, dtype=torch.long).reshape(len(paths), length)


def scores_of(crf, emissions_TK, paths):
    """Score of every path over one row, term by term."""
    total = torch.zeros(len(paths), dtype=emissions_TK.dtype)
    if not paths.shape[1]:
        return total
    for word in range(paths.shape[1]):
        total = total + emissions_TK[word, paths[:, word]]
        if word > 0:
            total = total + crf.transitions[paths[:, word - 1], paths[:, word]]
    return total + crf.start[paths[:, 0]] + crf.end[paths[:, -1]]


def enumerate_rows(crf, emissions):
    """For each row: its paths and their scores."""
    for row, length in enumerate(LENGTHS):
        paths = legal_paths(crf.labels, length)
        yield row, paths, scores_of(crf, emissions[row], paths)


def stays_inside(paths, allowed_TK):
    """Which paths use allowed tags only."""
    inside = torch.ones(len(paths), dtype=torch.bool)
    for word in range(paths.shape[1]):
        inside &= allowed_TK[word, paths[:, word]]
    return inside


def gold_tags(crf, emissions, mask):
    """A legal path per row that is not the best one."""
    noise = torch.randn(emissions.shape, generator=torch.Generator().manual_seed(9)).double()
    return crf.viterbi(emissions + 3.0 * noise, mask)[0]


def one_hot(tags, crf):
    return nn.functional.one_hot(tags, crf.labels.num_tags).bool()


def random_allowed(crf, emissions, mask, generator):
    """Random allowed sets, with at least one legal path in each row."""
    drawn = torch.rand(emissions.shape, generator=generator) < 0.4
    return drawn | one_hot(gold_tags(crf, emissions, mask), crf)


def test_legal_moves_are_those_of_bio(crf):
    tags = crf.labels.tags
    for one, other in itertools.product(range(len(tags)), repeat=2):
        # What stands before the pair does not matter: give an I- its beginning.
        opened = (f"B-{tags[one][2:]}",) if tags[one].startswith("I-") else ()
        assert crf.legal_moves[one, other] == is_legal((*opened, tags[one], tags[other]))
    assert crf.legal_start.tolist() == [is_legal((tag,)) for tag in tags]


def test_log_partition_sums_all_legal_paths(crf):
    emissions, mask, _ = make_batch(crf)
    logz = crf.log_partition(emissions, mask)
    for row, _, scores in enumerate_rows(crf, emissions):
        torch.testing.assert_close(logz[row], scores.logsumexp(0))


def test_log_partition_inside_allowed_sets_sums_the_paths_that_stay_there(crf):
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    logz = crf.log_partition(emissions, mask, allowed)
    for row, paths, scores in enumerate_rows(crf, emissions):
        inside = stays_inside(paths, allowed[row])
        torch.testing.assert_close(logz[row], scores[inside].logsumexp(0))


def test_path_score_of_every_path(crf):
    emissions, mask, _ = make_batch(crf)
    for row, length in enumerate(LENGTHS[1:], start=1):
        every = list(itertools.product(range(crf.labels.num_tags), repeat=length))
        paths = torch.tensor(every).long()
        tags = nn.functional.pad(paths, (0, WORDS - length), value=-100)
        rows = [emissions[row].expand(len(every), -1, -1), tags, mask[row].expand(len(every), -1)]
        legal = torch.tensor([is_legal([crf.labels.tags[t] for t in path]) for path in every])
        expected = scores_of(crf, emissions[row], paths).masked_fill(~legal, -torch.inf)
        torch.testing.assert_close(crf.path_score(*rows), expected)


def test_viterbi_finds_the_best_of_all_paths(crf):
    emissions, mask, _ = make_batch(crf)
    tags, best = crf.viterbi(emissions, mask)
    for row, paths, scores in enumerate_rows(crf, emissions):
        torch.testing.assert_close(best[row], scores.max())
        assert tags[row].tolist()[: LENGTHS[row]] == paths[scores.argmax()].tolist()
    assert not tags[~mask].any()


@pytest.mark.parametrize("k", [1, 2, 7, 40])
def test_k_best_are_the_k_best_of_all_paths(crf, k):
    emissions, mask, _ = make_batch(crf)
    tags, best = crf.viterbi_k_best(emissions, mask, k)
    assert tags.shape == (*mask.shape[:1], k, WORDS)
    for row, paths, scores in enumerate_rows(crf, emissions):
        count = min(k, len(paths))
        expected, order = scores.topk(count)
        torch.testing.assert_close(best[row, :count], expected)
        torch.testing.assert_close(tags[row, :count, : LENGTHS[row]], paths[order])
        assert best[row, count:].isneginf().all()
        assert not tags[row, count:].any()
        assert not tags[row, :, LENGTHS[row] :].any()


def test_marginals_are_shares_of_all_paths(crf):
    emissions, mask, _ = make_batch(crf)
    marginals = crf.marginals(emissions, mask)
    for row, paths, scores in enumerate_rows(crf, emissions):
        share = scores.softmax(0)
        expected = torch.zeros_like(marginals[row])
        for word in range(LENGTHS[row]):
            expected[word].index_add_(0, paths[:, word], share)
        torch.testing.assert_close(marginals[row], expected)
    torch.testing.assert_close(marginals.sum(2), mask.double())


def test_span_probability_is_the_share_of_paths_with_exactly_this_entity(crf):
    emissions, mask, _ = make_batch(crf)
    spans, expected = [], []
    for row, paths, scores in enumerate_rows(crf, emissions):
        for first, last in itertools.combinations_with_replacement(range(LENGTHS[row]), 2):
            for number, name in enumerate(crf.labels.types):
                begin, inside = crf.labels.begin(name), crf.labels.inside(name)
                holds = paths[:, first] == begin
                holds &= (paths[:, first + 1 : last + 1] == inside).all(1)
                if last + 1 < LENGTHS[row]:
                    holds &= paths[:, last + 1] != inside
                spans.append((row, first, last, number))
                expected.append(scores[holds].logsumexp(0) - scores.logsumexp(0))
    found = crf.span_log_probabilities(emissions, mask, torch.tensor(spans))
    torch.testing.assert_close(found, torch.stack(expected))
    assert crf.span_log_probabilities(emissions, mask, torch.zeros(0, 4).long()).shape == (0,)


def test_loss_and_its_gradients_are_those_of_the_enumeration(crf):
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    inputs = (emissions.requires_grad_(), *crf.parameters())
    loss = crf.negative_log_likelihood(emissions, allowed, mask)
    expected = torch.stack(
        [
            scores.logsumexp(0) - scores[stays_inside(paths, allowed[row])].logsumexp(0)
            for row, paths, scores in enumerate_rows(crf, emissions)
        ]
    )
    torch.testing.assert_close(loss, expected)
    assert (loss >= 0).all()
    weights = torch.rand(len(LENGTHS), generator=generator, dtype=torch.float64)
    found = torch.autograd.grad(loss @ weights, inputs)
    torch.testing.assert_close(found, torch.autograd.grad(expected @ weights, inputs))


@pytest.mark.parametrize("omission_rate", [0.2, 1e-4])
def test_silence_weighs_paths_by_the_entities_that_it_would_have_left_out(crf, omission_rate):
    """An annotator who leaves entities out where O is allowed beside them, one by one."""
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    inputs = (emissions.requires_grad_(), *crf.parameters())
    loss = crf.negative_log_likelihood(emissions, allowed, mask, omission_rate=omission_rate)
    expected = []
    for row, paths, scores in enumerate_rows(crf, emissions):
        omitted = torch.zeros(len(paths))
        for word in range(paths.shape[1]):
            begins = torch.tensor([crf.labels.tags[t].startswith("B-") for t in paths[:, word]])
            omitted += begins & allowed[row, word, 0]
        weighted = scores + omitted * math.log(omission_rate)
        inside = stays_inside(paths, allowed[row])
        expected.append(scores.logsumexp(0) - weighted[inside].logsumexp(0))
    torch.testing.assert_close(loss, torch.stack(expected))
    found = torch.autograd.grad(loss.sum(), inputs)
    torch.testing.assert_close(found, torch.autograd.grad(torch.stack(expected).sum(), inputs))
    assert (loss >= crf.negative_log_likelihood(emissions, allowed, mask)).all()


def test_an_annotator_who_leaves_nothing_out_says_no_by_silence(crf):
    """The limit of a small rate is naive merging: what is unmarked is O."""
    emissions, mask, _ = make_batch(crf)
    allowed = torch.ones_like(emissions, dtype=torch.bool)
    loss = crf.negative_log_likelihood(emissions, allowed, mask, omission_rate=1e-30)
    nothing = one_hot(torch.zeros(mask.shape, dtype=torch.long), crf)
    torch.testing.assert_close(loss, crf.negative_log_likelihood(emissions, nothing, mask))


def test_full_supervision_is_the_ordinary_likelihood(crf):
    emissions, mask, _ = make_batch(crf)
    tags = gold_tags(crf, emissions, mask)
    loss = crf.negative_log_likelihood(emissions, one_hot(tags, crf), mask)
    expected = crf.log_partition(emissions, mask) - crf.path_score(emissions, tags, mask)
    torch.testing.assert_close(loss, expected)


def test_no_supervision_costs_nothing(crf):
    emissions, mask, _ = make_batch(crf)
    allowed = torch.ones_like(emissions, dtype=torch.bool)
    loss = crf.negative_log_likelihood(emissions.requires_grad_(), allowed, mask)
    loss.sum().backward()
    assert loss.tolist() == [0.0] * len(LENGTHS)
    assert emissions.grad.abs().max() == 0.0


def test_candidate_types_sum_whole_spans_of_one_type():
    crf = make_crf(3)
    emissions, mask, _ = make_batch(crf)
    row, first, last = 0, 1, 3
    allowed = torch.zeros(1, WORDS, crf.labels.num_tags, dtype=torch.bool)
    allowed[0, [0, 4], 0] = True
    candidates = [crf.labels.types[0], crf.labels.types[2]]
    paths = []
    for name in candidates:
        begin, inside = crf.labels.begin(name), crf.labels.inside(name)
        allowed[0, first, begin] = True
        allowed[0, first + 1 : last + 1, inside] = True
        paths.append([0, begin, inside, inside, 0])
    logz = crf.log_partition(emissions[row : row + 1], mask[row : row + 1], allowed)
    scores = scores_of(crf, emissions[row], torch.tensor(paths))
    torch.testing.assert_close(logz[0], scores.logsumexp(0))


def test_forbidden_moves_get_exactly_no_gradient(crf):
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    tags = gold_tags(crf, emissions, mask)
    loss = crf.negative_log_likelihood(emissions, allowed, mask).sum()
    (loss + crf.path_score(emissions, tags, mask).sum()).backward()
    assert (crf.transitions.grad[~crf.legal_moves] == 0.0).all()
    assert (crf.start.grad[~crf.legal_start] == 0.0).all()
    assert (crf.transitions.grad[crf.legal_moves] != 0.0).any()


def test_what_forbidden_parameters_hold_changes_nothing(crf):
    emissions, mask, _ = make_batch(crf)
    before = crf.log_partition(emissions, mask), *crf.viterbi(emissions, mask)
    with torch.no_grad():
        crf.transitions[~crf.legal_moves] = 1e6
        crf.start[~crf.legal_start] = torch.nan
    after = crf.log_partition(emissions, mask), *crf.viterbi(emissions, mask)
    torch.testing.assert_close(before, after, rtol=0, atol=0)


def test_a_row_alone_is_the_row_in_its_batch(crf):
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    loss = crf.negative_log_likelihood(emissions, allowed, mask)
    marginals = crf.marginals(emissions, mask)
    tags, best = crf.viterbi(emissions, mask)
    for row, length in enumerate(LENGTHS):
        one, one_mask = emissions[row : row + 1, :length], mask[row : row + 1, :length]
        alone = crf.negative_log_likelihood(one, allowed[row : row + 1, :length], one_mask)
        torch.testing.assert_close(alone[0], loss[row])
        torch.testing.assert_close(crf.marginals(one, one_mask)[0], marginals[row, :length])
        alone_tags, alone_best = crf.viterbi(one, one_mask)
        assert alone_tags[0].tolist() == tags[row, :length].tolist()
        torch.testing.assert_close(alone_best[0], best[row])


@pytest.mark.parametrize("junk", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_padding_changes_nothing(crf, junk):
    emissions, mask, generator = make_batch(crf)
    allowed = random_allowed(crf, emissions, mask, generator)
    spans = torch.tensor([[row, n - 1, n - 1, 0] for row, n in enumerate(LENGTHS) if n])

    def answers(emissions, allowed):
        emissions = emissions.clone().requires_grad_()
        loss = crf.negative_log_likelihood(emissions, allowed, mask)
        score = crf.path_score(emissions, gold, mask)
        grads = torch.autograd.grad((loss + score).sum(), (emissions, *crf.parameters()))
        assert not grads[0][~mask].any()
        return (
            loss,
            *grads,
            *crf.viterbi(emissions, mask),
            *crf.viterbi_k_best(emissions, mask, 3),
            crf.marginals(emissions, mask),
            crf.span_log_probabilities(emissions, mask, spans),
        )

    gold = gold_tags(crf, emissions, mask)
    clean = answers(emissions, allowed)
    gold = gold.masked_fill(~mask, -100)
    dirty = answers(emissions.masked_fill(~mask[..., None], junk), allowed & mask[..., None])
    torch.testing.assert_close(clean, dirty, rtol=0, atol=0)


@pytest.mark.parametrize("num_words", [0, 3])
def test_rows_without_words(crf, num_words):
    emissions = torch.full((2, num_words, crf.labels.num_tags), torch.nan)
    mask = torch.zeros(2, num_words, dtype=torch.bool)
    assert crf.log_partition(emissions, mask).tolist() == [0.0, 0.0]
    assert crf.negative_log_likelihood(emissions, emissions > 0, mask).tolist() == [0.0, 0.0]
    assert crf.path_score(emissions, mask.long(), mask).tolist() == [0.0, 0.0]
    tags, best = crf.viterbi(emissions, mask)
    assert tags.tolist() == [[0] * num_words] * 2
    assert best.tolist() == [0.0, 0.0]
    tags, best = crf.viterbi_k_best(emissions, mask, 2)
    assert tags.shape == (2, 2, num_words)
    assert best.tolist() == [[0.0, -torch.inf]] * 2
    assert crf.marginals(emissions, mask).tolist() == torch.zeros_like(emissions).tolist()


def test_impossible_annotation_is_refused_with_its_place():
    crf = make_crf(2)
    emissions, mask, _ = make_batch(crf)
    allowed = torch.zeros_like(emissions, dtype=torch.bool)
    allowed[..., 0] = True
    allowed[4, 2] = False
    allowed[4, 2, crf.labels.inside("PERSON")] = True  # after an O
    with pytest.raises(
        DataError, match=r"rows \[4\].* at word 2, which allows only \['I-PERSON'\]"
    ):
        crf.negative_log_likelihood(emissions, allowed, mask)
    logz = crf.log_partition(emissions.requires_grad_(), mask, allowed)
    assert logz.isneginf().tolist() == [False, False, False, False, True, False]
    logz.sum().backward()
    assert emissions.grad.isfinite().all()
    assert not emissions.grad[4].any()


@given(
    st.integers(0, 2**31), st.integers(1, 3), st.sampled_from([0.0, 1.0, 1e4]), st.integers(1, 9)
)
def test_decoded_paths_are_always_legal(seed, num_types, scale, num_words):
    crf = make_crf(num_types, seed)
    generator = torch.Generator().manual_seed(seed)
    # Rounded, so that many paths tie.
    shape = (3, num_words, crf.labels.num_tags)
    emissions = (scale * torch.randn(shape, generator=generator)).round()
    lengths = torch.randint(0, num_words + 1, (3,), generator=generator)
    mask = torch.arange(num_words) < lengths[:, None]
    tags, best = crf.viterbi(emissions, mask)
    ranked, scores = crf.viterbi_k_best(emissions, mask, 2)
    torch.testing.assert_close(best, scores[:, 0])
    torch.testing.assert_close(crf.path_score(emissions, tags, mask), best)
    for row, length in enumerate(lengths.tolist()):
        for path in (tags[row], ranked[row, 0], ranked[row, 1]):
            assert is_legal([crf.labels.tags[tag] for tag in path[:length].tolist()])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    crf = make_crf(3).float()
    emissions, mask, _ = make_batch(crf)
    emissions = emissions.to(dtype).requires_grad_()
    allowed = one_hot(gold_tags(crf, emissions, mask), crf)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = crf.negative_log_likelihood(emissions, allowed, mask)
        marginals = crf.marginals(emissions, mask)
        (grad,) = torch.autograd.grad(loss.sum(), emissions)
    exact = emissions.detach().float().requires_grad_()
    exact_loss = crf.negative_log_likelihood(exact, allowed, mask)
    (exact_grad,) = torch.autograd.grad(exact_loss.sum(), exact)
    assert loss.dtype == marginals.dtype == torch.float32
    torch.testing.assert_close(loss, exact_loss, rtol=0, atol=0)
    torch.testing.assert_close(marginals, crf.marginals(exact, mask), rtol=0, atol=0)
    torch.testing.assert_close(grad, exact_grad.to(dtype), rtol=0, atol=0)


def test_a_fresh_state_fills_a_module_built_without_data():
    crf = make_crf(2)
    with torch.device("meta"):
        hollow = LinearChainCRF(crf.labels)
    fresh = hollow.fresh_state()
    born = LinearChainCRF(crf.labels)
    names = dict(hollow.named_parameters()) | dict(hollow.named_buffers())
    assert fresh.keys() == names.keys()
    for name, tensor in fresh.items():
        torch.testing.assert_close(tensor.to("cpu"), getattr(born, name).detach())
    assert set(crf.state_dict()) == {"transitions", "start", "end"}  # the mask is not learned

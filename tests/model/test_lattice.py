"""The fast recursions against their slow twins and a peer: values, gradients, extremes, lengths."""

from __future__ import annotations

import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ossamma.model import best_path, lattice, posterior
from ossamma.model.crf import LinearChainCRF
from ossamma.schema.labels import LabelSet

LABELS = LabelSet(("AGENCY", "PERSON", "PLACE", "WORK"))


def make_scores(seed=0, spread=1.0, dtype=torch.float64):
    """Leaf scores, wherever BIO allows a move."""
    crf = LinearChainCRF(LABELS).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    for parameter in crf.parameters():
        nn.init.normal_(parameter, std=spread, generator=generator)
    forbidden = lattice.FORBIDDEN
    return lattice.ChainScores(
        crf.transitions.detach().masked_fill(~crf.legal_moves, forbidden).requires_grad_(),
        crf.start.detach().masked_fill(~crf.legal_start, forbidden).requires_grad_(),
        crf.end.detach().requires_grad_(),
    )


OMISSION_RATE = 0.3


def make_batch(lengths, seed=0, scale=3.0, dtype=torch.float64):
    """Leaf emissions, mask, and allowed sets that hold at least O."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths), LABELS.num_tags)
    emissions = scale * torch.randn(shape, generator=generator, dtype=dtype)
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    allowed = torch.rand(shape, generator=generator) < 0.5
    allowed[..., 0] = True
    return emissions.requires_grad_(), mask, allowed


def value_and_gradients(function, emissions, mask, scores, allowed):
    """Weighted log-partitions of both problems, and every gradient."""
    inputs = (emissions, scores.transitions_KK, scores.start_K, scores.end_K)
    block = lattice.log_weights(allowed, OMISSION_RATE, emissions.dtype)
    logz = function(emissions, mask, scores, (None, block))
    weights = torch.linspace(-1.0, 2.0, len(logz), dtype=torch.float64)
    return logz, *torch.autograd.grad(logz @ weights, inputs, materialize_grads=True)


def both_ways(batch, scores):
    emissions, mask, allowed = batch
    return (
        value_and_gradients(function, emissions, mask, scores, allowed)
        for function in (lattice.log_partition, lattice.log_partition_reference)
    )


@pytest.mark.parametrize("num_words", [1, 2, 3, 7, 8, 33])
def test_fast_log_partition_equals_its_definition(num_words):
    batch = make_batch((num_words, (num_words + 1) // 2, 0, num_words))
    fast, slow = both_ways(batch, make_scores())
    torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-12)


def test_float32_is_as_exact_as_float32_can_be():
    lengths = (150, 90, 1)
    batch = make_batch(lengths, dtype=torch.float32)
    scores = make_scores(dtype=torch.float32)
    fast, _ = both_ways(batch, scores)
    emissions, mask, allowed = batch
    exact = value_and_gradients(
        lattice.log_partition_reference, emissions.double(), mask, scores.to(torch.float64), allowed
    )
    for ours, theirs in zip(fast, exact, strict=True):
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-5, atol=1e-4)


def test_gradients_pass_gradcheck():
    emissions, mask, allowed = make_batch((3, 0, 1))
    num_tags = 5
    scores = make_scores()
    legal = lattice.legal_moves(num_tags)

    # Finite differences want inputs of ordinary size, so the forbidden ones are put in behind them.
    def logz(emissions, transitions, start, end):
        masked = lattice.ChainScores(
            torch.where(legal, transitions, lattice.FORBIDDEN),
            torch.where(legal[0], start, lattice.FORBIDDEN),
            end,
        )
        block = lattice.log_weights(allowed[..., :num_tags], OMISSION_RATE, emissions.dtype)
        return lattice.log_partition(emissions, mask, masked, (None, block))

    inputs = (
        emissions[..., :num_tags],
        scores.transitions_KK[:num_tags, :num_tags],
        scores.start_K[:num_tags],
        scores.end_K[:num_tags],
    )
    leaves = [tensor.detach().clamp(min=-9.0).requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(logz, leaves)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_transitions_too_wide_for_products_are_still_exact(dtype):
    scores = make_scores(spread=400.0, dtype=dtype)
    assert not lattice.is_narrow(scores.transitions_KK)
    batch = make_batch((6, 4, 0, 1), dtype=dtype)
    emissions, mask, allowed = batch
    fast = value_and_gradients(lattice.log_partition, emissions, mask, scores, allowed)
    exact = value_and_gradients(
        lattice.log_partition_reference, emissions.double(), mask, scores.to(torch.float64), allowed
    )
    for ours, theirs in zip(fast, exact, strict=True):
        torch.testing.assert_close(ours.double(), theirs.double())
    found = posterior.tag_posteriors(emissions, mask, scores)
    torch.testing.assert_close(found, exact_posteriors(emissions, mask, scores))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [20.0, 50.0, 70.0])
def test_transitions_at_the_edge_of_narrow_are_exact(seed, width):
    scores = make_scores(seed, dtype=torch.float32)
    with torch.no_grad():
        # The only move left into O is the least likely one.
        scores.transitions_KK[1, 0] = scores.transitions_KK[:, 0].max() - width
    assert lattice.is_narrow(scores.transitions_KK) == (width < 60.0)
    emissions, mask, _ = make_batch((5, 3), seed, dtype=torch.float32)
    allowed = torch.zeros_like(emissions, dtype=torch.bool)
    allowed[:, 0::2, 1] = True
    allowed[:, 1::2, 0] = True
    block = lattice.log_weights(allowed, OMISSION_RATE, emissions.dtype)
    exact = lattice.log_partition_reference(
        emissions.double(), mask, scores.to(torch.float64), (block,)
    )
    torch.testing.assert_close(
        lattice.log_partition(emissions, mask, scores, (block,)), exact, rtol=1e-5, atol=1e-4
    )


def exact_posteriors(emissions, mask, scores):
    """Gradient of the definition: the posterior, by another route."""
    leaf = emissions.detach().double().requires_grad_()
    logz = lattice.log_partition_reference(leaf, mask, scores.to(torch.float64))
    return torch.autograd.grad(logz.sum(), leaf)[0].to(emissions.dtype)


@pytest.mark.parametrize("function", [posterior.tag_posteriors, posterior.tag_posteriors_reference])
def test_posteriors_are_the_gradient_of_the_log_partition(function):
    emissions, mask, _ = make_batch((9, 4, 0, 1))
    scores = make_scores()
    with torch.no_grad():
        found = function(emissions, mask, scores)
    torch.testing.assert_close(found, exact_posteriors(emissions, mask, scores))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_fast_messages_equal_their_definition(scale):
    emissions, mask, _ = make_batch((33, 8, 0, 1), scale=scale)
    scores = make_scores()
    with torch.no_grad():
        fast = posterior.messages(emissions, mask, scores)
        slow = posterior.messages_reference(emissions, mask, scores)
    is_word = mask.t()[:, None, :].expand_as(slow.forward_TKB)
    reachable = is_word & (slow.forward_TKB > lattice.FORBIDDEN / 2)
    torch.testing.assert_close(fast.forward_TKB[reachable], slow.forward_TKB[reachable])
    torch.testing.assert_close(fast.backward_TKB[is_word], slow.backward_TKB[is_word])
    torch.testing.assert_close(fast.logz_B[mask[:, 0]], slow.logz_B[mask[:, 0]])


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_best_path_equals_the_textbook(seed, lengths):
    emissions, mask, _ = make_batch((*lengths, 1), seed)
    scores = make_scores(seed)
    with torch.no_grad():
        fast = best_path.best_path(emissions, mask, scores)
        slow = best_path.best_path_reference(emissions, mask, scores)
    torch.testing.assert_close(fast, slow)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_emissions_stay_finite_and_right(dtype):
    batch = make_batch((12, 5, 1), scale=1e4, dtype=dtype)
    scores = make_scores(dtype=dtype)
    emissions, mask, allowed = batch
    fast = value_and_gradients(lattice.log_partition, emissions, mask, scores, allowed)
    exact = value_and_gradients(
        lattice.log_partition_reference, emissions.double(), mask, scores.to(torch.float64), allowed
    )
    for ours, theirs in zip(fast, exact, strict=True):
        assert ours.isfinite().all()
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-5, atol=1e-2)
    with torch.no_grad():
        found = posterior.tag_posteriors(emissions, mask, scores)
    torch.testing.assert_close(found, exact_posteriors(emissions, mask, scores))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_hopeless_start_may_still_win(dtype):
    """No probability space: a path e^-10000 below the best half-way takes half in the end."""
    half, gap = 10, 1000.0
    emissions = torch.zeros(1, 2 * half, LABELS.num_tags, dtype=dtype)
    emissions[0, :half, 1:3] = gap
    emissions[0, half:, 3:5] = gap
    emissions.requires_grad_()
    allowed = torch.zeros_like(emissions, dtype=torch.bool)
    allowed[0, 0, [1, 3]] = True
    allowed[0, 1:, [2, 4]] = True  # one entity, of the first or of the second type
    crf = LinearChainCRF(LABELS)
    mask = torch.ones(1, 2 * half, dtype=torch.bool)
    logz = crf.log_partition(emissions, mask, allowed)
    logz.sum().backward()
    torch.testing.assert_close(logz[0].item(), half * gap + torch.tensor(2.0).log().item())
    # Half-way float32 knows the lesser path's 14,427 bits to a thousandth.
    torch.testing.assert_close(emissions.grad, allowed.to(dtype) / 2, rtol=1e-3, atol=0)


def test_log_posterior_of_a_hopeless_span_is_finite_and_right():
    crf = LinearChainCRF(LABELS)
    emissions = torch.zeros(1, 4, LABELS.num_tags)
    emissions[0, :, 0] = 1e4
    mask = torch.ones(1, 4, dtype=torch.bool)
    spans = torch.tensor([[0, 1, 2, 3], [0, 3, 3, 0]])
    found = crf.span_log_probabilities(emissions, mask, spans)
    torch.testing.assert_close(found, torch.tensor([-2e4, -1e4]))


def test_infinite_emissions_decide_and_leave_no_nan():
    crf = LinearChainCRF(LABELS)
    emissions, mask, _ = make_batch((6, 3), dtype=torch.float32)
    emissions = emissions.detach()
    emissions[:, :, 3] = -torch.inf
    emissions[0, 2, 1] = torch.inf
    emissions.requires_grad_()
    allowed = torch.ones_like(emissions, dtype=torch.bool)
    allowed[:, :, 5] = False
    crf.negative_log_likelihood(emissions, allowed, mask).sum().backward()
    assert emissions.grad.isfinite().all()
    marginals = crf.marginals(emissions, mask)
    assert not marginals[..., 3].any()
    assert marginals[0, 2, 1] == 1.0
    tags, _ = crf.viterbi(emissions, mask)
    assert tags[0, 2] == 1
    assert not (tags == 3).any()


@pytest.fixture
def long_rows():
    """Rows around and beyond what is walked in one bulk of steps."""
    return make_batch((1100, 1024, 1025), dtype=torch.float32)[:2]


def test_long_rows_have_the_right_posteriors(long_rows):
    emissions, mask = long_rows
    scores = make_scores(dtype=torch.float32)
    with torch.no_grad():
        found = posterior.tag_posteriors(emissions, mask, scores)
        expected = posterior.tag_posteriors(emissions.double(), mask, scores.to(torch.float64))
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found, exact_posteriors(emissions, mask, scores))


def test_large_sums_lose_no_small_differences(long_rows):
    emissions, mask = long_rows
    emissions = (emissions + 500.0).detach()  # 550,000 in all, which float32 knows to 1/16
    scores = make_scores(dtype=torch.float32)
    with torch.no_grad():
        found = lattice.log_partition(emissions, mask, scores)
        exact = lattice.log_partition(emissions.double(), mask, scores.to(torch.float64))
        tags = best_path.best_path(emissions, mask, scores)
        exact_tags = best_path.best_path(emissions.double(), mask, scores.to(torch.float64))
    torch.testing.assert_close(found, exact, rtol=0, atol=2e-2)
    torch.testing.assert_close(tags, exact_tags)


def test_a_small_loss_is_not_lost_in_large_scores():
    crf = LinearChainCRF(LABELS)
    emissions, mask, allowed = make_batch((30,) * 50, scale=6.0, dtype=torch.float32)
    emissions = emissions.detach() + 200.0
    allowed |= crf.marginals(emissions, mask) > 1e-3
    loss = crf.negative_log_likelihood(emissions, allowed, mask)
    exact = crf.negative_log_likelihood(emissions.double(), allowed, mask)
    assert (loss >= 0.0).all()
    assert 0.0 < exact.median() < 0.01
    torch.testing.assert_close(loss.double(), exact, rtol=0, atol=2e-4)


def test_a_second_backward_finds_the_first_ones_buffers_unchanged():
    emissions, mask, allowed = make_batch((7, 3))
    logz = lattice.log_partition(emissions, mask, make_scores(), (None, allowed)).sum()
    (first,) = torch.autograd.grad(logz, emissions, retain_graph=True)
    (second,) = torch.autograd.grad(logz, emissions)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_queries_work_in_inference_mode():
    crf = LinearChainCRF(LABELS)
    with torch.inference_mode():
        emissions, mask, _ = make_batch((5, 2))
        emissions = emissions.detach()
        tags, best = crf.viterbi(emissions, mask)
        logz = crf.log_partition(emissions, mask)
        span = torch.tensor([[0, 0, 0, 0]])
        assert (best <= logz).all()
        assert crf.span_log_probabilities(emissions, mask, span) <= 0.0
        marginals = crf.marginals(emissions, mask)
    assert tags.shape == mask.shape
    torch.testing.assert_close(marginals.sum(2), mask.double())


def test_agrees_with_pytorch_crf():
    crf = LinearChainCRF(LABELS).double()
    peer = torchcrf.CRF(LABELS.num_tags, batch_first=True).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(generator=generator)
        peer.transitions.copy_(torch.where(crf.legal_moves, crf.transitions, -1e4))
        peer.start_transitions.copy_(torch.where(crf.legal_start, crf.start, -1e4))
        peer.end_transitions.copy_(crf.end)
    emissions, mask, _ = make_batch((9, 1, 4))
    paths = peer.decode(emissions, mask=mask)
    best, _ = crf.viterbi(emissions, mask)
    assert [row[: len(path)] for row, path in zip(best.tolist(), paths, strict=True)] == paths
    gold, _ = crf.viterbi(emissions.roll(1, 0), mask)
    allowed = nn.functional.one_hot(gold, LABELS.num_tags).bool()
    loss = crf.negative_log_likelihood(emissions, allowed, mask)
    expected = -peer(emissions, gold, mask=mask, reduction="none")
    torch.testing.assert_close(loss, expected)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_answers():
    crf = LinearChainCRF(LABELS)
    emissions, mask, allowed = make_batch((40, 1, 0, 17))
    spans = torch.tensor([[0, 3, 4, 1], [3, 16, 16, 0]])

    def answers(crf, emissions, mask, allowed, spans):
        loss = crf.negative_log_likelihood(emissions, allowed, mask)
        return (
            loss,
            *torch.autograd.grad(loss.sum(), (emissions, *crf.parameters())),
            *crf.viterbi(emissions, mask),
            *crf.viterbi_k_best(emissions, mask, 2),
            crf.marginals(emissions, mask),
            crf.span_log_probabilities(emissions, mask, spans),
        )

    expected = answers(crf, emissions, mask, allowed, spans)
    found = answers(crf.cuda(), *(x.cuda() for x in (emissions, mask, allowed, spans)))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)

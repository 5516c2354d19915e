"""Margins and focus of the CRF's loss, against the enumeration of every path; both off by default.

S segments, W words, K tags.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ossamma.model.configuration import OssammaConfig
from ossamma.model.crf import LinearChainCRF
from ossamma.model.tagging_loss import Supervision, tagging_loss
from ossamma.schema.labels import LabelSet

LABELS = LabelSet(("A", "B"))
K = LABELS.num_tags
LENGTHS = (3, 1, 2)
MASK = torch.arange(3)[None, :] < torch.tensor(LENGTHS)[:, None]
GOLD = (("B-A", "I-A", "O"), ("B-B",), ("O", "B-A"))
MARGINS = torch.tensor([[0.7, 0.7, 0.0], [1.9, 0.0, 0.0], [0.0, 0.7, 0.0]], dtype=torch.float64)


def config(**settings):
    alone = {"boundary_loss_weight": 0.0, "token_loss_weight": 0.0}
    return OssammaConfig(hidden_size=8, num_attention_heads=2, **{**alone, **settings})


def crf_and_emissions(seed=0):
    generator = torch.Generator().manual_seed(seed)
    crf = LinearChainCRF(LABELS).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    emissions = torch.randn(3, 3, K, generator=generator, dtype=torch.float64)
    return crf, emissions.requires_grad_()


def allowed(*, silent=False):
    """The gold tags alone; with `silent` nothing is known of the third line's first word."""
    sets = torch.zeros(3, 3, K, dtype=torch.bool)
    sets[..., 0] = ~MASK
    for row, tags in enumerate(GOLD):
        for word, tag in enumerate(tags):
            sets[row, word, LABELS.tags.index(tag)] = True
    if silent:
        sets[2, 0, [1, 3]] = True
    return sets


def paths(crf, length):
    """Every legal path of a length."""
    for path in itertools.product(range(K), repeat=length):
        moves = list(itertools.pairwise(path))
        if crf.legal_start[path[0]] and all(crf.legal_moves[a, b] for a, b in moves):
            yield path, moves


def enumerated(crf, emissions, sets, margins):
    """-log of the share of allowed paths, where every wrong tag of a path adds its margin."""
    losses = []
    for row, length in enumerate(LENGTHS):
        right, every = [], []
        for path, moves in paths(crf, length):
            score = crf.start[path[0]] + crf.end[path[-1]]
            score = score + sum((crf.transitions[a, b] for a, b in moves), start=0.0)
            score = score + sum(emissions[row, word, tag] for word, tag in enumerate(path))
            wrong = [word for word, tag in enumerate(path) if not sets[row, word, tag]]
            every.append(score + sum(margins[row, word] for word in wrong))
            if not wrong:
                right.append(score)
        losses.append(
            torch.logsumexp(torch.stack(every), 0) - torch.logsumexp(torch.stack(right), 0)
        )
    return torch.stack(losses)


def gradients(loss, crf, emissions):
    return torch.autograd.grad(loss, [emissions, crf.transitions, crf.start, crf.end])


def loss_of(crf, emissions, target, **settings):
    return tagging_loss(crf, emissions, None, target, config(**settings))


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_loss_and_gradient_are_those_of_the_enumeration(silent, gamma):
    crf, emissions = crf_and_emissions()
    sets = allowed(silent=silent)
    weights = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
    target = Supervision(sets, MASK, weights, MARGINS)
    found = loss_of(crf, emissions, target, crf_focal_gamma=gamma)
    nll = enumerated(crf, emissions, sets, MARGINS)
    factor = (1.0 - torch.exp(-nll / MASK.sum(1))) ** gamma
    expected = (weights * factor * nll).sum() / MASK.sum()
    torch.testing.assert_close(found, expected, check_dtype=False)
    for one, other in zip(
        gradients(found, crf, emissions), gradients(expected, crf, emissions), strict=True
    ):
        torch.testing.assert_close(one, other)


@given(st.integers(0, 1000), st.booleans())
def test_margins_of_0_are_none_in_value_and_gradient(seed, silent):
    crf, emissions = crf_and_emissions(seed)
    sets = allowed(silent=silent)
    plain = loss_of(crf, emissions, Supervision(sets, MASK))
    zero = loss_of(crf, emissions, Supervision(sets, MASK, None, torch.zeros(3, 3)))
    assert torch.equal(plain, zero)
    for one, other in zip(
        gradients(plain, crf, emissions), gradients(zero, crf, emissions), strict=True
    ):
        assert torch.equal(one, other)


def test_a_greater_margin_is_a_greater_loss_and_a_stronger_pull():
    crf, emissions = crf_and_emissions()
    sets = allowed()
    losses = [
        loss_of(crf, emissions, Supervision(sets, MASK, None, scale * MARGINS))
        for scale in (0.0, 0.5, 1.0, 2.0)
    ]
    assert all(one < other for one, other in itertools.pairwise(losses))
    pulls = [-gradients(loss, crf, emissions)[0][1, 0, LABELS.begin("B")] for loss in losses]
    assert all(one < other for one, other in itertools.pairwise(pulls))


def test_the_weight_of_a_word_alone_multiplies_the_odds_against_it():
    """One word, no scores of moves: -log p' with the odds of every other tag times the weight."""
    crf = LinearChainCRF(LABELS).double()
    emissions = torch.tensor([[[0.3, 1.1, -5.0, 0.2, -5.0]]], dtype=torch.float64)
    sets = torch.zeros(1, 1, K, dtype=torch.bool)
    sets[0, 0, 1] = True
    margins = torch.full((1, 1), math.log(4.0), dtype=torch.float64)
    found = loss_of(crf, emissions, Supervision(sets, torch.ones(1, 1).bool(), None, margins))
    right, wrong = math.exp(1.1), math.exp(0.3) + math.exp(0.2)
    assert found.item() == pytest.approx(-math.log(right / (right + 4.0 * wrong)), rel=1e-6)


@given(st.integers(0, 1000), st.floats(0.1, 5.0))
def test_focus_takes_from_easy_lines_the_most(seed, gamma):
    """A factor in (0, 1) that rises with the loss per word."""
    crf, emissions = crf_and_emissions(seed)
    sets = allowed()
    factors = []
    for row, length in enumerate(LENGTHS):
        target = Supervision(sets[row : row + 1], MASK[row : row + 1])
        parts = emissions[row : row + 1]
        plain = loss_of(crf, parts, target).item()
        focused = loss_of(crf, parts, target, crf_focal_gamma=gamma).item()
        factors.append((plain, focused / plain, length))
    factors.sort()
    assert all(0.0 < factor < 1.0 for _, factor, _ in factors)
    assert all(one[1] <= other[1] + 1e-6 for one, other in itertools.pairwise(factors))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_line_that_is_certain_has_a_gradient_that_is_a_number(gamma):
    crf, emissions = crf_and_emissions()
    sets = allowed()
    sure = (emissions.detach() + 200.0 * sets).requires_grad_()
    loss = loss_of(crf, sure, Supervision(sets, MASK), crf_focal_gamma=gamma)
    assert all(part.isfinite().all() for part in gradients(loss, crf, sure))

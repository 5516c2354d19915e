"""Verdicts on a sample: layers hold all suspects, and intervals hold the true number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.noise_review import (
    Verdict,
    draw_sample,
    estimate_from_review,
    layer_sizes,
)
from ossamma.schema.errors import ConfigurationError, DataError


def true_verdicts(suspects, seed=3):
    """Graver suspects are more often the annotation's errors: 40 % at first, 2 % at last."""
    generator = np.random.default_rng(seed)
    share = np.linspace(0.4, 0.02, suspects)
    drawn = generator.random(suspects)
    return {
        rank: Verdict.MODEL
        if value >= share[rank - 1]
        else Verdict.ANNOTATION
        if value < share[rank - 1] / 2
        else Verdict.BOTH
        for rank, value in enumerate(drawn, start=1)
    }


@given(st.integers(1, 500), st.integers(1, 200))
def test_layers_hold_every_suspect_once(suspects, sample):
    sizes = layer_sizes(suspects, sample)
    assert sum(sizes) == suspects
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(1, 300), st.integers(1, 400), st.integers(0, 5))
def test_a_sample_has_no_rank_twice_and_is_even_over_the_layers(suspects, sample, seed):
    ranks = draw_sample(suspects, sample, seed)
    assert len(set(ranks)) == len(ranks) == min(suspects, sample)
    assert set(ranks) <= set(range(1, suspects + 1))
    ends = np.cumsum(layer_sizes(suspects, sample))
    drawn = np.bincount(np.searchsorted(ends, ranks), minlength=len(ends))
    if sample <= suspects:
        assert drawn.max() - drawn.min() <= 2  # a layer may be one short of the others
    assert draw_sample(suspects, sample, seed) == ranks


def test_other_seeds_draw_other_suspects():
    assert sorted(draw_sample(300, 50, 1)) != sorted(draw_sample(300, 50, 2))


def test_who_looks_at_all_knows_the_number():
    truth = true_verdicts(60)
    estimate = estimate_from_review(truth, 60, 60)
    fault = sum(verdict is not Verdict.MODEL for verdict in truth.values())
    assert estimate.at_fault.expected == fault
    assert estimate.at_fault.interval.to_json() == [fault, fault]
    assert estimate.right.expected == estimate.verdicts[Verdict.ANNOTATION]


@pytest.mark.parametrize("sample", [40, 100])
def test_intervals_hold_the_true_number_as_often_as_they_say(sample):
    truth = true_verdicts(800)
    fault = sum(verdict is not Verdict.MODEL for verdict in truth.values())
    right = sum(verdict is Verdict.ANNOTATION for verdict in truth.values())
    held = np.zeros(2)
    for seed in range(200):
        drawn = {rank: truth[rank] for rank in draw_sample(800, sample, seed)}
        estimate = estimate_from_review(drawn, 800, sample, level=0.9, seed=seed)
        for place, (count, number) in enumerate(
            ((estimate.at_fault, fault), (estimate.right, right))
        ):
            held[place] += count.interval.low <= number <= count.interval.high
    # 200 intervals of 90 %: three standard errors are 6 %.
    assert (held / 200 > 0.84).all()
    assert (held / 200 < 0.975).all()


def test_lines_without_a_verdict_widen_the_interval():
    truth = true_verdicts(500)
    ranks = draw_sample(500, 100, 0)
    whole = estimate_from_review({rank: truth[rank] for rank in ranks}, 500, 100)
    part = estimate_from_review({rank: truth[rank] for rank in ranks[:50]}, 500, 100)
    assert part.reviewed == 50
    assert part.at_fault.interval.width > whole.at_fault.interval.width


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(DataError, match="every grade"):
        estimate_from_review({1: Verdict.MODEL}, 500, 100)
    with pytest.raises(ConfigurationError, match="at least 1"):
        draw_sample(0, 10, 0)

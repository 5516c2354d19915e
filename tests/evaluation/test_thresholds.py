"""Thresholds are the best there are on the fitting set, and floors really hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ossamma.evaluation.thresholds import (
    ThresholdSettings,
    f1_threshold,
    f1_thresholds,
    precision_threshold,
    precision_thresholds,
)
from ossamma.schema.errors import ConfigurationError
from tests.evaluation import judging

CASES = st.lists(
    st.tuples(st.sampled_from([0.1, 0.3, 0.30000000000000004, 0.6, 0.8, 0.95]), st.booleans()),
    min_size=1,
    max_size=60,
)


def made(case, lost=0):
    return judging.outcomes([c for c, _ in case], [r for _, r in case], lost=lost)


def f1_of(outcomes, threshold):
    keep = outcomes.confidence_N >= threshold
    right = (keep & outcomes.right_N).sum()
    return 2 * right / (keep.sum() + outcomes.num_gold) if outcomes.num_gold else 0.0


@given(CASES, st.integers(0, 20))
def test_the_f1_threshold_is_the_best_or_none(case, lost):
    outcomes = made(case, lost)
    found = f1_threshold(outcomes, level=0.95)
    every = [f1_of(outcomes, t) for t in (0.0, *outcomes.confidence_N)]
    if found:
        assert f1_of(outcomes, found) == pytest.approx(max(every))
    else:
        assert f1_of(outcomes, 0.0) <= max(every) + 1e-12


def test_a_few_unlucky_predictions_are_no_reason_for_a_threshold():
    lucky = [(0.9, True)] * 40
    assert f1_threshold(made([*lucky, (0.2, False)]), level=0.95) == 0.0
    found = f1_threshold(made([*lucky, *[(0.2, False)] * 20]), level=0.95)
    assert found == pytest.approx(0.55)


@given(CASES, st.sampled_from([0.5, 0.8, 0.9]), st.sampled_from([0.8, 0.95]))
def test_a_precision_floor_holds_by_its_lower_bound(case, floor, level):
    """And no lower threshold would do."""
    outcomes = made(case)
    found = precision_threshold(outcomes, floor=floor, level=level)

    def bound(threshold):
        kept = outcomes.right_N[outcomes.confidence_N >= threshold]
        interval = binomtest(int(kept.sum()), len(kept)).proportion_ci(2 * level - 1, "wilson")
        return interval.low

    if found is not None:
        assert bound(found) >= floor - 1e-12
    lower = [t for t in outcomes.confidence_N if found is None or t < found]
    assert all(bound(t) < floor + 1e-12 for t in lower)


def test_a_floor_needs_more_than_a_lucky_few():
    assert precision_threshold(made([(0.9, True)] * 10), floor=0.9, level=0.95) is None
    assert precision_threshold(made([(0.9, True)] * 30), floor=0.9, level=0.95) == 0.0


def test_rare_types_get_the_threshold_of_all():
    case = [(0.9, True)] * 60 + [(0.2, False)] * 40
    outcomes = judging.outcomes(
        [*(c for c, _ in case), 0.5],
        [*(r for _, r in case), False],
        types=["A"] * 100 + ["rare"],
    )
    for thresholds in (
        f1_thresholds(outcomes, ThresholdSettings()),
        precision_thresholds(outcomes, ThresholdSettings()),
    ):
        assert set(thresholds.per_type) == {"A"}
        assert thresholds.of("rare") == thresholds.overall == thresholds.of("never seen")
        kept = thresholds.keep(outcomes.confidence_N, outcomes.types.tolist())
        assert kept[:60].all()
        assert not kept[60:100].any()


def test_a_floor_out_of_reach_keeps_nothing():
    outcomes = judging.outcomes(np.linspace(0.1, 0.9, 50), np.arange(50) % 2 == 0)
    thresholds = precision_thresholds(outcomes, ThresholdSettings())
    assert thresholds.per_type == {"A": None}
    assert not thresholds.keep(outcomes.confidence_N, ["A"] * 50).any()


@pytest.mark.parametrize(
    "options", [{"precision_floor": 1.0}, {"level": 0.5}, {"level": 1.0}, {"min_predictions": 0}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        ThresholdSettings(**options)

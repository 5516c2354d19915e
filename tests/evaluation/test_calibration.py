"""Errors of calibration vanish for perfect confidences, and the parts of the Brier score add up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.calibration import (
    CalibrationReport,
    brier_parts,
    calibration_of,
    debiased_error,
    equal_mass_bins,
    equal_width_bins,
    expected_error,
    log_loss,
    measure_calibration,
    reliability,
)
from ossamma.evaluation.outcomes import NotMeasurable
from tests.evaluation import judging

CASES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80)
BINS = pytest.mark.parametrize("bins_of", [equal_width_bins, equal_mass_bins])


def perfect(number, seed=0):
    generator = np.random.default_rng(seed)
    confidence_N = generator.beta(4, 1, number)
    return confidence_N, generator.random(number) < confidence_N


def arrays_of(case):
    return np.array([c for c, _ in case]), np.array([r for _, r in case])


@BINS
def test_the_error_of_perfect_confidences_goes_to_zero(bins_of):
    errors = []
    for number in (100, 10_000, 1_000_000):
        confidence_N, right_N = perfect(number)
        errors.append(expected_error(confidence_N, right_N, bins_of(confidence_N)))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.002


def test_the_debiased_error_is_near_zero_with_few_predictions_already():
    plain, debiased = [], []
    for seed in range(50):
        confidence_N, right_N = perfect(300, seed)
        bins = equal_mass_bins(confidence_N)
        plain.append(expected_error(confidence_N, right_N, bins) ** 2)
        debiased.append(debiased_error(confidence_N, right_N, bins) ** 2)
    assert np.mean(debiased) < 0.4 * np.mean(plain)  # never negative, so not quite zero


def test_the_debiased_error_is_right_on_average_where_there_is_one():
    generator = np.random.default_rng(2)
    found = []
    for _ in range(200):
        confidence_N = generator.uniform(0.6, 1.0, 200)
        right_N = generator.random(200) < confidence_N - 0.2
        found.append(debiased_error(confidence_N, right_N, equal_mass_bins(confidence_N)) ** 2)
    assert np.mean(found) == pytest.approx(0.04, rel=0.05)


def test_a_known_error_is_found():
    """Confidence 0.9, and 70 of 100 right."""
    confidence_N, right_N = np.full(100, 0.9), np.arange(100) < 70
    bins = equal_mass_bins(confidence_N)
    assert expected_error(confidence_N, right_N, bins) == pytest.approx(0.2)
    assert debiased_error(confidence_N, right_N, bins) == pytest.approx(0.2, abs=0.01)


@BINS
@given(case=CASES)
def test_the_parts_of_the_brier_score_add_up(bins_of, case):
    confidence_N, right_N = arrays_of(case)
    parts = brier_parts(confidence_N, right_N, bins_of(confidence_N))
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
    assert total == pytest.approx(((confidence_N - right_N) ** 2).mean(), abs=1e-12)


@BINS
@given(case=CASES)
def test_the_bins_hold_every_prediction_once_and_in_order(bins_of, case):
    confidence_N, right_N = arrays_of(case)
    bins = reliability(confidence_N, right_N, bins_of(confidence_N))
    assert sum(each.count for each in bins) == len(case)
    assert sum(each.count * each.precision for each in bins) == pytest.approx(right_N.sum())
    for each in bins:
        assert each.low - 1e-12 <= each.confidence <= each.high + 1e-12
        assert each.interval.low <= each.precision <= each.interval.high
    for one, other in pairwise(bins):
        assert one.high < other.low


@given(case=CASES)
def test_the_order_of_predictions_does_not_matter(case):
    one = calibration_of(judging.outcomes(*arrays_of(case))).overall
    other = calibration_of(judging.outcomes(*arrays_of(case[::-1]))).overall
    assert one.ece == pytest.approx(other.ece, abs=1e-12)
    assert one.ece_equal_mass == pytest.approx(other.ece_equal_mass, abs=1e-12)
    assert [b.count for b in one.equal_mass] == [b.count for b in other.equal_mass]


def test_equal_mass_bins_are_about_equal():
    counts = np.bincount(equal_mass_bins(np.random.default_rng(1).random(1_500)))
    assert len(counts) == 15
    assert counts.min() >= 99
    assert len(np.unique(equal_mass_bins(np.random.default_rng(1).random(25)))) == 2


def test_log_loss_is_finite_for_certain_mistakes():
    assert 10 < log_loss(np.array([1.0]), np.array([False])) < 20
    assert log_loss(np.array([0.25]), np.array([True])) == pytest.approx(np.log(4))


def test_overall_and_per_type_of_judged_documents():
    made = [
        judging.document(judging.right("A", 0.8), judging.spurious("B", 0.3)),
        judging.document(judging.right("A", 0.6)),
    ]
    found = measure_calibration(made)
    assert isinstance(found, CalibrationReport)
    assert found.overall.predictions == 3
    assert {name: each.predictions for name, each in found.per_type.items()} == {"A": 2, "B": 1}
    content = found.to_json()
    assert content["overall"]["brier"] == pytest.approx((0.04 + 0.09 + 0.16) / 3)
    assert set(content["overall"]["reliability"]) == {"equal_width", "equal_mass"}


def test_systems_without_confidence_are_not_measurable():
    found = measure_calibration([judging.document(judging.right("A", 1.0))])
    assert isinstance(found, NotMeasurable)
    assert "confidence 1" in found.to_json()["not_measurable"]
    assert isinstance(measure_calibration([judging.document(judging.missed())]), NotMeasurable)

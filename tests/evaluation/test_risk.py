"""Risk and coverage against their definition."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.outcomes import NotMeasurable
from ossamma.evaluation.risk import measure_risk, risks
from tests.evaluation import judging

CASES = st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6)


def arrays_of(case):
    return np.array([c for c, _ in case]), np.array([r for _, r in case])


@given(CASES)
def test_ties_count_as_the_mean_over_all_orders(case):
    orders = [
        np.cumsum([not right for _, right in order]) / np.arange(1, len(case) + 1)
        for order in permutations(case)
        if [c for c, _ in order] == sorted((c for c, _ in case), reverse=True)
    ]
    np.testing.assert_allclose(risks(*arrays_of(case)), np.mean(orders, axis=0), atol=1e-12)


@given(CASES)
def test_the_last_risk_is_that_of_all_and_order_does_not_matter(case):
    confidence_N, right_N = arrays_of(case)
    found = risks(confidence_N, right_N)
    assert found[-1] == pytest.approx(1 - right_N.mean())
    np.testing.assert_array_equal(found, risks(confidence_N[::-1], right_N[::-1]))


def figures(case):
    pairs = [(judging.right if r else judging.spurious)("A", c) for c, r in case]
    return measure_risk([judging.document(*pairs, judging.missed())]).overall


def test_a_perfect_order_has_no_excess_and_a_wrong_one_has():
    good = figures([(0.9, True), (0.8, True), (0.3, False)])
    bad = figures([(0.9, False), (0.8, True), (0.3, True)])
    assert good.excess == pytest.approx(0.0)
    assert good.aurc == pytest.approx((0 + 0 + 1 / 3) / 3)
    assert bad.excess > 0.3
    assert bad.best == good.best


def test_selective_precision_and_recall():
    found = figures([(0.9, True)] * 5 + [(0.4, False)] * 5)
    assert found.precision_at[0.5] == 1.0
    assert found.precision_at[1.0] == pytest.approx(0.5)
    last = found.curve[-1]
    assert (last.coverage, last.risk, last.confidence) == (1.0, 0.5, 0.4)
    assert last.recall == pytest.approx(5 / 6)
    coverages = [point.coverage for point in found.curve]
    assert coverages == sorted(set(coverages))


def test_the_report_has_its_keys_and_a_short_curve():
    pairs = [judging.right("A", 0.5 + i / 1_000) for i in range(300)]
    content = measure_risk([judging.document(*pairs)]).to_json()
    assert set(content) == {"overall", "per_type"}
    assert len(content["overall"]["curve"]) == 101
    assert content["overall"]["precision_at"]["0.95"] == 1.0


def test_systems_without_confidence_are_not_measurable():
    assert isinstance(measure_risk([judging.document(judging.right("A", 1.0))]), NotMeasurable)

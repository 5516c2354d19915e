"""Wilson's interval against a peer, and the intervals of counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ossamma.evaluation.proportions import Interval, counted_intervals, wilson
from ossamma.schema.errors import ConfigurationError


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_wilson_is_that_of_scipy(case, level):
    successes, trials = case
    peer = binomtest(successes, trials).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson(successes, trials, level=level), peer, atol=1e-12)


def test_many_at_once_and_none_at_all():
    found = wilson([[0, 3]], [[0, 3]])
    assert found.shape == (1, 2, 2)
    assert found[0, 0].tolist() == [0.0, 1.0]
    assert found[0, 1, 1] == 1.0
    assert 0.4 < found[0, 1, 0] < 0.5


def test_the_interval_of_f1_is_that_of_the_share_it_grows_with():
    precision, recall, f1 = counted_intervals([8, 2, 4])
    np.testing.assert_array_equal(precision, wilson(8, 10))
    np.testing.assert_array_equal(recall, wilson(8, 12))
    low, high = wilson(8, 14)
    np.testing.assert_allclose(f1, [2 * low / (1 + low), 2 * high / (1 + high)])
    assert f1[0] < 16 / 22 < f1[1]


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ConfigurationError, match="level must lie"):
        wilson(1, 2, level=level)


def test_an_interval_has_its_ends_in_order():
    assert Interval(0.25, 0.75).width == 0.5
    for ends in ((0.5, 0.4), (float("nan"), 1.0)):
        with pytest.raises(ConfigurationError, match="low <= high"):
            Interval(*ends)

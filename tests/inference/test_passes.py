"""Passes cost as little as can be, and hold every window once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.inference.passes import cost_of, least_cost_reference, plan_passes


@given(
    st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=7),
    st.integers(min_value=1, max_value=60),
)
def test_no_grouping_is_cheaper(lengths, overhead):
    passes = plan_passes(lengths, overhead=overhead)
    assert cost_of(passes, lengths, overhead=overhead) == least_cost_reference(
        lengths, overhead=overhead
    )


@given(st.lists(st.integers(min_value=1, max_value=512), max_size=80))
def test_every_window_is_in_one_pass_and_the_longest_come_first(lengths):
    passes = plan_passes(lengths, overhead=150)
    assert sorted(index for each in passes for index in each) == list(range(len(lengths)))
    longest = [max(lengths[index] for index in each) for each in passes]
    assert longest == sorted(longest, reverse=True)


def test_a_long_window_does_not_pad_short_ones():
    assert plan_passes([10, 512, 12, 11], overhead=150) == [[1], [2, 3, 0]]


def test_nothing_needs_no_pass():
    assert plan_passes([], overhead=150) == []

"""A sparkline keeps the order of the values, and its length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.cli.sparkline import sparkline

LEVELS = "▁▂▃▄▅▆▇█"
VALUES = st.lists(st.floats(-1e6, 1e6), max_size=60)


def test_a_rising_line_shows_every_level():
    assert sparkline(range(8)) == LEVELS
    assert sparkline([*range(8), *reversed(range(8))]) == LEVELS + LEVELS[::-1]


@given(VALUES, st.integers(1, 20))
def test_it_is_as_long_as_the_values_or_the_width(values, width):
    assert len(sparkline(values, width)) == min(len(values), width)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_a_higher_value_is_never_drawn_lower(values):
    drawn = sparkline(values, 40)
    for value, block in zip(values, drawn, strict=True):
        for other, its_block in zip(values, drawn, strict=True):
            assert value >= other or LEVELS.index(block) <= LEVELS.index(its_block)


@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_what_stands_still_is_flat(value, number):
    assert set(sparkline([value] * number)) == {"▄"}


def test_parts_are_averaged():
    assert sparkline([0, 2, 4, 6, 6, 8], 3) == sparkline([1, 5, 7])


def test_bounds_are_common_to_several_lines():
    assert sparkline([0, 1], bounds=(0, 2)) == "▁▅"
    assert sparkline([-5, 5], bounds=(0, 1)) == "▁█"
    assert sparkline([3, 3], bounds=(0, 7)) == "▄▄"

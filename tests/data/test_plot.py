"""Plots are well-formed, hold every number in its place, and never run text as markup."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.plot import (
    Axis,
    Line,
    Point,
    choice_axis,
    interval_plot,
    number_axis,
    plot,
)
from ossamma.schema.errors import ConfigurationError

SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))


def parsed(markup):
    return ElementTree.fromstring(str(markup))


@given(st.lists(NUMBERS, max_size=8))
def test_an_axis_holds_its_values_and_is_marked_inside(values):
    axis = number_axis("x", values)
    assert all(0.0 <= axis.share(value) <= 1.0 for value in values)
    shares = [axis.share(value) for value, _ in axis.ticks]
    assert shares == sorted(shares)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)
    assert len(axis.ticks) <= 8
    assert len({name for _, name in axis.ticks}) == len(axis.ticks)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=8))
def test_a_log_axis_has_equal_steps_for_equal_factors(values):
    axis = number_axis("x", values, is_log=True)
    assert all(0.0 <= axis.share(value) <= 1.0 for value in values)
    a, b, c = (axis.share(axis.low * factor) for factor in (2, 4, 8))
    assert math.isclose(b - a, c - b)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8))
def test_points_stand_in_the_order_of_their_values(places):
    x, y = (number_axis("", list(side)) for side in zip(*places, strict=True)) if places else (
        number_axis("", []),
        number_axis("", []),
    )  # fmt: skip
    circles = parsed(plot(x, y, points=[Point(a, b) for a, b in places], title="t")).findall(
        f"{SVG}circle"
    )
    assert len(circles) == len(places)
    for (a, b), circle in zip(places, circles, strict=True):
        assert 0 <= float(circle.get("cx")) <= 560
        for (c, d), other in zip(places, circles, strict=True):
            if a < c:
                assert float(circle.get("cx")) <= float(other.get("cx"))
            if b < d:
                assert float(circle.get("cy")) >= float(other.get("cy"))


def test_text_is_never_markup():
    nasty = '<script>alert("x")</script> & "\''
    axis = choice_axis(nasty, [nasty])
    made = plot(
        axis,
        number_axis(nasty, [1.0]),
        points=[Point(0.0, 1.0, nasty)],
        lines=[Line(((0.0, 1.0), (0.0, 1.0)), nasty)],
        title=nasty,
    )
    rows = interval_plot([(nasty, -1.0, 0.0, 1.0)], title=nasty)
    for markup in (made, rows):
        assert "<script" not in markup
        assert nasty in [element.text for element in parsed(markup).iter()]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted), max_size=5))
def test_intervals_hold_their_values(rows):
    root = parsed(interval_plot([("a", *row) for row in rows], title="t"))
    marks = [line for line in root.findall(f"{SVG}line") if line.get("class") == "mark"]
    circles = root.findall(f"{SVG}circle")
    assert len(marks) == len(circles) == len(rows)
    for mark, circle in zip(marks, circles, strict=True):
        assert float(mark.get("x1")) <= float(circle.get("cx")) <= float(mark.get("x2"))


def test_choices_have_equal_room():
    axis = choice_axis("x", ["a", "b", "c"])
    shares = [axis.share(place) for place, _ in axis.ticks]
    assert [round(share, 6) for share in shares] == [round((i + 0.5) / 3, 6) for i in range(3)]
    assert choice_axis("x", []).ticks == ()


@pytest.mark.parametrize(("low", "high", "is_log"), [(1.0, 1.0, False), (0.0, 1.0, True)])
def test_impossible_axes_are_refused(low, high, is_log):
    with pytest.raises(ConfigurationError, match="an axis needs low < high"):
        Axis("x", low, high, (), is_log)


def test_marks_of_a_log_axis_are_read_as_people_read_them():
    told = {text for _, text in number_axis("ms", [20.0, 2_000.0], is_log=True).ticks}
    assert {"50", "100", "1,000"} <= told
    rates = {text for _, text in number_axis("rate", [1e-4, 1e-2], is_log=True).ticks}
    assert {"1e-04", "1e-03"} <= rates

"""The laws of marks over a text that all readers of stand-off marks share."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.corpus import LeftOut
from ossamma.data.readers.standoff import (
    Mark,
    StandoffFormat,
    annotate,
    disjoint,
    misfit,
    types_of,
)
from ossamma.schema.errors import FormatError

spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from("AB")).map(
        lambda t: (t[0], t[0] + t[1], (t[2],))
    ),
    max_size=8,
)


def greedy(marks, keep):
    """The policy in its plainest form: by length, then by place and type, if nothing is hit."""
    sign = -1 if keep == "longest" else 1
    kept = []
    for mark in sorted(marks, key=lambda m: (sign * (m.end - m.start), m.start, m.labels, m.line)):
        if all(mark.end <= other.start or other.end <= mark.start for other in kept):
            kept.append(mark)
    return sorted(kept)


@given(drawn=spans, keep=st.sampled_from(["longest", "shortest"]))
def test_overlaps_are_resolved_as_by_the_plain_policy(drawn, keep):
    marks = [Mark(*span, line) for line, span in enumerate(drawn, start=1)]
    left_out = LeftOut()
    kept = disjoint(marks, keep=keep, left_out=left_out)
    assert kept == greedy(marks, keep)
    assert all(a.end <= b.start or b.end <= a.start for a, b in combinations(kept, 2))
    lost = [item.line for item in left_out.in_order()]
    assert sorted([*lost, *(mark.line for mark in kept)]) == [mark.line for mark in marks]
    assert {mark[:3] for mark in disjoint(marks[::-1], keep=keep, left_out=LeftOut())} == {
        mark[:3] for mark in kept
    }


@given(text=st.text(max_size=12), start=st.integers(-2, 14), end=st.integers(-2, 14))
def test_a_mark_fits_exactly_if_its_surface_is_there(text, start, end):
    good = 0 <= start < end <= len(text) and bool(text[start:end].strip())
    surface = text[start:end] if good else "x"
    assert (misfit(text, Mark(start, end, ("A",), 1, surface)) is None) == good
    if good:
        assert misfit(text, Mark(start, end, ("A",), 1, surface + "x")) is not None
        assert misfit(text, Mark(start, end, (), 1, surface)) is not None


def test_types_are_sorted_and_have_no_white_space():
    assert types_of(["threat  actor", "A", " A "]) == ("A", "threat_actor")


def test_a_million_marks_are_refused_before_they_are_sorted():
    marks = [Mark(0, 1, ("A",), 1)] * 1_000_000
    with pytest.raises(FormatError, match="at most 100000 marks"):
        annotate("x", marks, path=Path("f"), settings=StandoffFormat(), left_out=LeftOut())

"""Lengths in words: of the document's own words, or of those that the text splits into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.ruler import Ruler
from ossamma.schema.spans import Document, Span

TEXT = "ab cd  efg."
OWN = Document("d", TEXT, words=(Span(0, 2), Span(3, 5), Span(7, 10), Span(10, 11)))


@given(st.integers(0, 10), st.integers(1, 11))
def test_a_span_is_as_long_as_the_words_that_it_touches(start: int, end: int) -> None:
    if start >= end:
        start, end = end - 1, start + 1
    touched = [w for w in OWN.words or () if w.start < end and start < w.end]
    assert Ruler(OWN).length(start, end) == len(touched)


@pytest.mark.parametrize(
    ("start", "end", "first", "after"),
    [(0, 2, 0, 1), (1, 2, 0, 1), (3, 10, 1, 3), (3, 8, 1, 3), (6, 11, 2, 4), (10, 11, 3, 4)],
)
def test_first_and_last_word(start: int, end: int, first: int, after: int) -> None:
    ruler = Ruler(OWN)
    assert (ruler.first(start), ruler.after(end)) == (first, after)


def test_a_text_without_words_is_split() -> None:
    assert Ruler(Document("d", TEXT)).num_words == 4
    assert Ruler(Document("d", TEXT, words=())).num_words == 0

"""The units that augmentation works on: words, where they stand, and what annotations touch them.

Units are the source's own words. A text that was not split is divided roughly, by one pattern;
these units only say where something may be changed and never become words of the document.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple

from ossamma.schema.spans import Annotation, Document, Span

_UNIT: Final = re.compile(r"\w+(?:[-'\u2019.]\w+)*|[^\w\s]")
_SENTENCE_ENDS: Final = frozenset({".", "!", "?"})


class Standing(Enum):
    """How a unit stands to the annotations."""

    FREE = "free"
    """None touches it."""
    MENTION = "mention"
    """It lies inside at least one, as a whole."""
    CUT = "cut"
    """The border of one lies inside it or in the white space before it: it is never changed."""


class Unit(NamedTuple):
    """Characters [start, end) of a document; `sentence` counts sentences and lines."""

    start: int
    end: int
    text: str
    sentence: int
    standing: Standing


def units_of(document: Document) -> list[Unit]:
    """Return the units of a document in order."""
    text = document.text
    spans = split_roughly(text) if document.words is None else document.words
    coverage = _Coverage(document.annotations or ())
    starts = set(document.sentence_starts)
    units: list[Unit] = []
    sentence = -1
    end = 0
    for index, span in enumerate(spans):
        opens = index == 0 or index in starts or "\n" in text[end : span.start]
        if opens or (not starts and units[-1].text in _SENTENCE_ENDS):
            sentence += 1
        standing = coverage.standing(span)
        # An annotation may even lie in white space alone, which nobody should close up.
        if standing is Standing.FREE and coverage.reaches_into(end, span.start):
            standing = Standing.CUT
        end = span.end
        units.append(Unit(span.start, end, text[span.start : end], sentence, standing))
    return units


def split_roughly(text: str) -> tuple[Span, ...]:
    """Divide a text into runs of letters and digits, and single other characters."""
    return tuple(Span(*match.span()) for match in _UNIT.finditer(text))


def lone_annotations(document: Document) -> Iterator[tuple[int, Annotation]]:
    """Yield the annotations that overlap no other, in the order of the text, with their index."""
    marks = document.annotations or ()
    order = sorted(range(len(marks)), key=lambda index: (marks[index].start, marks[index].end))
    reach = 0
    for place, index in enumerate(order):
        mark = marks[index]
        following = marks[order[place + 1]].start if place + 1 < len(order) else mark.end
        if reach <= mark.start and mark.end <= following:
            yield index, mark
        reach = max(reach, mark.end)


class _Coverage:
    """Tells how spans stand to a set of annotations, which may touch and overlap."""

    def __init__(self, annotations: Sequence[Annotation]) -> None:
        self._borders = sorted({border for a in annotations for border in (a.start, a.end)})
        self._starts: list[int] = []
        self._ends: list[int] = []
        for mark in sorted(annotations):
            if self._ends and mark.start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], mark.end)
            else:
                self._starts.append(mark.start)
                self._ends.append(mark.end)

    def reaches_into(self, start: int, end: int) -> bool:
        """Whether an annotation covers a character of [start, end), which may be empty."""
        run = bisect_left(self._starts, end) - 1
        return run >= 0 and self._ends[run] > start and start < end

    def standing(self, span: Span) -> Standing:
        if not self.reaches_into(span.start, span.end):
            return Standing.FREE
        border = bisect_right(self._borders, span.start)
        is_cut = border < len(self._borders) and self._borders[border] < span.end
        return Standing.CUT if is_cut else Standing.MENTION

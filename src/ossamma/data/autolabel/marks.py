"""Proposed marks of a text, and the rule by which a disjoint set of them is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ossamma.schema.spans import Annotation


class Mark(NamedTuple):
    """A range [start, end) of the text that a lexicon or a pattern would mark.

    Of overlapping marks the longest wins, then the one of higher `priority`, then the leftmost.
    """

    start: int
    end: int
    labels: tuple[str, ...]
    origin: str
    confidence: float
    priority: int

    def annotation(self) -> Annotation:
        """Return the mark as an annotation."""
        return Annotation(self.start, self.end, self.labels, self.origin, self.confidence)


def choose(marks: Iterable[Mark]) -> list[Mark]:
    """Choose disjoint marks: the best first, then the best that fits.

    They come back in the order of the text. Only marks that hang together by overlaps have to be
    weighed against each other; most stand alone.
    """
    ordered = sorted(marks)
    chosen: list[Mark] = []
    first, reach = 0, 0
    for place, mark in enumerate(ordered):
        if mark.start >= reach and place > first:
            chosen += _best(ordered[first:place])
            first = place
        reach = max(reach, mark.end)
    return chosen + _best(ordered[first:])


def _best(marks: Sequence[Mark]) -> list[Mark]:
    """Choose among marks, in time that grows as their number and their span."""
    if len(marks) < 2:
        return list(marks)
    begin = min(mark.start for mark in marks)
    taken = bytearray(max(mark.end for mark in marks) - begin)
    chosen = []
    for mark in sorted(marks, key=_rank):
        start, end = mark.start - begin, mark.end - begin
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            chosen.append(mark)
    return sorted(chosen)


def choose_slowly(marks: Sequence[Mark]) -> list[Mark]:
    """Do what `choose` does, by comparing every mark with every other."""
    left = list(marks)
    chosen = []
    while left:
        best = min(left, key=_rank)
        chosen.append(best)
        left = [mark for mark in left if mark.end <= best.start or best.end <= mark.start]
    return sorted(chosen)


def _rank(mark: Mark) -> tuple[int, int, int, str, tuple[str, ...], float]:
    # Origin, labels and confidence only make the order total: equal input, equal output.
    return (
        mark.start - mark.end,
        -mark.priority,
        mark.start,
        mark.origin,
        mark.labels,
        -mark.confidence,
    )

"""What the offsets of marks count: code points, as ours do, or units of UTF-16."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Literal

from ossamma.data.readers.standoff import Mark

Units = Literal["code_points", "utf16"]
"""What an offset counts."""

_BEYOND: Final = re.compile("[\U00010000-\U0010ffff]")


class Offsets:
    """Turns offsets of one text into characters."""

    def __init__(self, text: str, units: Units) -> None:
        wide = [match.start() for match in _BEYOND.finditer(text)] if units == "utf16" else []
        # Where each character of two units begins, counted in units.
        self._wide = [start + number for number, start in enumerate(wide)]

    def character(self, offset: int) -> int:
        """Convert one offset; -1 for one that cuts a character in half."""
        before = bisect_left(self._wide, offset)
        if before and self._wide[before - 1] == offset - 1:
            return -1
        return offset - before


def in_characters(text: str, marks: Sequence[Mark], units: Units) -> list[Mark]:
    """Convert the offsets of marks; one that cuts a character in half will fit nowhere."""
    offsets = Offsets(text, units)
    return [
        mark._replace(start=offsets.character(mark.start), end=offsets.character(mark.end))
        for mark in marks
    ]


def is_ambiguous(text: str, marks: Sequence[Mark]) -> bool:
    """Whether these marks lie elsewhere if they count UTF-16 units than if code points."""
    first = _BEYOND.search(text)
    return first is not None and any(mark.end > first.start() for mark in marks)

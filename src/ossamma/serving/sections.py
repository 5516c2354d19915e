"""Sections: a long text cut where entities rarely are, each short enough to be asked alone."""

from __future__ import annotations

from collections.abc import Iterator


def cut_sections(text: str, size: int) -> Iterator[tuple[int, str]]:
    """Yield (start, section): sections of at most `size` characters that tile the text.

    A section ends after an empty line if there is one in its second half, else after a line, which
    no entity crosses; in a longer line after white space; in a longer word where the size is full.
    """
    start = 0
    while len(text) - start > size:
        end = start + _cut(text[start : start + size])
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:]


def _cut(section: str) -> int:
    """Return how much of this, at least one character, is a section."""
    for mark in ("\n\n", "\n"):
        at = section.rfind(mark, len(section) // 2)
        if at >= 0:
            return at + len(mark)
    at = section.rfind("\n")
    if at >= 0:
        return at + 1
    for at in range(len(section) - 1, -1, -1):
        if section[at].isspace():
            return at + 1
    return len(section)

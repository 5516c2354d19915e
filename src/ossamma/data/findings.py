"""What looks wrong in one document: its spans, its text, its types. Pure; see `audit.py`."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ossamma.schema.spans import Annotation, Document

_CLOSING: Final = frozenset(",;:.!?")
_OPENING_QUOTES: Final = {
    '"': '"',
    "'": "'",
    "`": "'",
    "\u2018": "\u2019",
    "\u201c": "\u201d",
    "\u00ab": "\u00bb",
    "(": ")",
    "[": "]",
}
# UTF-8 read as Windows-1252 or Latin-1: a lead byte of two or three, then a continuation byte
# (U+0080-U+00BF or what Windows-1252 makes of it); besides these control characters of Latin-1,
# which no text has, and the character that decoders put for what they could not read.
_CONTINUATION: Final = "\u0080-\u00bf\u20ac\u201a-\u201e\u2020-\u2026\u0152\u0160\u2018-\u201d"
_WRONG_ENCODING: Final = re.compile(
    f"\ufffd|[\u00c3\u00c2][{_CONTINUATION}]|\u00e2\u20ac|\u00e2[\u0080-\u00bf]{{2}}"
    "|\u00ef\u00bb\u00bf|[\u0080-\u0084\u0086-\u009f]"
)
_WORD: Final = re.compile(r"\w+|[^\w\s]")
_CONTEXT: Final = 20


class Kind(StrEnum):
    """The kinds of findings in one document."""

    SPACE = "space"
    """A span begins or ends with white space."""
    PUNCTUATION = "punctuation"
    """A span ends with a sentence's punctuation, or begins with a quote or bracket that it does
    not close. Abbreviations such as `U.S.` and `Inc.` are not meant."""
    MISALIGNED = "misaligned"
    """A span begins or ends inside a word."""
    DUPLICATE = "duplicate"
    """A span stands there twice, with the same types."""
    CONTRADICTION = "contradiction"
    """A span stands there twice, with different types."""
    OVERLAP = "overlap"
    """A span crosses one before it, or lies inside of it."""
    LONG = "long"
    """A span of more words than an entity has."""
    NOT_ANNOTATED = "not-annotated"
    """A span of which no type is among those that the document is said to annotate."""
    EMPTY = "empty"
    """A document without a visible character."""
    ALL_ENTITY = "all-entity"
    """A document of several words, all of them inside of spans."""
    ENCODING = "encoding"
    """Characters that come from a wrong decoding."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something that looks wrong, at [start, end) of the document's text, which is `text`."""

    kind: Kind
    start: int
    end: int
    text: str
    label: str = ""
    """The types of the span in question, `A|B` for several; empty for other findings."""


def findings_of(
    document: Document, *, max_words: int = 15, all_entity_words: int = 4
) -> Iterator[Finding]:
    """Yield what looks wrong in a document.

    Args:
        document: any document, flat or not.
        max_words: a span of more words is called long.
        all_entity_words: a document of fewer words may well be all entity.
    """
    text = document.text
    if not text.strip():
        yield Finding(Kind.EMPTY, 0, len(text), text)
    # Every sign of a wrong encoding is beyond ASCII.
    for match in () if text.isascii() else _WRONG_ENCODING.finditer(text):
        start, end = max(0, match.start() - _CONTEXT), match.end() + _CONTEXT
        yield Finding(Kind.ENCODING, start, min(end, len(text)), text[start:end])
    if document.annotations:
        yield from _findings_of_spans(document, max_words, all_entity_words)


def _findings_of_spans(
    document: Document, max_words: int, all_entity_words: int
) -> Iterator[Finding]:
    text = document.text
    marks = sorted(document.annotations or ())
    words = word_ranges(document)
    for mark in marks:
        for kind in _kinds_of_span(document, mark, words, max_words):
            yield _finding(kind, text, mark)
    yield from _meetings(text, marks)
    if len(words) >= all_entity_words and _covers_all(marks, words):
        yield Finding(Kind.ALL_ENTITY, 0, len(text), text)


def word_ranges(document: Document) -> list[tuple[int, int]]:
    """Return the document's own words, or runs of letters and digits and single other signs."""
    if document.words is not None:
        return [(word.start, word.end) for word in document.words]
    return [match.span() for match in _WORD.finditer(document.text)]


def words_touched(words: list[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """Return first and behind-last index of the words that [start, end) touches."""
    first = bisect_right(words, start, key=lambda word: word[1])
    return first, max(first, bisect_left(words, end, key=lambda word: word[0]))


def loose_edges(surface: str) -> tuple[int, int]:
    """Return how many characters of punctuation hang on the surface's start and end.

    At the end commas and the like hang, and a full stop only behind a word of six letters or
    more; at the start a quote or bracket that is not closed inside.
    """
    left = right = 0
    closing = _OPENING_QUOTES.get(surface[0])
    if closing is not None and len(surface) > 1 and closing not in surface[1:]:
        left = 1
    last = surface[-1]
    if last in _CLOSING and len(surface) > 1:
        word = surface[:-1].split()[-1:] or [""]
        is_abbreviation = last == "." and (len(word[0]) < 6 or "." in word[0])
        right = int(not is_abbreviation)
    return (left, right) if left + right < len(surface) else (0, 0)


def _kinds_of_span(
    document: Document, mark: Annotation, words: list[tuple[int, int]], max_words: int
) -> Iterator[Kind]:
    surface = document.text[mark.start : mark.end]
    if surface != surface.strip():
        yield Kind.SPACE
    if any(loose_edges(surface.strip() or surface)):
        yield Kind.PUNCTUATION
    first, end = words_touched(words, mark.start, mark.end)
    if first < end and (words[first][0] < mark.start or words[end - 1][1] > mark.end):
        yield Kind.MISALIGNED
    if end - first > max_words:
        yield Kind.LONG
    if document.annotates is not None and document.annotates.isdisjoint(mark.labels):
        yield Kind.NOT_ANNOTATED


def _meetings(text: str, marks: list[Annotation]) -> Iterator[Finding]:
    """Compare each span with the one of the same borders before it and the farthest-reaching."""
    reach = 0
    before: Annotation | None = None
    for mark in marks:
        if before is not None and (before.start, before.end) == (mark.start, mark.end):
            same = before.labels == mark.labels
            yield _finding(Kind.DUPLICATE if same else Kind.CONTRADICTION, text, mark)
        elif mark.start < reach:
            yield _finding(Kind.OVERLAP, text, mark)
        reach = max(reach, mark.end)
        before = mark


def _covers_all(marks: list[Annotation], words: list[tuple[int, int]]) -> bool:
    covered = 0
    for mark in marks:
        first, end = words_touched(words, mark.start, mark.end)
        if first > covered:
            return False
        covered = max(covered, end)
    return covered == len(words)


def _finding(kind: Kind, text: str, mark: Annotation) -> Finding:
    return Finding(kind, mark.start, mark.end, text[mark.start : mark.end], mark.label)

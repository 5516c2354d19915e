"""Edits of a document's text, with words, sentences and annotations moved along exactly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from ossamma.schema.spans import Document, Span


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of characters [start, end); with start == end, insert it there.

    Where `words` is None no border of a word or an annotation lies inside the edit. Otherwise it
    covers whole words, and `words` (in offsets of the new text) stand for them.
    """

    start: int
    end: int
    text: str
    words: tuple[Span, ...] | None = None


def rewrite(document: Document, edits: Iterable[Edit], name: str) -> Document:
    """Apply disjoint edits, given in ascending order; the step's name becomes part of the id.

    What begins or ends at the border of an edit still does. An insertion stands between what
    ends and what begins there. Edits that change nothing are passed over; without any other the
    document itself comes back.
    """
    text = document.text
    effective = [edit for edit in edits if text[edit.start : edit.end] != edit.text]
    if not effective:
        return document
    assert all(left.end <= right.start for left, right in pairwise(effective)), "edits overlap"
    shift = _Shift(effective)
    words, starts = _move_words(document, effective, shift)
    annotations = document.annotations
    if annotations is not None:
        annotations = tuple(
            replace(mark, start=shift.start(mark.start), end=shift.end(mark.end))
            for mark in annotations
        )
    return derived(
        document,
        name,
        text=_splice(text, effective),
        words=words,
        sentence_starts=starts,
        annotations=annotations,
    )


def with_text(document: Document, text: str, name: str) -> Document:
    """Change characters in place: same length, so that every offset stays.

    The document itself comes back if its text is the same.
    """
    assert len(text) == len(document.text), "a change in place keeps the length"
    return document if text == document.text else derived(document, name, text=text)


def derived(document: Document, name: str, **changes: Any) -> Document:
    """Return a changed document whose id says what was done, in the group of its original."""
    group = document.group or document.id
    return replace(document, id=f"{document.id}+{name}", group=group, **changes)


class _Shift:
    """Where the borders of words and annotations come to lie."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self._ends = [edit.end for edit in edits]
        growths = (len(edit.text) - (edit.end - edit.start) for edit in edits)
        self._shifts = list(accumulate(growths, initial=0))

    def start(self, position: int) -> int:
        """Move the beginning of something: behind what is inserted there."""
        return position + self._shifts[self._num_before(position)]

    def end(self, position: int) -> int:
        """Move the end of something: before what is inserted there."""
        number = self._num_before(position)
        while number and self._edits[number - 1].start == position:
            number -= 1
        return position + self._shifts[number]

    def _num_before(self, position: int) -> int:
        number = bisect_right(self._ends, position)
        assert number == len(self._edits) or self._edits[number].start >= position, (
            "a border of a word or an annotation lies inside an edit"
        )
        return number


def _splice(text: str, edits: Sequence[Edit]) -> str:
    parts = []
    position = 0
    for edit in edits:
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def _move_words(
    document: Document, edits: Sequence[Edit], shift: _Shift
) -> tuple[tuple[Span, ...] | None, tuple[int, ...]]:
    """Return the words, and the sentence starts counted in them."""
    if document.words is None:
        return None, document.sentence_starts
    by_start = {edit.start: edit for edit in edits if edit.words is not None}
    words: list[Span] = []
    places: list[int | None] = []  # where each old word now is; None inside an edit
    covered = 0
    for word in document.words:
        if word.start < covered:
            places.append(None)
            continue
        places.append(len(words))
        edit = by_start.get(word.start)
        if edit is None:
            words.append(Span(shift.start(word.start), shift.end(word.end)))
        else:
            covered = edit.end
            base = shift.start(edit.start)
            words += [Span(base + own.start, base + own.end) for own in edit.words or ()]
    starts = []
    for index in document.sentence_starts:
        place = places[index]
        assert place is not None, "an edit with words runs across a sentence border"
        starts.append(place)
    return tuple(words), tuple(starts)

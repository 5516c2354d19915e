"""Sentences of documents: where they are, their words for comparison, and cutting some out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Final

from ossamma.data.minhash import normalise, word_bytes
from ossamma.schema.spans import Annotation, Document, Span

_WORD: Final = re.compile(r"\w+")
_FOREIGN_SIGNS: Final = re.compile(r"[^\x00-\x7f\w]+")
_SPACE: Final = re.compile(r"\s*")
# A line's end, or a mark that ends a sentence before something that may begin one. The runs are
# bounded, so that no text makes the search slow.
_BREAK: Final = re.compile(
    r"\n\s{0,99}|(?<=[.!?])[\"'\u2019\u201d)\]]{0,3}\s{1,99}(?=[\"'(\[]?[A-Z0-9])"
)
# Every such mark before white space, whatever comes then: where it cuts depends on nothing else.
_STOP: Final = re.compile(r"\n\s{0,99}|(?<=[.!?])[\"'\u2019\u201d)\]]{0,3}\s{1,99}")


def compared_words(text: str) -> list[bytes]:
    r"""Return the words (`\w+`) of a text in the form in which they are compared, as UTF-8.

    There is one for each span of `compared_spans`.
    """
    if not text.isascii():
        # Dashes and curly quotes part words as spaces do: often nothing but ASCII is left.
        text = _FOREIGN_SIGNS.sub(" ", text)
    if text.isascii():
        return word_bytes(text.lower())
    return [
        # An ASCII word has no space to squeeze.
        (word.lower() if word.isascii() else normalise(word)).encode()
        for word in _WORD.findall(text)
    ]


def compared_words_reference(text: str) -> list[bytes]:
    """Find the words and normalise each: the definition of `compared_words`."""
    return [normalise(word).encode() for word in _WORD.findall(text)]


def compared_spans(text: str) -> list[Span]:
    """Return where the words of `compared_words` stand."""
    return [Span(start, end) for start, end in compared_places(text)]


def compared_places(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each word of `compared_words`."""
    return [match.span() for match in _WORD.finditer(text)]


def sentences_of(document: Document) -> list[Span]:
    """Return the sentences of a document, in order; together they have all of its words.

    They are the source's own where it marks any, else found by a rule: a line's end, or `.`, `!`,
    `?` and white space before a capital or a digit.
    """
    if document.words and document.sentence_starts:
        firsts = (0, *(n for n in document.sentence_starts if n), len(document.words))
        return [
            Span(document.words[first].start, document.words[end - 1].end)
            for first, end in pairwise(firsts)
        ]
    return _parts_between(document.text, _BREAK)


def passages_of(document: Document) -> list[Span]:
    """Return the sentences of a document, and the finer parts between all stops and line ends.

    Two documents that share a sentence may disagree on where it ends, for one marks its sentences
    and the other does not, or what follows looks like a beginning in one of them only. What
    stands between two stops is the same in both.
    """
    passages = {*sentences_of(document), *_parts_between(document.text, _STOP)}
    return sorted(passages)


def _parts_between(text: str, border: re.Pattern[str]) -> list[Span]:
    """Return what visible stands between the borders of a text."""
    ends = [(match.start(), match.end()) for match in border.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return [Span(a, b) for a, b in zip(starts, stops, strict=True) if text[a:b].strip()]


def cut(document: Document, spans: Iterable[Span]) -> Document | None:
    """Return the document without these parts of its text, None where nothing visible is left.

    A part grows to take in whole each word and annotation that it touches, and the white space
    behind it; these go with it. Whatever stays keeps its own text: `text[start:end]` of a mark is
    what it was.
    """
    parts = _whole_parts(document, spans)
    if not parts:
        return document
    text = document.text
    edges = [0, *(edge for part in parts for edge in part), len(text)]
    remaining = "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
    if not remaining.strip():
        return None
    ends = [end for _, end in parts]
    lost = [0, *accumulate(end - start for start, end in parts)]

    def moved(span: Span | Annotation) -> tuple[int, int] | None:
        place = bisect_right(ends, span.start)
        if place < len(parts) and parts[place][0] < span.end:
            return None
        return span.start - lost[place], span.end - lost[place]

    words = None if document.words is None else [moved(word) for word in document.words]
    marks = None
    if document.annotations is not None:
        places = [(mark, moved(mark)) for mark in document.annotations]
        marks = tuple(replace(m, start=new[0], end=new[1]) for m, new in places if new)
    return replace(
        document,
        text=remaining,
        words=None if words is None else tuple(Span(*word) for word in words if word),
        sentence_starts=_remaining_starts(document.sentence_starts, words or []),
        annotations=marks,
    )


def _whole_parts(document: Document, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return the parts to cut as disjoint, ascending ranges that cut no word and no annotation."""
    wanted = [(span.start, span.end) for span in spans]
    fixed = [(word.start, word.end) for word in document.words or ()]
    fixed += [(mark.start, mark.end) for mark in document.annotations or ()]
    parts = _merged(wanted)
    while True:
        starts = [start for start, _ in parts]
        touched = [span for span in fixed if _touches(parts, starts, span)]
        grown = _merged([*parts, *touched])
        if grown == parts:
            break
        parts = grown
    text = document.text
    return _merged((start, _behind_space(text, end)) for start, end in parts)


def _behind_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _touches(parts: list[tuple[int, int]], starts: list[int], span: tuple[int, int]) -> bool:
    place = bisect_left(starts, span[1]) - 1
    return place >= 0 and parts[place][1] > span[0]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of ranges as disjoint, ascending ranges."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union


def _remaining_starts(
    starts: tuple[int, ...], words: Sequence[tuple[int, int] | None]
) -> tuple[int, ...]:
    """Return the sentence starts in the words that are left; a sentence without words goes."""
    before = [0, *accumulate(word is not None for word in words)]
    return tuple(sorted({before[start] for start in starts if before[start] < before[-1]}))

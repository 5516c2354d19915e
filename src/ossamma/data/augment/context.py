"""Context shuffling: plain words change places with their neighbours; everything else stays.

Shuffling within segments is one of the augmentations of Dai and Adel (2020). Here a window of
a few words limits how far a word may go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import Final

from ossamma.data.augment.rewriting import Edit, rewrite
from ossamma.data.augment.units import Standing, Unit, units_of
from ossamma.schema.spans import Document, Span

_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_GAP: Final = re.compile(r"[^\S\n\r]+")


def shuffle_context(
    document: Document, rng: Random, *, probability: float, window: int = 3
) -> Document:
    """Permute words outside annotations, each window of words with this probability.

    Only words of small letters move. A word with a capital may begin a sentence or belong to an
    entity that nobody marked; like punctuation, numbers, clitics, annotations and the borders of
    sentences and lines it bounds the stretch within which words move. Windows of `window` words
    tile a stretch from a random place, and no word leaves its window. White space stays in place.
    """
    if probability <= 0.0:
        return document
    edits = []
    for stretch in _stretches(document):
        phase = rng.randrange(window)
        cuts = [0, *range(window - phase, len(stretch), window), len(stretch)]
        for first, end in pairwise(cuts):
            if end - first >= 2 and rng.random() < probability:
                edits.append(_permuted(document, stretch[first:end], rng))
    return rewrite(document, edits, "shuffle")


def _stretches(document: Document) -> Iterator[list[Unit]]:
    """Yield the longest runs of words that may change places."""
    stretch: list[Unit] = []
    for unit in units_of(document):
        if not _may_move(unit):
            yield stretch
            stretch = []
        elif stretch and _continues(document.text, stretch[-1], unit):
            stretch.append(unit)
        else:
            yield stretch
            stretch = [unit]
    yield stretch


def _may_move(unit: Unit) -> bool:
    return (
        unit.standing is Standing.FREE
        and unit.text == unit.text.lower()
        and _WORD.fullmatch(unit.text) is not None
    )


def _continues(text: str, left: Unit, right: Unit) -> bool:
    gap = text[left.end : right.start]
    return left.sentence == right.sentence and _GAP.fullmatch(gap) is not None


def _permuted(document: Document, units: Sequence[Unit], rng: Random) -> Edit:
    """Put the words in another order, with the white space where it was."""
    first, end = units[0].start, units[-1].end
    surfaces = [unit.text for unit in units]
    rng.shuffle(surfaces)
    parts: list[str] = []
    words: list[Span] = []
    length = 0
    position = first
    for unit, surface in zip(units, surfaces, strict=True):
        gap = document.text[position : unit.start]
        length += len(gap)
        words.append(Span(length, length + len(surface)))
        length += len(surface)
        parts += [gap, surface]
        position = unit.end
    return Edit(first, end, "".join(parts), tuple(words))

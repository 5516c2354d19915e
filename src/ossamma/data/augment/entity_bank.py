"""EntityBank: the surfaces of a training set's entities, by what they may stand in for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

from ossamma.data.augment.units import lone_annotations, split_roughly
from ossamma.schema.spans import Document, Span

MAX_CHARACTERS: Final = 120
"""Longer mentions are clauses rather than names; they are neither drawn nor replaced."""

_DETERMINER: Final = re.compile(
    r"(?:an?|the|this|that|these|those|my|your|his|her|its|our|their)\s+", re.IGNORECASE
)
# A bare apostrophe is a possessive only after an s, and where no quotation mark opened before it.
_POSSESSIVE: Final = re.compile(
    r"(?:.*?(?P<with_s>\s*['\u2019]s)|[^'\u2019]*?s(?P<bare>\s*['\u2019]))", re.IGNORECASE
)


class SlotKind(NamedTuple):
    """What a surface and a slot must have in common."""

    labels: tuple[str, ...]
    """The candidate types: an open `A|B` is not the same as A."""
    dataset: str
    """The source, for each writes and splits in its own way."""
    size: int
    """The band of its number of words: 1, 2, 3, 4 to 5, 6 and more."""
    determiner: bool
    """Whether a determiner stands before it inside the annotation."""


class Slot(NamedTuple):
    """The part of a mention that another surface may take: without determiner and possessive."""

    annotation: int
    """Index among the document's annotations."""
    start: int
    end: int
    kind: SlotKind
    words: tuple[Span, ...]
    """The words in it, in offsets of the slot."""


class Surface(NamedTuple):
    """How an entity is written; `words` are in its own offsets."""

    text: str
    words: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class EntityBank:
    """Surfaces by kind; each spelling once, whatever its case. Made by `from_documents`.

    `places` tells where a spelling, case-folded, stands among the surfaces of its kind.
    """

    surfaces: Mapping[SlotKind, tuple[Surface, ...]]
    places: Mapping[SlotKind, Mapping[str, int]]

    @classmethod
    def from_documents(cls, documents: Iterable[Document]) -> EntityBank:
        """Collect the surfaces of training documents; their order does not matter.

        Documents of weight 0 were rejected and give nothing. Nor do mentions that overlap others,
        begin or end inside a word, run across lines or sentences, or are long (`MAX_CHARACTERS`);
        nor text without a letter or digit or with unprintable characters. Of several spellings
        that differ in case only the most frequent is kept.
        """
        counts: dict[SlotKind, Counter[Surface]] = {}
        for document in documents:
            for slot in slots_of(document) if document.weight else ():
                surface = Surface(document.text[slot.start : slot.end], slot.words)
                counts.setdefault(slot.kind, Counter())[surface] += 1
        surfaces = {kind: _one_of_each(counts[kind]) for kind in sorted(counts)}
        places = {
            kind: MappingProxyType({s.text.casefold(): place for place, s in enumerate(own)})
            for kind, own in surfaces.items()
        }
        return cls(MappingProxyType(surfaces), MappingProxyType(places))

    def __len__(self) -> int:
        """Number of surfaces."""
        return sum(len(own) for own in self.surfaces.values())

    def draw(self, kind: SlotKind, rng: Random, *, but: str) -> Surface | None:
        """Draw a surface of a kind, each as likely as another; never `but`, in whatever case.

        None if there is no other.
        """
        surfaces = self.surfaces.get(kind, ())
        if not surfaces:
            return None
        # Drawn from one fewer, and the place of `but` leapt over.
        place = self.places[kind].get(but.casefold(), len(surfaces))
        number = len(surfaces) - (place < len(surfaces))
        if number == 0:
            return None
        index = rng.randrange(number)
        return surfaces[index + (index >= place)]


def slots_of(document: Document) -> Iterator[Slot]:
    """Yield the slots of a document in the order of the text."""
    starts = [word.start for word in document.words or ()]
    breaks = frozenset(document.sentence_starts)
    for index, mark in lone_annotations(document):
        surface = document.text[mark.start : mark.end]
        if len(surface) > MAX_CHARACTERS or not surface.isprintable():
            continue
        for start, end, determiner in _cores(surface):
            span = Span(mark.start + start, mark.start + end)
            words = _words_in(document, span, starts, breaks)
            if words:
                kind = SlotKind(mark.labels, document.dataset, _band(len(words)), determiner)
                yield Slot(index, span.start, span.end, kind, words)
                break


def _cores(surface: str) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of the surface without determiner and possessive, then stripped of less.

    The last of the three is whether a determiner was taken off. White space at the borders
    belongs to no core.
    """
    outer = len(surface) - len(surface.lstrip()), len(surface.rstrip())
    determiner = _DETERMINER.match(surface, *outer)
    possessive = _POSSESSIVE.fullmatch(surface, *outer)
    first = determiner.end() if determiner else outer[0]
    last = possessive.start(possessive.lastgroup or 0) if possessive else outer[1]
    for end in dict.fromkeys((last, outer[1])):
        for start in dict.fromkeys((first, outer[0])):
            if any(character.isalnum() for character in surface[start:end]):
                yield start, end, start > outer[0]


def _words_in(
    document: Document, span: Span, starts: list[int], breaks: frozenset[int]
) -> tuple[Span, ...]:
    """Return the words that make up a span of characters; none unless it begins and ends with them.

    Words across which a sentence begins count as none too.
    """
    if document.words is None:
        text = document.text
        if _is_inside_word(text, span.start) or _is_inside_word(text, span.end):
            return ()
        return split_roughly(text[span.start : span.end])
    first = bisect_left(starts, span.start)
    end = bisect_left(starts, span.end)
    words = document.words[first:end]
    if not words or words[0].start != span.start or words[-1].end != span.end:
        return ()
    if any(index in breaks for index in range(first + 1, end)):
        return ()
    return tuple(Span(word.start - span.start, word.end - span.start) for word in words)


def _is_inside_word(text: str, position: int) -> bool:
    return 0 < position < len(text) and text[position - 1].isalnum() and text[position].isalnum()


def _band(num_words: int) -> int:
    if num_words <= 3:
        return num_words
    return 4 if num_words <= 5 else 6


def _one_of_each(counts: Counter[Surface]) -> tuple[Surface, ...]:
    """Keep of each case-folded spelling the most frequent, in alphabetical order."""
    best: dict[str, Surface] = {}
    for surface, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(surface.text.casefold(), surface)
    return tuple(surface for _, surface in sorted(best.items()))

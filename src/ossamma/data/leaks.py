"""Find what held-out documents share with training: whole documents, long sentences, surfaces.

A split leaks into another where a document of it stands there too (exactly or nearly), or where a
document there contains one of its long sentences, or a long part of its text between two stops.
That entities of one surface occur on both sides is no leak, but says how much a score measures
memory; it is reported beside.

Only held-out documents are remembered (about 1 KB each and 250 bytes for each long sentence);
training documents stream by.

Shapes: W words, S shingles, Z entries of a table.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import Final

import numpy as np

from ossamma.data.key_index import KeyIndex
from ossamma.data.minhash import (
    HashArray,
    shingle_hashes,
    shingle_hashes_reference,
    shingles_of_many,
)
from ossamma.data.near_index import NearIndex, NearSettings
from ossamma.data.sentences import (
    compared_places,
    compared_spans,
    compared_words,
    cut,
    passages_of,
    sentences_of,
)
from ossamma.data.text_prints import TextPrint, print_of, prints_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Span

KINDS: Final = ("exact", "near", "sentence")
"""The kinds of a leak, the gravest first."""
_FIRST_TABLE: Final = 2**16
_TABLE_SHARE: Final = 32
"""Entries of the table of anchors for each anchor, at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakSettings:
    """What counts as a leak."""

    sentence_words: int = 8
    """A sentence of so many words is hardly written twice by chance."""
    near: NearSettings | None = field(default_factory=NearSettings)
    """How near duplicates are found; None: not at all."""

    def __post_init__(self) -> None:
        if self.sentence_words < 1:
            raise ConfigurationError(f"sentence_words must be >= 1, got {self.sentence_words}")


@dataclass(frozen=True, slots=True)
class Shared:
    """One thing that a document shares with a held-out document."""

    kind: str
    """`exact`, `near` or `sentence`."""
    held: int
    """The number of the held-out document."""
    similarity: float = 1.0
    """Estimated Jaccard similarity of the two documents where `kind` is `near`."""
    place: Span | None = None
    """Where the document, not the held-out one, has the shared sentence; None otherwise."""


class _LongSentences:
    """The long passages of held-out documents, and where another document has them.

    A sentence is found by the hash of its first words, its anchor, then by its length and its key.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._lengths: dict[int, tuple[int, ...]] = {}
        self._keys = KeyIndex()
        # The document that has a sentence: the first of each sentence, and all others in a list.
        self._first_owner = array("I")
        self._other_owners: dict[int, list[int]] = {}
        # Which anchors there may be, by their lowest bits: few others pass.
        self._may_be_Z = np.zeros(_FIRST_TABLE, dtype=bool)

    def add(self, document: Document, number: int) -> None:
        """Take in the sentences of the document of this number."""
        for sentence in passages_of(document):
            words = compared_words(document.text[sentence.start : sentence.end])
            if len(words) >= self._width:
                [anchor] = shingle_hashes_reference(words[: self._width], self._width)
                self._add_anchor(anchor, len(words))
                self._add_owner(_sentence_key(words), number)

    def places_in(self, texts: Sequence[HashArray]) -> dict[int, list[tuple[int, int]]]:
        """Return where a sentence may begin: number of the text -> words and anchors there.

        Each text is given by the hashes of its compared words.
        """
        shingles_S, ends_T = shingles_of_many(texts, self._width)
        may_be_S = self._may_be_Z[shingles_S & np.uint32(len(self._may_be_Z) - 1)]
        found = np.flatnonzero(may_be_S)
        numbers = np.searchsorted(ends_T, found, side="right")
        starts = found - np.concatenate(([0], ends_T))[numbers]
        places: dict[int, list[tuple[int, int]]] = {}
        for number, start, anchor in zip(
            numbers.tolist(), starts.tolist(), shingles_S[found].tolist(), strict=True
        ):
            if anchor in self._lengths:
                places.setdefault(number, []).append((start, anchor))
        return places

    def shared(
        self, document: Document, places: Iterable[tuple[int, int]] | None = None
    ) -> Iterator[Shared]:
        """Yield every place of the document where a sentence stands, with each of its owners.

        `places` is what `places_in` returned; without it every word of the document is tried.
        """
        words = compared_words(document.text)
        borders: list[tuple[int, int]] = []
        if places is None:
            places = enumerate(shingle_hashes(words, self._width).tolist())
        for start, anchor in places:
            for length in self._lengths.get(anchor, ()):
                sentence = words[start : start + length]
                numbers = self._owners(_sentence_key(sentence))
                if not numbers or len(sentence) < length:
                    continue
                borders = borders or compared_places(document.text)
                place = Span(borders[start][0], borders[start + length - 1][1])
                for number in numbers:
                    yield Shared("sentence", number, place=place)

    def _add_anchor(self, anchor: int, length: int) -> None:
        lengths = self._lengths.get(anchor, ())
        if length not in lengths:
            self._lengths[anchor] = tuple(sorted((*lengths, length)))
        if len(self._lengths) * _TABLE_SHARE > len(self._may_be_Z):
            self._may_be_Z = np.zeros(2 * len(self._may_be_Z), dtype=bool)
            anchors = np.fromiter(self._lengths, dtype=np.uint32)
            self._may_be_Z[anchors & np.uint32(len(self._may_be_Z) - 1)] = True
        self._may_be_Z[anchor & (len(self._may_be_Z) - 1)] = True

    def _add_owner(self, key: bytes, number: int) -> None:
        place = self._keys.find(key)
        if place is None:
            self._keys.add(key)
            self._first_owner.append(number)
        else:
            self._other_owners.setdefault(place, []).append(number)

    def _owners(self, key: bytes) -> list[int]:
        place = self._keys.find(key)
        if place is None:
            return []
        return [self._first_owner[place], *self._other_owners.get(place, ())]


class HeldOut:
    """Held-out documents, and what another document shares with them."""

    def __init__(self, settings: LeakSettings | None = None) -> None:
        self._settings = settings or LeakSettings()
        self._near = NearIndex(self._settings.near) if self._settings.near else None
        self._names: list[tuple[str, str]] = []
        self._same_text: dict[bytes, list[int]] = {}
        self._copies: dict[int, list[int]] = {}
        self._sentences = _LongSentences(self._settings.sentence_words)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, number: int) -> tuple[str, str]:
        """Return split and id of a held-out document."""
        return self._names[number]

    def prints(self, documents: Sequence[Document]) -> list[TextPrint]:
        """Make the prints of documents' texts, by these settings."""
        return prints_of([document.text for document in documents], self._near)

    def add(self, document: Document, split: str, text_print: TextPrint | None = None) -> int:
        """Take a held-out document in and return its number, from 0.

        `text_print` is what `prints` gave for it, where it was called for many at once.
        """
        if text_print is None:
            [text_print] = self.prints([document])
        number = len(self._names)
        self._names.append((split, document.id))
        same = self._same_text.setdefault(text_print.key, [])
        same.append(number)
        if self._near and len(same) == 1:
            self._near.add(text_print.fingerprint, number)
            self._copies[number] = same
        self._sentences.add(document, number)
        return number

    def shared(self, document: Document) -> Iterator[Shared]:
        """Yield all that the document shares with held-out ones, the gravest kind first.

        An exact duplicate is not named as a near one again, but shared sentences are named
        whatever else is shared. A sentence counts wherever its words follow each other in the
        document, punctuation and sentence borders there aside.
        """
        yield from self._shared_texts(print_of(document.text, self._near))
        yield from self._sentences.shared(document)

    def shared_by_each(
        self, documents: Sequence[Document], prints: Sequence[TextPrint]
    ) -> list[list[Shared]]:
        """Return what `shared` yields, for many documents with their prints: much faster."""
        return list(map(list, self._shared_by_each(documents, prints)))

    def is_shared_by_each(
        self, documents: Sequence[Document], prints: Sequence[TextPrint]
    ) -> list[bool]:
        """Return whether `shared` yields anything, for many documents with their prints."""
        found = self._shared_by_each(documents, prints)
        return [next(shared, None) is not None for shared in found]

    def _shared_by_each(
        self, documents: Sequence[Document], prints: Sequence[TextPrint]
    ) -> list[Iterator[Shared]]:
        places = self._sentences.places_in([text_print.words_W for text_print in prints])
        found = list(map(self._shared_texts, prints))
        for number, in_text in places.items():
            sentences = self._sentences.shared(documents[number], in_text)
            found[number] = chain(found[number], sentences)
        return found

    def _shared_texts(self, text_print: TextPrint) -> Iterator[Shared]:
        same = self._same_text.get(text_print.key, [])
        for number in same:
            yield Shared("exact", number)
        if self._near:
            for first, similarity in self._near.neighbours(text_print.fingerprint):
                if self._copies[first] is not same:
                    for number in self._copies[first]:
                        yield Shared("near", number, similarity)


def shared_sentences_reference(
    document: Document, held: Document, sentence_words: int
) -> set[tuple[int, int]]:
    """Compare every run of words with every long sentence: the definition of a shared sentence."""
    words, spans = compared_words(document.text), compared_spans(document.text)
    places = set()
    for sentence in passages_of(held):
        wanted = compared_words(held.text[sentence.start : sentence.end])
        for start in range(len(words) if len(wanted) >= sentence_words else 0):
            if words[start : start + len(wanted)] == wanted:
                places.add((spans[start].start, spans[start + len(wanted) - 1].end))
    return places


@dataclass(frozen=True, slots=True)
class Leak:
    """The gravest thing that a training document shares, and the sentences of it that must go."""

    kind: str
    held_split: str
    held_id: str
    similarity: float
    sentences: tuple[Span, ...]
    """The document's own sentences in which a held-out long sentence stands."""


def find_leak(document: Document, held_out: HeldOut) -> Leak | None:
    """Return what makes a document unfit for training beside these held-out ones, or None."""
    [found] = held_out.shared_by_each([document], held_out.prints([document]))
    if not found:
        return None
    split, held_id = held_out.name(found[0].held)
    return Leak(
        kind=found[0].kind,
        held_split=split,
        held_id=held_id,
        similarity=found[0].similarity,
        sentences=_sentences_at(document, {s.place for s in found if s.place is not None}),
    )


def _sentences_at(document: Document, places: set[Span]) -> tuple[Span, ...]:
    """Return the document's own sentences at these places; the place itself where none is."""
    sentences = sentences_of(document) if places else []
    starts, ends = [s.start for s in sentences], [s.end for s in sentences]
    spans: set[Span] = set()
    for place in places:
        met = sentences[bisect_right(ends, place.start) : bisect_left(starts, place.end)]
        spans.update(met or [place])
    return tuple(sorted(spans))


def clean(
    train: Iterable[Document], held_out: HeldOut
) -> Iterator[tuple[Document | None, Leak | None]]:
    """Yield for each training document what may stay of it, and the leak it had.

    A document that repeats a held-out one, exactly or nearly, goes: None. One that contains a
    held-out sentence loses its sentences there and keeps the rest. What is yielded has no leak.
    """
    for document in train:
        first = leak = find_leak(document, held_out)
        remaining: Document | None = document
        while remaining is not None and leak is not None:
            # Cutting may bring words together that are a held-out sentence: look again.
            remaining = cut(remaining, leak.sentences) if leak.kind == "sentence" else None
            leak = None if remaining is None else find_leak(remaining, held_out)
        yield remaining, first


def _sentence_key(words: list[bytes]) -> bytes:
    return blake2b(b" ".join(words), digest_size=16).digest()

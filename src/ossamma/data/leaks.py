"""Find what held-out documents share with training: whole documents, long sentences, surfaces.

A split leaks into another where a document of it stands there too (exactly or nearly), or where a
document there contains one of its long sentences. That entities of one surface occur on both sides
is no leak, but says how much a score measures memory; it is reported beside.

Only held-out documents are remembered (about 1 KB each and 250 bytes for each long sentence);
training documents stream by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from ossamma.data.minhash import normalise, shingle_hashes, text_key
from ossamma.data.near_index import NearIndex, NearSettings
from ossamma.data.sentences import compared_spans, compared_words, cut, sentences_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Span

KINDS: Final = ("exact", "near", "sentence")
"""The kinds of a leak, the gravest first."""


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


class HeldOut:
    """Held-out documents, and what another document shares with them."""

    def __init__(self, settings: LeakSettings | None = None) -> None:
        self._settings = settings or LeakSettings()
        self._near = NearIndex(self._settings.near) if self._settings.near else None
        self._names: list[tuple[str, str]] = []
        self._same_text: dict[bytes, list[int]] = {}
        self._copies: dict[int, list[int]] = {}
        # A sentence is found by the hash of its first words, then by its length and its key.
        self._lengths: dict[int, set[int]] = {}
        self._by_sentence: dict[bytes, list[int]] = {}

    def __len__(self) -> int:
        return len(self._names)

    def name(self, number: int) -> tuple[str, str]:
        """Return split and id of a held-out document."""
        return self._names[number]

    def add(self, document: Document, split: str) -> int:
        """Take a held-out document in and return its number, from 0."""
        number = len(self._names)
        self._names.append((split, document.id))
        normalised = normalise(document.text)
        same = self._same_text.setdefault(text_key(normalised), [])
        same.append(number)
        if self._near and len(same) == 1:
            self._near.add(self._near.fingerprint(normalised), number)
            self._copies[number] = same
        width = self._settings.sentence_words
        for sentence in sentences_of(document):
            words = compared_words(document.text[sentence.start : sentence.end])
            if len(words) >= width:
                anchor = int(shingle_hashes(words[:width], width)[0])
                self._lengths.setdefault(anchor, set()).add(len(words))
                self._by_sentence.setdefault(_sentence_key(words), []).append(number)
        return number

    def shared(self, document: Document) -> Iterator[Shared]:
        """Yield all that the document shares with held-out ones, the gravest kind first.

        An exact duplicate is not named as a near one again, but shared sentences are named
        whatever else is shared. A sentence counts wherever its words follow each other in the
        document, punctuation and sentence borders there aside.
        """
        normalised = normalise(document.text)
        same = self._same_text.get(text_key(normalised), [])
        for number in same:
            yield Shared("exact", number)
        if self._near:
            for first, similarity in self._near.neighbours(self._near.fingerprint(normalised)):
                if self._copies[first] is not same:
                    for number in self._copies[first]:
                        yield Shared("near", number, similarity)
        yield from self._shared_sentences(document)

    def _shared_sentences(self, document: Document) -> Iterator[Shared]:
        width = self._settings.sentence_words
        words = compared_words(document.text)
        spans: list[Span] = []
        for start, anchor in enumerate(shingle_hashes(words, width).tolist()):
            for length in sorted(self._lengths.get(anchor, ())):
                sentence = words[start : start + length]
                numbers = self._by_sentence.get(_sentence_key(sentence), [])
                if not numbers or len(sentence) < length:
                    continue
                spans = spans or compared_spans(document.text)
                place = Span(spans[start].start, spans[start + length - 1].end)
                for number in numbers:
                    yield Shared("sentence", number, place=place)


def shared_sentences_reference(
    document: Document, held: Document, sentence_words: int
) -> set[tuple[int, int]]:
    """Compare every run of words with every long sentence: the definition of a shared sentence."""
    words, spans = compared_words(document.text), compared_spans(document.text)
    places = set()
    for sentence in sentences_of(held):
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
    found = list(held_out.shared(document))
    if not found:
        return None
    split, held_id = held_out.name(found[0].held)
    return Leak(
        kind=found[0].kind,
        held_split=split,
        held_id=held_id,
        similarity=found[0].similarity,
        sentences=_sentences_at(document, [s.place for s in found if s.place is not None]),
    )


def _sentences_at(document: Document, places: list[Span]) -> tuple[Span, ...]:
    """Return the document's own sentences at these places; the place itself where none is."""
    sentences = sentences_of(document) if places else []
    spans: set[Span] = set()
    for place in places:
        met = [s for s in sentences if place.start < s.end and s.start < place.end]
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

"""Spans, entities, annotations and documents, all in character offsets of the original text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, runtime_checkable

from ossamma.schema.errors import SpanError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open interval [start, end) of characters. Never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise SpanError(f"a span must satisfy 0 <= start < end, got [{self.start}, {self.end})")


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A recognised entity: `text` is exactly the document's `[start, end)`.

    `confidence` is a probability in [0, 1]. `origin` names what found it where a recogniser can
    say so (`lexicon:<name>`, `pattern:<name>`); two entities that differ in it alone are equal.
    """

    start: int
    end: int
    label: str
    text: str
    confidence: float = 1.0
    origin: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise SpanError(
                f"an entity must satisfy 0 <= start < end, got [{self.start}, {self.end})"
            )
        if len(self.text) != self.end - self.start:
            raise SpanError(
                f"entity [{self.start}, {self.end}) needs {self.end - self.start} characters of "
                f"text, got {len(self.text)}: {self.text[:40]!r}"
            )
        if not 0.0 <= self.confidence <= 1.0:  # also refuses NaN
            raise SpanError(f"a confidence must lie in [0, 1], got {self.confidence}")


@dataclass(frozen=True, slots=True, order=True)
class Annotation:
    """What a source says of a span: an entity of one of these candidate types.

    Several candidates mean that the source cannot tell them apart (CoNLL's MISC is an event or a
    work or ...). `labels` is sorted, without repetition, and never empty.

    `origin` names what set the mark where it was not the source's own annotators: a lexicon, a
    pattern, a repair. `confidence` is the origin's probability that the mark is right.
    """

    start: int
    end: int
    labels: tuple[str, ...]
    origin: str = ""
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise SpanError(
                f"an annotation must satisfy 0 <= start < end, got [{self.start}, {self.end})"
            )
        if not self.labels or list(self.labels) != sorted(set(self.labels)):
            raise SpanError(
                f"candidate types must be sorted, unique and at least one, got {self.labels}"
            )
        if not 0.0 <= self.confidence <= 1.0:  # also refuses NaN
            raise SpanError(f"a confidence must lie in [0, 1], got {self.confidence}")

    @property
    def label(self) -> str:
        """The type, written `A|B|C` where the source leaves several open."""
        return "|".join(self.labels)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a document came from: file (or stream) name and 1-based line of its first word."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Document:
    """A text and what is known of it. Every offset is a character of `text`.

    `words` are the source's own words (None: the source did not split the text), ascending and
    disjoint. `sentence_starts` are indices into `words`, ascending, at which a sentence begins.
    `annotations` is None for unlabelled text; an empty tuple says "annotated, nothing found".
    `annotates` names the types that the source marks exhaustively: elsewhere silence means nothing.
    None means all types. `weight` scales the document's loss. `dataset` names the corpus that it
    is of. Documents with one `group` (parts of one report, say) must not be split between training
    and test; empty, the document is a group of its own.
    """

    id: str
    text: str
    words: tuple[Span, ...] | None = None
    sentence_starts: tuple[int, ...] = ()
    annotations: tuple[Annotation, ...] | None = None
    annotates: frozenset[str] | None = None
    weight: float = 1.0
    provenance: Provenance | None = None
    dataset: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        self._check_words()
        for annotation in self.annotations or ():
            if annotation.end > len(self.text):
                raise SpanError(
                    f"document {self.id!r}: annotation [{annotation.start}, {annotation.end}) "
                    f"ends beyond the text of {len(self.text)} characters"
                )
        if not self.weight >= 0.0:  # also refuses NaN
            raise SpanError(f"document {self.id!r}: weight must be >= 0, got {self.weight}")

    def _check_words(self) -> None:
        end = 0
        for word in self.words or ():
            if word.start < end or word.end > len(self.text):
                raise SpanError(
                    f"document {self.id!r}: word [{word.start}, {word.end}) overlaps the one "
                    f"before it or ends beyond the text of {len(self.text)} characters"
                )
            end = word.end
        num_words = len(self.words or ())
        for previous, start in pairwise((-1, *self.sentence_starts)):
            if not previous < start < num_words:
                raise SpanError(
                    f"document {self.id!r}: sentence_starts must ascend and lie in "
                    f"[0, {num_words}), the document's words; got {start} in "
                    f"{self.sentence_starts[:20]}"
                )

    @property
    def where(self) -> str:
        """The document's place for error messages."""
        return f"{self.provenance} (document {self.id!r})" if self.provenance else repr(self.id)


@runtime_checkable
class Recogniser(Protocol):
    """Anything that turns texts into entities, one sorted list per text, in the same order."""

    def recognise(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in offsets of that text."""
        ...

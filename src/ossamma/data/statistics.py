"""Counts of a data set, document by document: what a data card tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ossamma.schema.spans import Annotation, Document

SOURCE_ORIGIN: Final = "source"
"""How the card calls marks of the source's own annotators, whose origin is empty."""
_DOCUMENT_BINS: Final = (10, 20, 40, 80, 160, 320, 640, 1280)
"""Upper bounds in words; a last bin takes what is longer."""
_ENTITY_BINS: Final = (1, 2, 3, 4, 6, 10)


@dataclass(slots=True)
class Part:
    """Counts of one data set in one split."""

    documents: int = 0
    words: int = 0
    characters: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    """Marks by type; open candidates are written `A|B`."""
    origins: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Marks by type and the kind of their origin: source, marker, lexicon, pattern, rule ..."""
    weights: Counter[float] = field(default_factory=Counter)
    """Documents by weight."""
    annotates: Counter[str] = field(default_factory=Counter)
    """Documents by type that they annotate exhaustively; `*` for those that annotate all."""
    document_lengths: Counter[str] = field(default_factory=Counter)
    """Documents by their number of words, in bins."""
    entity_lengths: Counter[str] = field(default_factory=Counter)
    """Marks by their number of words, in bins."""

    def add(self, document: Document) -> None:
        """Count one document."""
        self.documents += 1
        num_words = len(document.words) if document.words else len(document.text.split())
        self.words += num_words
        self.characters += len(document.text)
        self.weights[document.weight] += 1
        self.annotates.update(["*"] if document.annotates is None else sorted(document.annotates))
        self.document_lengths[_bin(num_words, _DOCUMENT_BINS)] += 1
        for annotation in document.annotations or ():
            self.entities[annotation.label] += 1
            self.origins[annotation.label, origin_kind(annotation)] += 1
            num_words = len(document.text[annotation.start : annotation.end].split())
            self.entity_lengths[_bin(num_words, _ENTITY_BINS)] += 1

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, in an order that depends on the counts alone."""
        return {
            "documents": self.documents,
            "words": self.words,
            "characters": self.characters,
            "entities": _descending(self.entities),
            "origins": [[*key, n] for key, n in sorted(self.origins.items())],
            "weights": {f"{weight:g}": n for weight, n in sorted(self.weights.items())},
            "annotates": dict(sorted(self.annotates.items())),
            "document_lengths": _in_order(self.document_lengths, _DOCUMENT_BINS),
            "entity_lengths": _in_order(self.entity_lengths, _ENTITY_BINS),
        }


@dataclass(slots=True)
class Statistics:
    """Counts of a whole build, by data set and split."""

    parts: dict[tuple[str, str], Part] = field(default_factory=dict)

    def add(self, document: Document, split: str) -> None:
        """Count one document of a split."""
        self.parts.setdefault((document.dataset, split), Part()).add(document)

    def count(self, documents: Iterable[Document], split: str) -> Iterable[Document]:
        """Count documents on their way to somewhere else."""
        for document in documents:
            self.add(document, split)
            yield document

    def to_json(self) -> list[dict[str, Any]]:
        """Return one object per data set and split, sorted."""
        return [
            {"dataset": dataset, "split": split, **part.to_json()}
            for (dataset, split), part in sorted(self.parts.items())
        ]


def origin_kind(annotation: Annotation) -> str:
    """Return `lexicon` for `lexicon:malware`, and `source` for the source's own annotators."""
    return annotation.origin.split(":", 1)[0] or SOURCE_ORIGIN


def _bin(value: int, bounds: tuple[int, ...]) -> str:
    for bound in bounds:
        if value <= bound:
            return f"<= {bound}"
    return f"> {bounds[-1]}"


def _in_order(counts: Counter[str], bounds: tuple[int, ...]) -> dict[str, int]:
    names = [*(f"<= {bound}" for bound in bounds), f"> {bounds[-1]}"]
    return {name: counts[name] for name in names}


def _descending(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

"""Reference histograms: what a release found on its dev documents, to tell drift from.

Counts alone, no text: confidences, lengths of texts, and how often each type occurs. A server
gathers the same of its own texts and compares the two. Needs neither torch nor transformers.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ossamma.export.manifest import REFERENCE_FILE
from ossamma.schema.errors import BundleError
from ossamma.schema.spans import Entity

CONFIDENCE_EDGES: Final = tuple(n / 20 for n in range(1, 20))
"""Upper bounds of all bins but the last, each included."""
LENGTH_EDGES: Final = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536)
"""Of a text, in characters."""
RATE_EDGES: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Entities of a type per 1,000 characters of a text; the first bin is of texts without any."""
_FORMAT: Final = "ossamma-reference/1"
_LEAST_SHARE: Final = 1e-4


@dataclass(slots=True)
class Histogram:
    """Counts of numbers by bins: bin i holds those in (edges[i - 1], edges[i]]."""

    edges: tuple[float, ...]
    counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.edges) + 1)
        if len(self.counts) != len(self.edges) + 1 or min(self.counts) < 0:
            raise ValueError(f"expected {len(self.edges) + 1} counts, got {self.counts}")

    def add(self, value: float) -> None:
        """Count a number."""
        self.counts[bisect_left(self.edges, value)] += 1

    @property
    def total(self) -> int:
        """How many numbers were counted."""
        return sum(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {"edges": list(self.edges), "counts": list(self.counts)}


@dataclass(slots=True)
class Reference:
    """Histograms of texts and of what was found in them, for these types."""

    types: tuple[str, ...]
    confidence: Histogram = field(default_factory=lambda: Histogram(CONFIDENCE_EDGES))
    """Of entities."""
    text_length: Histogram = field(default_factory=lambda: Histogram(LENGTH_EDGES))
    """Of texts, in characters."""
    entity_rate: dict[str, Histogram] = field(default_factory=dict)
    """Of texts that are not empty, by type: entities per 1,000 characters."""
    entities: dict[str, int] = field(default_factory=dict)
    """By type, over all texts."""
    characters: int = 0
    """Of all texts."""

    def __post_init__(self) -> None:
        for name in self.types:
            self.entity_rate.setdefault(name, Histogram(RATE_EDGES))
            self.entities.setdefault(name, 0)

    @property
    def texts(self) -> int:
        """How many texts were counted."""
        return self.text_length.total

    def add(self, num_characters: int, entities: Iterable[Entity]) -> None:
        """Count a text of this length and the entities that were found in it."""
        self.text_length.add(num_characters)
        self.characters += num_characters
        found = dict.fromkeys(self.types, 0)
        for entity in entities:
            found[entity.label] += 1
            self.confidence.add(entity.confidence)
        for name, number in found.items():
            self.entities[name] += number
            if num_characters:
                self.entity_rate[name].add(1000 * number / num_characters)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        return {
            "format": _FORMAT,
            "texts": self.texts,
            "characters": self.characters,
            "entities": dict(self.entities),
            "confidence": self.confidence.to_json(),
            "text_length": self.text_length.to_json(),
            "entity_rate": {name: each.to_json() for name, each in self.entity_rate.items()},
        }


def stability_index(expected: Sequence[int], found: Sequence[int]) -> float:
    """Return the population stability index of two histograms with the same bins.

    The sum over bins of (q - p) ln(q / p), with the shares p and q, none taken below 1e-4. It is 0
    for equal shares and symmetric; by custom 0.1 is a change and 0.25 a large one. NaN if either
    is empty.
    """
    assert len(expected) == len(found)
    if not sum(expected) or not sum(found):
        return math.nan
    shares = [[max(n / sum(counts), _LEAST_SHARE) for n in counts] for counts in (expected, found)]
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(*shares, strict=True))


def reference_file(reference: Reference) -> bytes:
    """Return the content of reference.json."""
    return (json.dumps(reference.to_json(), indent=1) + "\n").encode()


def read_reference(folder: Path) -> Reference | None:
    """Read the histograms of a verified bundle; None if it has none.

    Raises:
        BundleError: the file is not what `reference_file` writes.
    """
    path = folder / REFERENCE_FILE
    if not path.is_file():
        return None
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} holds no reference histograms: {error!r}") from error


def _parse(content: Mapping[str, Any]) -> Reference:
    if content["format"] != _FORMAT:
        raise ValueError(f"expected {_FORMAT}, got {content['format']!r}")
    return Reference(
        types=tuple(content["entities"]),
        confidence=_histogram(content["confidence"]),
        text_length=_histogram(content["text_length"]),
        entity_rate={name: _histogram(each) for name, each in content["entity_rate"].items()},
        entities={name: int(number) for name, number in content["entities"].items()},
        characters=int(content["characters"]),
    )


def _histogram(content: Mapping[str, Any]) -> Histogram:
    return Histogram(tuple(map(float, content["edges"])), list(map(int, content["counts"])))

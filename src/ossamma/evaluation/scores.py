"""Counts of entities per type, and every ratio that follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ossamma.schema.errors import DataError


def ratio(numerator: float, denominator: float) -> float:
    """Divide; zero divided by zero is 0.0."""
    return numerator / denominator if denominator else 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entities were found, invented and missed. Zero divided by zero is 0.0."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __post_init__(self) -> None:
        if min(self.true_positives, self.false_positives, self.false_negatives) < 0:
            raise DataError(f"counts must not be negative, got {self}")

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        """Share of the predictions that are right, in [0, 1]."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found, in [0, 1]."""
        return ratio(self.true_positives, self.support)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def support(self) -> int:
        """Number of gold entities."""
        return self.true_positives + self.false_negatives


class Ratios(NamedTuple):
    """Averaged precision, recall and F1, which no single table of counts stands behind."""

    precision: float
    recall: float
    f1: float


class HasRatios(Protocol):
    """Whatever has a precision, a recall and an F1."""

    @property
    def precision(self) -> float:
        """Share of the predictions that are right, in [0, 1]."""
        ...

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found, in [0, 1]."""
        ...

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        ...


def mean_ratios(rows: Iterable[HasRatios], weights: Sequence[int]) -> Ratios:
    """Weighted mean of each ratio; 0.0 if the weights sum to nothing."""
    table = [(row.precision, row.recall, row.f1) for row in rows]

    def mean(column: int) -> float:
        # fsum rounds once: the mean does not depend on the order of the rows.
        total = math.fsum(w * row[column] for w, row in zip(weights, table, strict=True))
        return ratio(total, sum(weights))

    return Ratios(mean(0), mean(1), mean(2))


def ratios_to_json(source: HasRatios) -> dict[str, float]:
    """Precision, recall and F1 under fixed keys."""
    return {"precision": source.precision, "recall": source.recall, "f1": source.f1}


def counts_to_json(counts: Counts) -> dict[str, float]:
    """Ratios, support and the three counts under fixed keys."""
    return {
        **ratios_to_json(counts),
        "support": counts.support,
        "tp": counts.true_positives,
        "fp": counts.false_positives,
        "fn": counts.false_negatives,
    }


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts per type, and every figure that follows from them.

    `per_type` has a row for each type that occurs among the gold or the predicted entities, in
    sorted order; `A|B` is the row of annotations between whose types the source cannot tell. What
    a document does not annotate is left out: `unscored` counts such predictions per type,
    `unscored_gold` such annotations per label.
    """

    per_type: Mapping[str, Counts]
    num_documents: int
    unscored: Mapping[str, int] = field(default_factory=dict)
    unscored_gold: Mapping[str, int] = field(default_factory=dict)

    @property
    def micro(self) -> Counts:
        """The sum over all types."""
        return sum(self.per_type.values(), Counts())

    @property
    def macro(self) -> Ratios:
        """Plain mean over the types of `per_type`; 0.0 without any. `A|B` is not a type."""
        return mean_ratios(self.per_type.values(), ["|" not in name for name in self.per_type])

    @property
    def weighted(self) -> Ratios:
        """Mean over the rows of `per_type`, weighted by support; 0.0 without gold entities."""
        rows = self.per_type.values()
        return mean_ratios(rows, [counts.support for counts in rows])

    def to_json(self) -> dict[str, object]:
        """Plain dicts, strings, ints and floats with fixed keys, types in sorted order."""
        return {
            "micro": ratios_to_json(self.micro),
            "macro": ratios_to_json(self.macro),
            "weighted": ratios_to_json(self.weighted),
            "per_type": {
                name: counts_to_json(counts) for name, counts in sorted(self.per_type.items())
            },
            "documents": self.num_documents,
            "unscored": dict(sorted(self.unscored.items())),
            "unscored_gold": dict(sorted(self.unscored_gold.items())),
        }

"""Every judged prediction as a confidence and whether it was right: what calibration is made of.

N predictions, G gold marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.resampling import unit_keys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NotMeasurable:
    """That something cannot be measured, and why."""

    reason: str

    def to_json(self) -> dict[str, str]:
        """Plain JSON."""
        return {"not_measurable": self.reason}


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Judged predictions, and the gold marks that they could have found.

    A prediction is right if it is strictly correct. `types` are the predicted types. A gold mark
    counts under the type that found it, or else under its own label, which may be `A|B`. Units
    are documents, or groups of them.
    """

    confidence_N: Floats
    right_N: Bools
    types: NDArray[np.str_]
    unit_N: Ints
    gold_types: NDArray[np.str_]
    gold_unit_G: Ints

    def __len__(self) -> int:
        return len(self.confidence_N)

    @property
    def num_gold(self) -> int:
        """Number of judged gold marks."""
        return len(self.gold_types)

    def with_confidence(self, confidence_N: Floats) -> Outcomes:
        """Return the same predictions with other confidences."""
        assert len(confidence_N) == len(self), "one confidence per prediction"
        return replace(self, confidence_N=confidence_N)

    def by_type(self) -> dict[str, Outcomes]:
        """Split by predicted type, in sorted order; types that were never predicted are absent."""
        return {
            name: self._chosen(self.types == name, self.gold_types == name)
            for name in np.unique(self.types).tolist()
        }

    def of_units(self, units: Ints) -> Outcomes:
        """Return what stands in these units."""
        return self._chosen(np.isin(self.unit_N, units), np.isin(self.gold_unit_G, units))

    def _chosen(self, which_N: Bools, which_G: Bools) -> Outcomes:
        return Outcomes(
            self.confidence_N[which_N],
            self.right_N[which_N],
            self.types[which_N],
            self.unit_N[which_N],
            self.gold_types[which_G],
            self.gold_unit_G[which_G],
        )


def collect_outcomes(judged: Sequence[JudgedDocument]) -> Outcomes:
    """Gather what was judged. Predictions of types that a document does not annotate are left out.

    The order is that of the documents and of the places in them.
    """
    keys = unit_keys(judged)
    pairs = [(key, pair) for key, each in zip(keys, judged, strict=True) for pair in each.pairs]
    claims = [(key, pair.predicted, pair.relation) for key, pair in pairs if pair.predicted]
    gold = [(key, _gold_type(pair)) for key, pair in pairs if pair.gold is not None]
    return Outcomes(
        np.array([claim.confidence for _, claim, _ in claims], dtype=np.float64),
        np.array([relation is Relation.CORRECT for _, _, relation in claims], dtype=np.bool_),
        np.array([claim.label for _, claim, _ in claims], dtype=np.str_),
        np.array([key for key, _, _ in claims], dtype=np.int64),
        np.array([name for _, name in gold], dtype=np.str_),
        np.array([key for key, _ in gold], dtype=np.int64),
    )


def _gold_type(pair: Pair) -> str:
    assert pair.gold is not None, "the pair has a gold mark"
    if pair.relation is Relation.CORRECT and pair.predicted is not None:
        return pair.predicted.label
    return pair.gold.label


def why_not_measurable(outcomes: Outcomes) -> str:
    """Say why nothing can be learned from these confidences; nothing if something can."""
    if not len(outcomes):
        return "there is no judged prediction"
    if (outcomes.confidence_N == 1.0).all():
        return "every prediction has confidence 1: the system gives none"
    return ""

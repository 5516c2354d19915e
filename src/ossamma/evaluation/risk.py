"""Risk and coverage: how wrong the predictions are if only the most certain ones are kept.

Coverage is the share of the predictions that is kept, risk the share of those that is wrong: one
minus precision. Leaving predictions out costs recall, which is given beside it.

N predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.outcomes import (
    Bools,
    Floats,
    NotMeasurable,
    Outcomes,
    collect_outcomes,
    why_not_measurable,
)

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Where selective precision is given."""
_POINTS = 101  # of the curve in a report


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """The most certain predictions, down to `confidence`."""

    coverage: float
    risk: float
    recall: float
    confidence: float

    def to_json(self) -> dict[str, float]:
        """Plain JSON with fixed keys."""
        return {
            "coverage": self.coverage,
            "risk": self.risk,
            "recall": self.recall,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class RiskFigures:
    """Area under the risk-coverage curve, what a perfect order would give, and the curve.

    `aurc` is the mean risk over all coverages; `excess` is its part above `best`, the area of the
    same predictions with every right one before every wrong one. `precision_at` maps coverages to
    the precision of so many of the most certain predictions.
    """

    predictions: int
    aurc: float
    best: float
    precision_at: Mapping[float, float]
    curve: tuple[RiskPoint, ...]

    @property
    def excess(self) -> float:
        """What better confidences could take off the area."""
        return max(0.0, self.aurc - self.best)

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "predictions": self.predictions,
            "aurc": self.aurc,
            "excess_aurc": self.excess,
            "precision_at": {f"{at:g}": value for at, value in self.precision_at.items()},
            "curve": [point.to_json() for point in self.curve],
        }


@dataclass(frozen=True, slots=True)
class RiskReport:
    """The figures of all predictions and of each predicted type."""

    overall: RiskFigures
    per_type: Mapping[str, RiskFigures]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys, types in sorted order."""
        return {
            "overall": self.overall.to_json(),
            "per_type": {name: each.to_json() for name, each in sorted(self.per_type.items())},
        }


def measure_risk(judged: Sequence[JudgedDocument]) -> RiskReport | NotMeasurable:
    """Measure risk and coverage of all judged predictions, overall and by predicted type."""
    outcomes = collect_outcomes(judged)
    reason = why_not_measurable(outcomes)
    if reason:
        return NotMeasurable(reason)
    return RiskReport(
        _figures(outcomes), {name: _figures(each) for name, each in outcomes.by_type().items()}
    )


def risks(confidence_N: Floats, right_N: Bools) -> Floats:
    """Risk of the k most certain predictions, for k = 1 to N.

    Equal confidences have no order: the risk is its mean over all orders of them.
    """
    levels, place_N = np.unique(-confidence_N, return_inverse=True)
    count = np.bincount(place_N, minlength=len(levels))
    wrong = np.bincount(place_N, weights=~right_N, minlength=len(levels)) / count
    ranked_N = np.repeat(wrong, count)
    risk_N: Floats = np.cumsum(ranked_N) / np.arange(1, len(ranked_N) + 1)
    return risk_N


def _figures(outcomes: Outcomes) -> RiskFigures:
    number = len(outcomes)
    assert number, "there is something to measure"
    risk_N = risks(outcomes.confidence_N, outcomes.right_N)
    best_N = risks(outcomes.right_N.astype(np.float64), outcomes.right_N)
    ranked_N = np.sort(outcomes.confidence_N)[::-1]
    kept = {at: max(1, round(at * number)) for at in COVERAGES}
    last_ones = np.unique(np.linspace(1, number, min(_POINTS, number)).round().astype(np.int64))
    return RiskFigures(
        predictions=number,
        aurc=float(risk_N.mean()),
        best=float(best_N.mean()),
        precision_at={at: 1.0 - float(risk_N[last - 1]) for at, last in kept.items()},
        curve=tuple(
            RiskPoint(
                coverage=last / number,
                risk=float(risk_N[last - 1]),
                recall=_recall(last * (1.0 - float(risk_N[last - 1])), outcomes.num_gold),
                confidence=float(ranked_N[last - 1]),
            )
            for last in last_ones.tolist()
        ),
    )


def _recall(right: float, num_gold: int) -> float:
    return min(1.0, right / num_gold) if num_gold else 0.0

"""Thresholds per type, chosen on labelled documents: for the best F1, or for a precision floor.

A threshold can only remove predictions of the best path: it buys precision with recall, and the
gain in F1 is what the uncertain predictions cost more than they bring. For confidences that mean
what they say the best one lies at half the best F1 (Lipton et al. 2014).

N predictions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ossamma.evaluation.outcomes import Floats, Ints, Outcomes
from ossamma.evaluation.proportions import wilson
from ossamma.inference.calibration import Thresholds
from ossamma.schema.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdSettings:
    """When a type has a threshold of its own, and what a precision floor means."""

    min_predictions: int = 30
    """Types with fewer predictions get the threshold of all types together."""
    precision_floor: float = 0.9
    """Precision that shall be reached, with the certainty `level`."""
    level: float = 0.95
    """Certainty of one-sided bounds of precision (Wilson)."""

    def __post_init__(self) -> None:
        if not 0.5 < self.level < 1.0:
            raise ConfigurationError(
                f"level must lie strictly between 0.5 and 1, got {self.level}; 0.95 is usual"
            )
        if self.min_predictions < 1:
            raise ConfigurationError(f"min_predictions must be >= 1, got {self.min_predictions}")
        if not 0.0 < self.precision_floor < 1.0:
            raise ConfigurationError(
                f"precision_floor must lie strictly between 0 and 1, got {self.precision_floor}"
            )


def f1_thresholds(outcomes: Outcomes, settings: ThresholdSettings) -> Thresholds:
    """Choose the threshold of the best F1 for each type, where that is no accident."""

    def choose(each: Outcomes) -> float:
        return f1_threshold(each, level=settings.level)

    return _thresholds(outcomes, settings, choose)


def precision_thresholds(outcomes: Outcomes, settings: ThresholdSettings) -> Thresholds:
    """Choose for each type the lowest threshold above which the floor surely holds.

    A type for which there is none gets None: all its predictions go.
    """

    def choose(each: Outcomes) -> float | None:
        return precision_threshold(each, floor=settings.precision_floor, level=settings.level)

    return _thresholds(outcomes, settings, choose)


def f1_threshold(outcomes: Outcomes, *, level: float) -> float:
    """Return the threshold with the best F1 of these predictions, of equal ones the lowest.

    It is 0 (all stay) unless the precision of what would go is surely below half of that F1: a
    prediction with a better chance than that brings more than it costs.
    """
    levels, kept, right = _kept_and_right(outcomes)
    if not right.any():
        return 0.0
    f1 = 2.0 * right / (kept + outcomes.num_gold)
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    gone, right_gone = kept[-1] - kept[best], right[-1] - right[best]
    at_most = 1.0 - lower_bound(gone - right_gone, gone, level=level)
    return _between(levels, best) if at_most < f1[best] / 2.0 else 0.0


def precision_threshold(outcomes: Outcomes, *, floor: float, level: float) -> float | None:
    """Return the lowest threshold with a lower bound of precision at or above the floor.

    The bound is Wilson's, one-sided at `level`, of the predictions that are kept. It is looked for
    over all thresholds, which makes it a little too hopeful on other documents; cross-fitting
    says by how much.
    """
    levels, kept, right = _kept_and_right(outcomes)
    sure = np.flatnonzero(lower_bound(right, kept, level=level) >= floor)
    return _between(levels, int(sure[-1])) if len(sure) else None


def lower_bound(successes: Ints, trials: Ints, *, level: float) -> Floats:
    """One-sided lower bounds of shares."""
    # A central interval has half of its error on either side.
    bound: Floats = wilson(successes, trials, level=2.0 * level - 1.0)[..., 0]
    return bound


def _thresholds(
    outcomes: Outcomes,
    settings: ThresholdSettings,
    choose: Callable[[Outcomes], float | None],
) -> Thresholds:
    return Thresholds(
        choose(outcomes),
        {
            name: choose(each)
            for name, each in outcomes.by_type().items()
            if len(each) >= settings.min_predictions
        },
    )


def _kept_and_right(outcomes: Outcomes) -> tuple[Floats, Ints, Ints]:
    """Return the confidences that occur, descending, and what is kept from each of them up."""
    negative, place_N = np.unique(-outcomes.confidence_N, return_inverse=True)
    kept = np.cumsum(np.bincount(place_N, minlength=len(negative)))
    right = np.cumsum(np.bincount(place_N[outcomes.right_N], minlength=len(negative)))
    return -negative, kept, right


def _between(levels: Floats, last: int) -> float:
    """Return a threshold that keeps `levels[: last + 1]`, half-way to the next where there is one.

    Half-way, because new confidences fall between those that were seen.
    """
    if last == len(levels) - 1:
        return 0.0
    middle = float(levels[last] + levels[last + 1]) / 2.0
    return middle if middle > levels[last + 1] else float(levels[last])

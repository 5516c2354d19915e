"""Do confidences mean what they say? Errors of calibration, Brier score, reliability diagram.

A confidence is held against strict correctness: of the predictions with confidence 0.8, four out
of five should be right.

N predictions, B bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.outcomes import (
    Bools,
    Floats,
    Ints,
    NotMeasurable,
    Outcomes,
    collect_outcomes,
    why_not_measurable,
)
from ossamma.evaluation.proportions import Interval, wilson
from ossamma.inference.calibration import FINEST

NUM_BINS = 15
_PER_BIN = 10  # an equal-mass bin of fewer predictions says nothing


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """A point of the reliability diagram: the predictions with confidences in [low, high].

    `interval` is Wilson's for the precision. A bin that holds the mean confidence in its interval
    is compatible with perfect calibration.
    """

    low: float
    high: float
    count: int
    confidence: float
    precision: float
    interval: Interval

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "low": self.low,
            "high": self.high,
            "count": self.count,
            "confidence": self.confidence,
            "precision": self.precision,
            "interval": self.interval.to_json(),
        }


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Murphy's decomposition: brier = reliability - resolution + uncertainty + within_bins.

    `reliability` is the part that calibration can take away, `resolution` what is gained by
    telling right from wrong, `uncertainty` that of the base rate. `within_bins` is what the bins
    hide (Stephenson et al. 2008); it makes the sum exact.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float

    def to_json(self) -> dict[str, float]:
        """Plain JSON with fixed keys."""
        return {
            "reliability": self.reliability,
            "resolution": self.resolution,
            "uncertainty": self.uncertainty,
            "within_bins": self.within_bins,
        }


@dataclass(frozen=True, slots=True)
class CalibrationFigures:
    """How well the confidences of some predictions fit, in [0, 1] but for the log loss.

    `ece` has bins of equal width, `ece_equal_mass` bins of equal number, which is steadier where
    confidences crowd. Both are above 0 by chance even for perfect confidences; `rms_debiased` is
    the root mean square gap of the second without that part. `log_loss` is in nats.
    """

    predictions: int
    precision: float
    confidence: float
    ece: float
    ece_equal_mass: float
    rms_debiased: float
    brier: float
    brier_parts: BrierParts
    log_loss: float
    equal_width: tuple[ReliabilityBin, ...]
    equal_mass: tuple[ReliabilityBin, ...]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "predictions": self.predictions,
            "precision": self.precision,
            "confidence": self.confidence,
            "ece": self.ece,
            "ece_equal_mass": self.ece_equal_mass,
            "rms_debiased": self.rms_debiased,
            "brier": self.brier,
            "brier_parts": self.brier_parts.to_json(),
            "log_loss": self.log_loss,
            "reliability": {
                "equal_width": [each.to_json() for each in self.equal_width],
                "equal_mass": [each.to_json() for each in self.equal_mass],
            },
        }


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """The figures of all predictions and of each predicted type."""

    overall: CalibrationFigures
    per_type: Mapping[str, CalibrationFigures]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys, types in sorted order."""
        return {
            "bins": NUM_BINS,
            "overall": self.overall.to_json(),
            "per_type": {name: each.to_json() for name, each in sorted(self.per_type.items())},
        }


def measure_calibration(judged: Sequence[JudgedDocument]) -> CalibrationReport | NotMeasurable:
    """Measure the confidences of all judged predictions, overall and by predicted type."""
    outcomes = collect_outcomes(judged)
    reason = why_not_measurable(outcomes)
    return NotMeasurable(reason) if reason else calibration_of(outcomes)


def calibration_of(outcomes: Outcomes) -> CalibrationReport:
    """Measure the confidences of these predictions, of which there must be one at least."""
    return CalibrationReport(
        _figures(outcomes), {name: _figures(each) for name, each in outcomes.by_type().items()}
    )


def _figures(outcomes: Outcomes) -> CalibrationFigures:
    confidence_N, right_N = outcomes.confidence_N, outcomes.right_N
    assert len(outcomes), "there is something to measure"
    widths_N = equal_width_bins(confidence_N)
    masses_N = equal_mass_bins(confidence_N)
    return CalibrationFigures(
        predictions=len(outcomes),
        precision=float(right_N.mean()),
        confidence=float(confidence_N.mean()),
        ece=expected_error(confidence_N, right_N, widths_N),
        ece_equal_mass=expected_error(confidence_N, right_N, masses_N),
        rms_debiased=debiased_error(confidence_N, right_N, masses_N),
        brier=float(((confidence_N - right_N) ** 2).mean()),
        brier_parts=brier_parts(confidence_N, right_N, masses_N),
        log_loss=log_loss(confidence_N, right_N),
        equal_width=reliability(confidence_N, right_N, widths_N),
        equal_mass=reliability(confidence_N, right_N, masses_N),
    )


def equal_width_bins(confidence_N: Floats, num_bins: int = NUM_BINS) -> Ints:
    """Number the bin of each confidence: half-open bins of equal width, the last one closed."""
    bins_N: Ints = np.minimum((confidence_N * num_bins).astype(np.int64), num_bins - 1)
    return bins_N


def equal_mass_bins(confidence_N: Floats, num_bins: int = NUM_BINS) -> Ints:
    """Number the bin of each confidence: bins of about equal number; equal values stay together.

    Few predictions have fewer bins, of ten predictions at least.
    """
    number = max(1, min(num_bins, len(confidence_N) // _PER_BIN))
    edges = np.unique(np.quantile(confidence_N, np.linspace(0.0, 1.0, number + 1)[:-1]))
    bins_N: Ints = np.searchsorted(edges, confidence_N, side="right") - 1
    return bins_N


def expected_error(confidence_N: Floats, right_N: Bools, bin_N: Ints) -> float:
    """Expected calibration error: mean gap of confidence and precision, weighted by predictions."""
    count_B, confidence_B, precision_B = _means(confidence_N, right_N, bin_N)
    return float((count_B * np.abs(confidence_B - precision_B)).sum() / count_B.sum())


def debiased_error(confidence_N: Floats, right_N: Bools, bin_N: Ints) -> float:
    """Root of the mean squared gap, without what chance adds to it (Kumar et al. 2019, eq. 3).

    The square of an observed gap exceeds that of the true one by the variance of the precision on
    average, which is taken off. For absolute gaps no such correction is exact. It is 0 where chance
    explains everything.
    """
    count_B, confidence_B, precision_B = _means(confidence_N, right_N, bin_N)
    alone_B = count_B < 2.0  # the variance of one prediction is not known: the largest is taken
    variance_B = np.where(
        alone_B, 0.25, precision_B * (1.0 - precision_B) / np.maximum(1.0, count_B - 1.0)
    )
    square_B = (confidence_B - precision_B) ** 2 - variance_B
    return float(np.sqrt(max(0.0, float((count_B * square_B).sum() / count_B.sum()))))


def brier_parts(confidence_N: Floats, right_N: Bools, bin_N: Ints) -> BrierParts:
    """Decompose the mean squared error of the confidences."""
    count_B, confidence_B, precision_B = _means(confidence_N, right_N, bin_N)
    share_B = count_B / count_B.sum()
    base = float(right_N.mean())
    _, place_N = np.unique(bin_N, return_inverse=True)
    off_N = confidence_N - confidence_B[place_N]
    within = off_N**2 - 2.0 * off_N * (right_N - precision_B[place_N])
    return BrierParts(
        reliability=float((share_B * (confidence_B - precision_B) ** 2).sum()),
        resolution=float((share_B * (precision_B - base) ** 2).sum()),
        uncertainty=base * (1.0 - base),
        within_bins=float(within.mean()),
    )


def log_loss(confidence_N: Floats, right_N: Bools) -> float:
    """Mean negative log likelihood in nats; confidences are kept off 0 and 1 by `FINEST`."""
    bounded_N = np.clip(confidence_N, FINEST, 1.0 - FINEST)
    return float(-np.log(np.where(right_N, bounded_N, 1.0 - bounded_N)).mean())


def reliability(
    confidence_N: Floats, right_N: Bools, bin_N: Ints, *, level: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """Return the bins that hold something, ascending; low and high are the confidences in them."""
    count_B, confidence_B, precision_B = _means(confidence_N, right_N, bin_N)
    _, place_N = np.unique(bin_N, return_inverse=True)
    low_B, high_B = np.full(len(count_B), np.inf), np.full(len(count_B), -np.inf)
    np.minimum.at(low_B, place_N, confidence_N)
    np.maximum.at(high_B, place_N, confidence_N)
    ends_B2 = wilson(count_B * precision_B, count_B, level=level)
    return tuple(
        ReliabilityBin(
            float(low_B[index]),
            float(high_B[index]),
            int(count_B[index]),
            float(confidence_B[index]),
            float(precision_B[index]),
            Interval(float(ends_B2[index, 0]), float(ends_B2[index, 1])),
        )
        for index in range(len(count_B))
    )


def _means(confidence_N: Floats, right_N: Bools, bin_N: Ints) -> tuple[Floats, Floats, Floats]:
    """Count, mean confidence and precision of each bin that holds something."""
    _, place_N = np.unique(bin_N, return_inverse=True)
    count_B = np.bincount(place_N).astype(np.float64)
    confidence_B = np.bincount(place_N, weights=confidence_N) / count_B
    precision_B = np.bincount(place_N, weights=right_N) / count_B
    return count_B, confidence_B, precision_B

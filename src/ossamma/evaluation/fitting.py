"""From labelled documents to a calibration: calibrators, then thresholds, and what both are worth.

What they are worth is found by cross-fitting: every document is judged with calibrators and
thresholds that were chosen and fitted without it.

N predictions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ossamma.evaluation.calibration import CalibrationReport, calibration_of
from ossamma.evaluation.calibrators import Choice, Method, choose_calibrators, held_out_units
from ossamma.evaluation.outcomes import Bools, Floats, Outcomes, why_not_measurable
from ossamma.evaluation.scores import Counts
from ossamma.evaluation.thresholds import ThresholdSettings, f1_thresholds, precision_thresholds
from ossamma.inference.calibration import Calibration, ThresholdPolicy
from ossamma.schema.errors import ConfigurationError, DataError

POLICIES = (ThresholdPolicy.F1, ThresholdPolicy.PRECISION)


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationSettings:
    """How calibrators and thresholds are fitted."""

    method: Method = Method.AUTO
    """Which calibrators are candidates."""
    thresholds: ThresholdSettings = field(default_factory=ThresholdSettings)
    """How thresholds are chosen."""
    folds: int = 5
    """Parts into which the documents are cut for choosing and for cross-fitting."""
    seed: int = 0
    """Of the cutting."""

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigurationError(f"folds must be at least 2, got {self.folds}")
        if self.seed < 0:
            raise ConfigurationError(f"seed must be >= 0, got {self.seed}")


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What calibration is worth on documents that it was not fitted on.

    `before` are the raw posteriors, `after` the calibrated ones; `kept` has the strict counts
    after each policy, "none" among them.
    """

    before: CalibrationReport
    after: CalibrationReport
    kept: Mapping[ThresholdPolicy, Counts]


def fit_calibration(outcomes: Outcomes, settings: CalibrationSettings) -> Choice:
    """Choose calibrators, and thresholds on the confidences that they give.

    Raises:
        DataError: there are no predictions, or all have confidence 1.
    """
    reason = why_not_measurable(outcomes)
    if reason:
        raise DataError(f"cannot calibrate: {reason}; use a bundle and documents it was not fed")
    choice = choose_calibrators(outcomes, settings.method, folds=settings.folds, seed=settings.seed)
    calibrated = _calibrated(outcomes, choice.calibration)
    thresholds = {
        ThresholdPolicy.F1: f1_thresholds(calibrated, settings.thresholds),
        ThresholdPolicy.PRECISION: precision_thresholds(calibrated, settings.thresholds),
    }
    return replace(choice, calibration=replace(choice.calibration, thresholds=thresholds))


def cross_fit(outcomes: Outcomes, settings: CalibrationSettings) -> CrossFit:
    """Fit on some of the documents, apply to the others, until each was held out once.

    Raises:
        DataError: the predictions stand in fewer than two documents, or there is nothing to fit.
    """
    confidence_N = outcomes.confidence_N.copy()
    keep_N: dict[ThresholdPolicy, Bools] = {
        policy: np.ones(len(outcomes), dtype=np.bool_) for policy in ThresholdPolicy
    }
    parts = list(held_out_units(outcomes, settings.folds, settings.seed))
    if not parts:
        raise DataError(
            "expected predictions in at least 2 documents, got them in one: nothing can be held "
            "out; calibrate on more documents"
        )
    for seen, unseen in parts:
        calibration = fit_calibration(outcomes.of_units(seen), settings).calibration
        held_N = np.isin(outcomes.unit_N, unseen)
        types = outcomes.types[held_N].tolist()
        confidence_N[held_N] = calibration.apply(outcomes.confidence_N[held_N], types)
        for policy in POLICIES:
            thresholds = calibration.thresholds[policy]
            keep_N[policy][held_N] = thresholds.keep(confidence_N[held_N], types)
    return CrossFit(
        calibration_of(outcomes),
        calibration_of(outcomes.with_confidence(confidence_N)),
        {policy: _counts(outcomes, keep_N[policy]) for policy in ThresholdPolicy},
    )


def _calibrated(outcomes: Outcomes, calibration: Calibration) -> Outcomes:
    confidence_N: Floats = calibration.apply(outcomes.confidence_N, outcomes.types.tolist())
    return outcomes.with_confidence(confidence_N)


def _counts(outcomes: Outcomes, keep_N: Bools) -> Counts:
    right = int((outcomes.right_N & keep_N).sum())
    return Counts(right, int(keep_N.sum()) - right, outcomes.num_gold - right)

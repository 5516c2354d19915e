"""Calibration of held-out readings: each fold by a temperature that was fitted on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ossamma.evaluation.calibrators import Method, choose_calibrators
from ossamma.evaluation.judge import judge
from ossamma.evaluation.outcomes import collect_outcomes, why_not_measurable
from ossamma.inference.calibration import Calibration, Temperature
from ossamma.inference.readings import DocumentReading, SpanReading


def cross_calibrate(
    readings: Sequence[DocumentReading], folds: Sequence[int]
) -> list[DocumentReading]:
    """Calibrate every reading by what the readings of the other folds show.

    A temperature, for all types or by type: it says something of small posteriors, too, where an
    isotonic curve, fitted on predictions alone, is level. Where the other folds have no prediction
    to learn from, posteriors stay raw.

    Args:
        readings: raw, of models that did not learn from their documents.
        folds: the fold of each.
    """
    judged = list(
        judge(
            (reading.document for reading in readings), (reading.entities for reading in readings)
        )
    )
    fitted = {}
    for fold in sorted(set(folds)):
        others = [one for one, of in zip(judged, folds, strict=True) if of != fold]
        outcomes = collect_outcomes(others)
        if why_not_measurable(outcomes):
            fitted[fold] = Calibration(overall=Temperature())
        else:
            fitted[fold] = choose_calibrators(outcomes, Method.TEMPERATURE).calibration
    return [
        calibrate_reading(reading, fitted[fold])
        for reading, fold in zip(readings, folds, strict=True)
    ]


def calibrate_reading(reading: DocumentReading, calibration: Calibration) -> DocumentReading:
    """Return a reading with calibrated confidences and posteriors.

    Every share of a span goes through the calibrator of the span's type; then the shares are
    scaled so that they add up to 1. `outside`, a sum over words, stays as it is.
    """
    entities = reading.entities
    types = [entity.label for entity in entities]
    raw_N = np.array([entity.confidence for entity in entities], dtype=np.float64)
    confidences = calibration.apply(raw_N, types).tolist()
    marks = reading.document.annotations or ()
    return replace(
        reading,
        entities=tuple(
            replace(entity, confidence=confidence)
            for entity, confidence in zip(entities, confidences, strict=True)
        ),
        claims=tuple(
            _calibrated(claim, calibration, name)
            for claim, name in zip(reading.claims, types, strict=True)
        ),
        marks=tuple(
            share and _calibrated(share, calibration, mark.label)
            for share, mark in zip(reading.marks, marks, strict=True)
        ),
    )


def _calibrated(share: SpanReading, calibration: Calibration, name: str) -> SpanReading:
    raw_N = np.array([share.kept, share.other_type, share.other_borders, share.nothing])
    shares_N = calibration.apply(raw_N, [name] * len(raw_N))
    return SpanReading(*(shares_N / shares_N.sum()).tolist())

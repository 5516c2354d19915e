"""Confidence intervals of precision, recall and F1, by drawing documents again.

An interval is the smallest that holds three things: the percentiles of the resampled figure, what
the counts alone would give (`counted_intervals`), and the figure itself. The resamples know that
the entities of a document go together; but a type that was found three times out of three is
found in every resample, and [1, 1] would be said of it. The counts know how few three are. In
simulations of 20 and 50 documents such intervals of 95 % held the truth in 91 to 100 % of the
cases, percentiles alone in 80 to 96 %, BCa intervals (Efron 1987) in 80 to 98 %: these are not
offered, for what is missing with few documents is not a correction of bias. A macro average has
percentiles only.

U units, R resamples, T types, C counts, K columns, M the three figures (precision, recall, F1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.proportions import Interval, counted_intervals
from ossamma.evaluation.resampling import (
    Floats,
    ResamplingSettings,
    count_units,
    macro,
    ratios,
    resampled_totals,
)


@dataclass(frozen=True, slots=True)
class FigureIntervals:
    """Intervals of precision, recall and F1. [0, 1] where there is nothing to go by."""

    precision: Interval
    recall: Interval
    f1: Interval

    def to_json(self) -> dict[str, list[float]]:
        """Pairs of ends."""
        return {
            "precision": self.precision.to_json(),
            "recall": self.recall.to_json(),
            "f1": self.f1.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """Intervals of every average and type.

    `documents` counts, per type, the documents (or groups of them) in which the type occurs among
    the gold or the predicted entities. How far a figure can be trusted is the width of its
    interval; gates judge by that.
    """

    settings: ResamplingSettings
    micro: FigureIntervals
    macro: FigureIntervals
    per_type: Mapping[str, FigureIntervals]
    documents: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys, types in sorted order."""
        return {
            "level": self.settings.level,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "unit": "document",
            "micro": self.micro.to_json(),
            "macro": self.macro.to_json(),
            "per_type": {
                name: {**intervals.to_json(), "documents": self.documents[name]}
                for name, intervals in sorted(self.per_type.items())
            },
        }


def score_intervals(
    judged: Sequence[JudgedDocument], settings: ResamplingSettings | None = None
) -> ScoreIntervals:
    """Intervals of the strict scores of these documents, which `strict_scores` would give.

    Documents of one group are drawn together. The order of types does not matter.

    Raises:
        DataError: there is no document.
    """
    settings = settings or ResamplingSettings()
    units = count_units(judged)
    totals_TC = units.totals
    num_types = len(units.types)
    drawn_RK = resampled_totals(units.counts_UTC.reshape(len(units.counts_UTC), -1), settings)
    drawn_RTC = drawn_RK.reshape(settings.resamples, num_types, 3)
    # The sum over all types is one more row of counts.
    rows_RTC = np.concatenate([drawn_RTC, drawn_RTC.sum(axis=1, keepdims=True)], axis=1)
    counts_TC = np.concatenate([totals_TC, totals_TC.sum(axis=0, keepdims=True)])
    ends_TM2 = _hull(
        _percentiles(ratios(rows_RTC), settings.level),
        counted_intervals(counts_TC, level=settings.level),
        ratios(counts_TC),
    )
    macro_M2 = _hull(
        _percentiles(macro(drawn_RTC, units.is_type), settings.level),
        None,
        macro(totals_TC, units.is_type),
    )
    return ScoreIntervals(
        settings=settings,
        micro=_intervals(ends_TM2[num_types]),
        macro=_intervals(macro_M2),
        per_type={name: _intervals(ends_TM2[row]) for row, name in enumerate(units.types)},
        documents=dict(zip(units.types, units.occurrences.tolist(), strict=True)),
    )


def _percentiles(drawn: Floats, level: float) -> Floats:
    """Ends (..., 2) of the central interval over the first axis.

    A resample in which a figure is unknown could be anything: it counts as 0 for the low end and
    as 1 for the high end.
    """
    tail = (1.0 - level) / 2.0
    low = np.quantile(np.nan_to_num(drawn, nan=0.0), tail, axis=0)
    high = np.quantile(np.nan_to_num(drawn, nan=1.0), 1.0 - tail, axis=0)
    return np.stack([low, high], axis=-1)


def _hull(percentiles: Floats, counted: Floats | None, figures: Floats) -> Floats:
    """Return the smallest intervals that hold all of these; NaN figures are no bound."""
    counted = percentiles if counted is None else counted
    low = np.fmin(np.minimum(percentiles[..., 0], counted[..., 0]), figures)
    high = np.fmax(np.maximum(percentiles[..., 1], counted[..., 1]), figures)
    return np.stack([low, high], axis=-1)


def _intervals(ends_M2: Floats) -> FigureIntervals:
    precision, recall, f1 = (Interval(low, high) for low, high in ends_M2.tolist())
    return FigureIntervals(precision, recall, f1)

"""Is one system better than another on the same gold documents, or may it be chance?

Two answers, both by document. The paired bootstrap draws documents again and gives the interval
of the difference; approximate randomisation (Noreen 1989) swaps the two systems' answers at random
and gives the p value: the share of swaps after which the difference is at least as large. Both p
values are two-sided and never 0: (1 + times reached) / (1 + times tried).

A p value is for one question. Whoever looks at every type will find some below 0.05 by chance.

U units, R resamples, T types, C counts, M the three figures (precision, recall, F1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.proportions import Interval
from ossamma.evaluation.resampling import (
    Floats,
    Ints,
    ResamplingSettings,
    UnitCounts,
    count_units,
    macro,
    ratios,
    resampled_totals,
)
from ossamma.schema.errors import DataError

_CELLS = 2_000_000
_ROUNDING = 1e-12  # differences this close are the same difference
_RANDOMISATION = 1  # its draws are independent of those of the bootstrap


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much the first system exceeds the second in one figure.

    `p_bootstrap` and `p_randomisation` are the chances of a difference at least as large, in
    either direction, between two systems that are equally good.
    """

    difference: float
    interval: Interval
    p_bootstrap: float
    p_randomisation: float

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "difference": self.difference,
            "interval": self.interval.to_json(),
            "p_bootstrap": self.p_bootstrap,
            "p_randomisation": self.p_randomisation,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences of averages and types; each maps "precision", "recall" and "f1"."""

    settings: ResamplingSettings
    micro: Mapping[str, Difference]
    macro: Mapping[str, Difference]
    per_type: Mapping[str, Mapping[str, Difference]]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys, types in sorted order."""
        return {
            "level": self.settings.level,
            "resamples": self.settings.resamples,
            "seed": self.settings.seed,
            "unit": "document",
            "micro": _row_to_json(self.micro),
            "macro": _row_to_json(self.macro),
            "per_type": {name: _row_to_json(row) for name, row in sorted(self.per_type.items())},
        }


def compare(
    first: Sequence[JudgedDocument],
    second: Sequence[JudgedDocument],
    settings: ResamplingSettings | None = None,
) -> Comparison:
    """Compare two systems on the same gold documents.

    A figure of a type that one side leaves undefined (no prediction, say) counts as 0.

    Args:
        first: the documents with one system's predictions.
        second: the same documents, in the same order, with the other's.
        settings: the default draws 2,000 times.

    Raises:
        DataError: the documents are not the same, or there is none.
    """
    settings = settings or ResamplingSettings()
    _refuse_other_documents(first, second)
    types = {name for side in (first, second) for name in count_units(side).types}
    one, other = count_units(first, types), count_units(second, types)
    observed_FM = _differences(one.totals, other.totals, one)
    drawn_RFM = _differences(*_drawn_together(one, other, settings), one)
    swapped_RFM = _differences(*_swapped(one, other, settings), one)
    tail = (1.0 - settings.level) / 2.0
    ends_2FM = np.quantile(drawn_RFM, [tail, 1.0 - tail], axis=0)
    low_FM, high_FM = np.minimum(ends_2FM[0], observed_FM), np.maximum(ends_2FM[1], observed_FM)
    by_bootstrap_FM = _p_value(drawn_RFM - observed_FM, observed_FM)
    by_swaps_FM = _p_value(swapped_RFM, observed_FM)
    rows = [
        {
            name: Difference(
                float(observed_FM[row, column]),
                Interval(float(low_FM[row, column]), float(high_FM[row, column])),
                float(by_bootstrap_FM[row, column]),
                float(by_swaps_FM[row, column]),
            )
            for column, name in enumerate(("precision", "recall", "f1"))
        }
        for row in range(len(one.types) + 2)
    ]
    return Comparison(settings, rows[-2], rows[-1], dict(zip(one.types, rows, strict=False)))


def _refuse_other_documents(
    first: Sequence[JudgedDocument], second: Sequence[JudgedDocument]
) -> None:
    if len(first) != len(second):
        raise DataError(
            "expected both systems' answers to the same documents, got "
            f"{len(first)} and {len(second)} documents"
        )
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        if one.document != other.document:
            raise DataError(
                "expected both systems' answers to the same documents in the same order, got "
                f"{one.document.where} and {other.document.where} at {index} (counted from 0)"
            )


def _differences(first_TC: Floats | Ints, second_TC: Floats | Ints, units: UnitCounts) -> Floats:
    """Return first minus second (..., T + 2, M): the types, then micro and macro."""
    return _figures(first_TC, units) - _figures(second_TC, units)


def _figures(counts_TC: Floats | Ints, units: UnitCounts) -> Floats:
    rows = np.concatenate([counts_TC, counts_TC.sum(axis=-2, keepdims=True)], axis=-2)
    average = macro(counts_TC, units.is_type)[..., None, :]
    return np.concatenate([np.nan_to_num(ratios(rows), nan=0.0), average], axis=-2)


def _drawn_together(
    first: UnitCounts, second: UnitCounts, settings: ResamplingSettings
) -> tuple[Floats, Floats]:
    """Resampled counts (R, T, C) of both systems on the same draws of documents."""
    both_UK = np.concatenate([first.counts_UTC, second.counts_UTC], axis=1)
    drawn_RK = resampled_totals(both_UK.reshape(len(both_UK), -1), settings)
    drawn_RTC = drawn_RK.reshape(settings.resamples, -1, 3)
    num_types = len(first.types)
    return drawn_RTC[:, :num_types], drawn_RTC[:, num_types:]


def _swapped(
    first: UnitCounts, second: UnitCounts, settings: ResamplingSettings
) -> tuple[Floats, Floats]:
    """Counts (R, T, C) of both systems after each unit's answers changed sides or did not."""
    generator = np.random.default_rng([settings.seed, _RANDOMISATION])
    shift_UTC = second.counts_UTC - first.counts_UTC
    num_units = len(shift_UTC)
    shift_UK = shift_UTC.reshape(num_units, -1).astype(np.float64)
    moved_RK = np.empty((settings.resamples, shift_UK.shape[1]))
    chunk = max(1, _CELLS // num_units)
    for start in range(0, settings.resamples, chunk):
        rows = min(chunk, settings.resamples - start)
        swaps_RU = generator.integers(0, 2, size=(rows, num_units), dtype=np.int8)
        moved_RK[start : start + rows] = swaps_RU.astype(np.float64) @ shift_UK
    moved_RTC = moved_RK.reshape(settings.resamples, *shift_UTC.shape[1:])
    return first.totals + moved_RTC, second.totals - moved_RTC


def _p_value(under_the_null_RFM: Floats, observed_FM: Floats) -> Floats:
    """Share of differences under the null hypothesis that are at least as large as observed."""
    reached_FM = np.abs(under_the_null_RFM) >= np.abs(observed_FM) - _ROUNDING
    p_FM: Floats = (1.0 + reached_FM.sum(axis=0)) / (1.0 + len(under_the_null_RFM))
    return p_FM


def _row_to_json(row: Mapping[str, Difference]) -> dict[str, object]:
    return {name: difference.to_json() for name, difference in row.items()}

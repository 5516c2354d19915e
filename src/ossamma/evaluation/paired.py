"""The paired interval of the difference between two reports, from their counts per document.

A report may carry `per_document`: "ids", "groups" (empty where a document is a group of its own),
"types", and for each document a row of numbers per type under "tp", "fp" and "fn". Documents of one
group are drawn together.

U units, R resamples, T types, C counts (true positives, false positives, false negatives).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ossamma.evaluation.document_counts import COUNTS
from ossamma.evaluation.gates import Metric, Scope, Score
from ossamma.evaluation.measurement import Json, Missing, find, level_of, number_of
from ossamma.evaluation.resampling import (
    Floats,
    Ints,
    ResamplingSettings,
    UnitCounts,
    macro,
    ratios,
    resampled_totals,
)

_ROUNDING: Final = 1e-9
_PAIRED: Final = (Scope.MICRO, Scope.MACRO, Scope.TYPE)


def paired_interval(report: Json, incumbent: Json, measure: Score) -> tuple[float, float] | Missing:
    """Return the interval of the difference in a strict score, both reports drawn alike.

    Missing where one of them has no counts per document, they are not about the same documents, or
    the counts do not give the score that the report states.
    """
    if measure.scope not in _PAIRED or measure.row[0] != "scores":
        return Missing(f"the {measure} is not counted per document")
    table, others_table = _table(report), _table(incumbent)
    if isinstance(table, Missing):
        return table
    if isinstance(others_table, Missing):
        return Missing(f"of the incumbent: {others_table.reason}")
    (documents, one), (others, other) = table, others_table
    if documents != others:
        return Missing("the two reports are not about the same documents")
    types = tuple(sorted({*one.types, *other.types}))
    one, other = _laid_out(one, types), _laid_out(other, types)
    for each, units in ((report, one), (incumbent, other)):
        stated = number_of(find(each, (*measure.row, measure.metric.value)))
        counted = float(_figure(units.totals, units, measure))
        if stated is None or abs(stated - counted) > _ROUNDING:
            return Missing(f"the counts per document do not give the {measure} that is stated")
    return _resampled(one, other, measure, ResamplingSettings(level=level_of(report)))


def _resampled(
    one: UnitCounts, other: UnitCounts, measure: Score, settings: ResamplingSettings
) -> tuple[float, float]:
    num_units, num_types = len(one.counts_UTC), len(one.types)
    both_UTC = np.concatenate([one.counts_UTC, other.counts_UTC], axis=1)
    drawn_RK = resampled_totals(both_UTC.reshape(num_units, -1), settings)
    drawn_RTC = drawn_RK.reshape(settings.resamples, 2 * num_types, len(COUNTS))
    gain_R = _figure(drawn_RTC[:, :num_types], one, measure) - _figure(
        drawn_RTC[:, num_types:], other, measure
    )
    gain = _figure(one.totals, one, measure) - _figure(other.totals, other, measure)
    tail = (1.0 - settings.level) / 2.0
    low, high = np.quantile(gain_R, [tail, 1.0 - tail])
    return float(min(low, gain)), float(max(high, gain))


def _figure(counts_TC: Floats | Ints, units: UnitCounts, measure: Score) -> Floats:
    """Return the figure that is measured, of counts whose last two axes are types and counts."""
    column = tuple(Metric).index(measure.metric)
    if measure.scope is Scope.MACRO:
        return macro(counts_TC, units.is_type)[..., column]
    if measure.scope is Scope.TYPE:
        chosen = np.array([name == measure.name for name in units.types])
        counts_TC = counts_TC[..., chosen, :]
    return np.nan_to_num(ratios(counts_TC.sum(axis=-2)), nan=0.0)[..., column]


def _laid_out(units: UnitCounts, types: Sequence[str]) -> UnitCounts:
    """Return the counts in columns for all of these types."""
    counts_UTC = np.zeros((len(units.counts_UTC), len(types), len(COUNTS)), dtype=np.int64)
    counts_UTC[:, [types.index(name) for name in units.types]] = units.counts_UTC
    return UnitCounts(tuple(types), counts_UTC)


def _table(report: Json) -> tuple[list[tuple[str, str]], UnitCounts] | Missing:
    """Return the documents (id, group) and the counts of their units."""
    section = find(report, ("per_document",))
    if isinstance(section, Missing):
        return section
    try:
        return _read(section)
    except (KeyError, TypeError, ValueError, OverflowError):
        return Missing("the section per_document is malformed")


def _read(section: Mapping[str, Any]) -> tuple[list[tuple[str, str]], UnitCounts]:
    ids, types = [str(each) for each in section["ids"]], [str(each) for each in section["types"]]
    groups = [str(each) for each in section.get("groups") or [""] * len(ids)]
    documents = list(zip(ids, groups, strict=True))
    counts_DTC = np.stack([np.array(section[name], dtype=np.int64) for name in COUNTS], axis=-1)
    if not ids or len(set(types)) < len(types) or counts_DTC.min(initial=0) < 0:
        raise ValueError
    if counts_DTC.shape != (len(ids), len(types), len(COUNTS)):
        raise ValueError
    numbers: dict[object, int] = {}
    units = [numbers.setdefault(group or index, len(numbers)) for index, group in enumerate(groups)]
    counts_UTC = np.zeros((len(numbers), *counts_DTC.shape[1:]), dtype=np.int64)
    np.add.at(counts_UTC, units, counts_DTC)
    return documents, UnitCounts(tuple(types), counts_UTC)

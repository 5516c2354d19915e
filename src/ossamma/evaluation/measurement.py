"""What a gate asks for, read from a report's JSON: the value, its interval, the support.

Strict scores of types and averages have an interval in the report. Nodes, slices and the other
schemes have their counts; theirs is the interval that the counts alone give. Every interval holds
the value itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ossamma.evaluation.gates import Figure, Metric, Scope, Score
from ossamma.evaluation.proportions import counted_intervals
from ossamma.evaluation.schemes import Scheme

Json = Mapping[str, Any]
"""The content of a report."""

_COUNTS: Final = ("tp", "fp", "fn")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A measured value, or the reason why there is none.

    `low` and `high` are the ends of the interval, None where there is none, which `no_interval`
    explains. `support` is the number of gold mentions, None where that means nothing.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    support: int | None = None
    missing: str = ""
    no_interval: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a report has nothing at a path."""

    reason: str


def find(report: Json, path: Sequence[str]) -> Any | Missing:  # noqa: ANN401  JSON is anything
    """Return what the report has at a path, or say up to where the path leads."""
    here: Any = report
    for depth, key in enumerate(path):
        if isinstance(here, Mapping) and "not_measurable" in here:
            place = ".".join(path[:depth])
            return Missing(f"{place} was not measurable: {here['not_measurable']}")
        if not isinstance(here, Mapping) or key not in here:
            return Missing(_missing(path, depth, list(here) if isinstance(here, Mapping) else []))
        here = here[key]
        if here is None:
            return Missing(f"{'.'.join(path[: depth + 1])} was not measured")
    return here


def _missing(path: Sequence[str], depth: int, names: Sequence[str]) -> str:
    """Say what is missing at a depth of a path, where the report has these names."""
    if depth == 0:
        return f"the report has no section {path[0]}"
    if path[depth - 1] == "per_type":
        return f"no judged gold mark and no judged prediction has the type {path[depth]}"
    shown = f", only {', '.join(map(str, names))}" if 0 < len(names) <= 8 else ""
    return f"the report has no {'.'.join(path[: depth + 1])}{shown}"


def figure(report: Json, measure: Figure) -> Measurement:
    """Measure a number of the report that is no score."""
    found = find(report, measure.path)
    if isinstance(found, Missing):
        how = "; `ossamma evaluate --speed` times a bundle" if measure.path[0] == "speed" else ""
        return Measurement(value=None, missing=found.reason + how)
    value = number_of(found)
    if value is None:
        return Measurement(value=None, missing=f"{measure} is not a finite number")
    hardware = find(report, ("speed", "hardware"))
    at = "" if isinstance(hardware, Missing) or measure.path[0] != "speed" else f"on {hardware}"
    return Measurement(value=value, remark=at)


def score(report: Json, measure: Score, types: Sequence[str] = ()) -> Measurement:
    """Measure a score with its interval.

    `types` are those of the profile: a macro average has the support of the weakest of them, for
    a type without gold mentions is left out of the average and would be believed to be good.
    """
    row = find(report, measure.row)
    if isinstance(row, Missing):
        return Measurement(value=None, missing=row.reason)
    value = number_of(row.get(measure.metric.value)) if isinstance(row, Mapping) else None
    if value is None:
        return Measurement(value=None, missing=f"the report has no figure for the {measure}")
    support, weakest = _support(report, measure, row, types)
    if support is None:
        why = f"the report does not say of how many mentions, or of which types, the {measure} is"
        return Measurement(value=None, missing=why)
    remark = f"the weakest type is {weakest}" if weakest else ""
    ends = _interval(report, measure, row)
    if isinstance(ends, Missing):
        return Measurement(value=value, support=support, no_interval=ends.reason, remark=remark)
    low, high = min(ends[0], value), max(ends[1], value)
    return Measurement(value=value, low=low, high=high, support=support, remark=remark)


def supports(report: Json, types: Sequence[str] = ()) -> dict[str, int]:
    """Return the gold mentions of each type: of `types`, or else of those that the report lists.

    Nothing where neither says which types there are: those that occur are not all of them.
    """
    rows, listed = find(report, ("scores", "per_type")), find(report, ("types",))
    if not isinstance(rows, Mapping):
        return {}
    names = types or (tuple(map(str, listed)) if isinstance(listed, list) else ())
    return {name: int(number_of(_get(rows.get(name), "support")) or 0) for name in names}


def _support(
    report: Json, measure: Score, row: Json, types: Sequence[str]
) -> tuple[int | None, str]:
    """Return the support of a score, and for a macro average the type that has it."""
    if measure.scope is Scope.MACRO:
        every = supports(report, types)
        weakest = min(every, key=lambda name: (every[name], name), default="")
        return (every[weakest], weakest) if every else (None, "")
    support = number_of(row.get("support"))
    if support is not None:
        return int(support), ""
    counts = _counts(report, measure, row)
    return (None if counts is None else round(counts["tp"] + counts["fn"])), ""


def _counts(report: Json, measure: Score, row: Json) -> dict[str, float] | None:
    """Return true positives, false positives and false negatives behind a row."""
    rows = [row]
    if any(name not in row for name in _COUNTS) and measure.scope in {Scope.MICRO, Scope.WEIGHTED}:
        strict = measure.scheme is Scheme.STRICT
        place = ("scores", "per_type") if strict else (*measure.row[:-1], "per_type")
        per_type = find(report, place)
        rows = list(per_type.values()) if isinstance(per_type, Mapping) else []
    numbers = [[number_of(_get(each, name)) for name in _COUNTS] for each in rows]
    if not rows or any(number is None for each in numbers for number in each):
        return None
    return {
        name: math.fsum(each[column] or 0.0 for each in numbers)
        for column, name in enumerate(_COUNTS)
    }


def _interval(report: Json, measure: Score, row: Json) -> tuple[float, float] | Missing:
    section = find(report, ("intervals",))
    if isinstance(section, Missing):
        return section
    given = find(report, measure.interval)
    ends = pair_of(given)
    if ends is not None:
        return ends
    # What the report resamples and has not is missing; the counts stand in for what it never does.
    resampled = measure.scope not in {Scope.NODE, Scope.SLICE} and measure.scheme is Scheme.STRICT
    counts = None if resampled else _counts(report, measure, row)
    if counts is None:
        why = given.reason if isinstance(given, Missing) else "it is no pair of numbers"
        return Missing(f"there is no interval of the {measure}: {why}")
    three = counted_intervals([counts[name] for name in _COUNTS], level=level_of(report))
    low, high = three[tuple(Metric).index(measure.metric)].tolist()
    return low, high


def level_of(report: Json) -> float:
    """Return the level of the report's intervals; 0.95 where it does not say."""
    section = find(report, ("intervals",))
    level = number_of(_get(section, "level"))
    return level if level is not None and 0 < level < 1 else 0.95


def _get(row: object, key: str) -> object:
    return row.get(key) if isinstance(row, Mapping) else None


def number_of(value: object) -> float | None:
    """Return a finite number; None if the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no bound
        return None
    return number if math.isfinite(number) else None


def pair_of(value: object) -> tuple[float, float] | None:
    """Return both ends of an interval; None if the value is none."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    low, high = (number_of(end) for end in value)
    return None if low is None or high is None or low > high else (low, high)

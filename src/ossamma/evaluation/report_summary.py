"""A report in two sentences: how good the system is, and what could not be measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]

FEW: Final = 30
"""With fewer gold entities a type's figures are noise: the interval of a share of 0.8 is +-15."""
_NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the report cannot say, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a person reads first."""

    how_good: str
    not_measurable: str
    gaps: tuple[Gap, ...]


def summarise(report: Json) -> Summary:
    """Sum a report up."""
    gaps = tuple(_gaps(report))
    if not gaps:
        return Summary(_how_good(report), "Everything that was asked for could be measured.", gaps)
    named = "; ".join(gap.what for gap in gaps)
    return Summary(_how_good(report), f"Not measurable here: {named}.", gaps)


def percent(share: float) -> str:
    """Write a share as 82.4 %, with a space that does not break."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def percent_interval(ends: Sequence[float]) -> str:
    """Write an interval of a share as 81.2 to 83.5 %."""
    return f"{100 * ends[0]:.1f} to {percent(ends[1])}"


def enough(report: Json) -> dict[str, Json]:
    """Return the rows of the types that have enough gold entities to say something of them."""
    return {
        name: row
        for name, row in report["scores"]["per_type"].items()
        if row["support"] >= FEW and "|" not in name
    }


def _how_good(report: Json) -> str:
    scores, intervals = report["scores"], report["intervals"]
    support = sum(row["support"] for row in scores["per_type"].values())
    types = sum(bool(row["support"]) and "|" not in name for name, row in _rows(report))
    sure = (
        f" ({100 * intervals['level']:g} % interval {percent_interval(intervals['micro']['f1'])})"
        if intervals
        else ""
    )
    text = (
        f"{report['system']['name']} reaches a strict micro F1 of "
        f"{percent(scores['micro']['f1'])}{sure} on {support:,} gold entities of "
        f"{_number(types, 'type')} in {_number(scores['documents'], 'document')}; its macro F1 is "
        f"{percent(scores['macro']['f1'])}"
    )
    rows = enough(report)
    if len(rows) < 2:
        return f"{text}."
    weakest = min(rows, key=lambda name: (rows[name]["f1"], name))
    return f"{text}, and its weakest type is {weakest} with {percent(rows[weakest]['f1'])}."


def _gaps(report: Json) -> Iterator[Gap]:
    yield from _gaps_of_types(report)
    if report["intervals"] is None:
        yield Gap("how sure the figures are", "intervals were not asked for (--bootstrap)")
    for section, what in (
        ("calibration", "whether confidences can be trusted"),
        ("risk_coverage", "what is gained by keeping only confident predictions"),
    ):
        if "not_measurable" in report[section]:
            yield Gap(what, report[section]["not_measurable"])
    if report["slices"]["seen"] is None:
        yield Gap(
            "how well names are found that training did not show",
            "the training file was not given (--train-surfaces)",
        )
    if report["speed"] is None:
        yield Gap("speed", "nothing was timed (--speed, of a bundle)")


def _gaps_of_types(report: Json) -> Iterator[Gap]:
    rows = report["scores"]["per_type"]
    support = {name: rows[name]["support"] if name in rows else 0 for name in report["types"]}
    absent = [name for name, number in support.items() if not number]
    rare = [f"{name} ({number})" for name, number in support.items() if 0 < number < FEW]
    if absent:
        yield Gap(
            f"how well {_list(absent)} {'is' if len(absent) == 1 else 'are'} found",
            "the gold documents have no entity of that type",
        )
    if rare:
        yield Gap(
            f"the scores of {_list(rare)} with any certainty",
            f"there are fewer than {FEW} gold entities of each of these types",
        )
    for dataset, silent in report["not_annotated"].items():
        names = list(silent)
        yield Gap(
            f"false alarms of {_list(names)} in {dataset}",
            f"in up to {max(silent.values()):,} of its documents such a type is not annotated, and "
            "predictions of it are not scored",
        )


def _rows(report: Json) -> Iterator[tuple[str, Json]]:
    yield from report["scores"]["per_type"].items()


def _list(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    shown = [*names[:_NAMED], f"{rest} more types"] if rest > 1 else list(names)
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

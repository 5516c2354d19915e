"""The collapse detector: no type may be lost, whatever the averages say."""

from __future__ import annotations

from collections.abc import Sequence

from ossamma.evaluation.gates import Collapse, Metric, Scope, Score, Verdict
from ossamma.evaluation.incumbent import why_not_comparable
from ossamma.evaluation.measurement import Json, score, supports

_NAMED = 6
"""How many types a reason names before it counts the others."""


def check_collapse(
    check: Collapse, report: Json, incumbent: Json | None, types: Sequence[str] = ()
) -> tuple[Verdict, str]:
    """Return the verdict on all types together, and why.

    A type with enough support has collapsed if its recall or its F1 is below the floor, or its F1
    below the incumbent's divided by the factor. A single one is a FAIL. Otherwise the types with
    too little support decide: of them nothing can be said.

    Args:
        check: floor, factor and support.
        report: the report to judge.
        incumbent: that of the model in use, on the same gold file.
        types: those of the profile; empty takes the types that the report lists.
    """
    support = supports(report, types)
    if not support:
        return (
            Verdict.NOT_MEASURABLE,
            "the report has no scores per type, or does not name the types",
        )
    judged = [name for name, number in support.items() if number >= check.min_support]
    complaints = [each for name in judged if (each := _complaint(check, name, report, incumbent))]
    if complaints:
        return Verdict.FAIL, "; ".join(_shortened(complaints))
    reason = why_not_comparable(report, incumbent) if incumbent is not None else ""
    if reason:
        return Verdict.NOT_MEASURABLE, reason
    unjudged = [f"{name} {number}" for name, number in support.items() if name not in judged]
    if unjudged:
        return Verdict.NOT_MEASURABLE, (
            f"{len(unjudged)} of {len(support)} types have fewer than {check.min_support} gold "
            f"mentions: {', '.join(_shortened(unjudged))}"
        )
    return Verdict.PASS, (
        f"all {len(judged)} types have recall and F1 of at least {check.floor:g}"
        + (f" and more than 1/{check.factor:g} of the incumbent's F1" if incumbent else "")
    )


def _complaint(check: Collapse, name: str, report: Json, incumbent: Json | None) -> str:
    """Say how a type collapsed; nothing if it did not."""
    recall, f1 = (_value(report, name, metric) for metric in (Metric.RECALL, Metric.F1))
    if min(recall, f1) < check.floor:
        return f"{name} has recall {recall:.3f} and F1 {f1:.3f}, the floor is {check.floor:g}"
    if incumbent is None or why_not_comparable(report, incumbent):
        return ""
    before = _value(incumbent, name, Metric.F1)
    if f1 < before / check.factor:
        return f"{name} fell from F1 {before:.3f} to {f1:.3f}, by more than 1/{check.factor:g}"
    return ""


def _value(report: Json, name: str, metric: Metric) -> float:
    """Return a ratio of a type; 0.0 where the report has no row, for then nothing was found."""
    measured = score(report, Score(metric=metric, scope=Scope.TYPE, name=name))
    return measured.value or 0.0


def _shortened(names: list[str]) -> list[str]:
    rest = len(names) - _NAMED
    return names if rest <= 0 else [*names[:_NAMED], f"and {rest} more"]

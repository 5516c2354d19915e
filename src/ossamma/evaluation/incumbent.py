"""The difference between a report and that of the model in use, with an interval where it can be.

Two reports are compared only if they were scored on the same gold file. Where both have counts per
document, the interval is the paired one. Else it is as wide as the two intervals allow, which is
right whatever the two systems have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ossamma.evaluation.gates import (
    Gate,
    IfNotMeasured,
    Metric,
    Operator,
    Priority,
    Scope,
    Score,
    Threshold,
)
from ossamma.evaluation.measurement import Json, Measurement, Missing, find, score
from ossamma.evaluation.paired import paired_interval


def default_gate() -> Gate:
    """Return the gate that is added where an incumbent is given and no gate speaks of one."""
    return Gate(
        name="no worse than the incumbent",
        source="what --incumbent asks where the gates say nothing of it",
        check=Threshold(
            measure=Score(metric=Metric.F1, scope=Scope.MICRO),
            operator=Operator.ABOVE,
            threshold=-0.01,
            against_incumbent=True,
        ),
        priority=Priority.HIGH,
        if_not_measured=IfNotMeasured.FAIL,
        note="micro F1 may fall by less than one point",
    )


def why_not_comparable(report: Json, incumbent: Json) -> str:
    """Say why two reports must not be compared; nothing if they may."""
    for name, each in (("report", report), ("incumbent's report", incumbent)):
        for path in (("gold", "sha256"), ("scores", "per_type")):
            if isinstance(find(each, path), Missing):
                return f"the {name} has no {'.'.join(path)}: it cannot be compared"
    if find(report, ("gold", "sha256")) != find(incumbent, ("gold", "sha256")):
        return "the incumbent was scored on another gold file"
    return ""


def difference(
    report: Json, incumbent: Json, measure: Score, types: Sequence[str] = ()
) -> Measurement:
    """Measure by how much a score exceeds the incumbent's; the support is the report's."""
    reason = why_not_comparable(report, incumbent)
    if reason:
        return Measurement(value=None, missing=reason)
    new, old = score(report, measure, types), score(incumbent, measure, types)
    if new.value is None:
        return new
    if old.value is None:
        return Measurement(value=None, missing=f"of the incumbent: {old.missing}")
    gain = Measurement(value=new.value - old.value, support=new.support)
    remark = f"{new.value:.4f} against {old.value:.4f}"
    ends = paired_interval(report, incumbent, measure)
    if not isinstance(ends, Missing):
        return replace(gain, low=ends[0], high=ends[1], remark=f"{remark}, paired by document")
    ends = _apart(new, old)
    if isinstance(ends, Missing):
        return replace(gain, no_interval=ends.reason)
    return replace(gain, low=ends[0], high=ends[1], remark=f"{remark}, not paired")


def _apart(new: Measurement, old: Measurement) -> tuple[float, float] | Missing:
    """Return how far the difference can be if each score may lie anywhere in its own interval."""
    if new.low is None or new.high is None:
        return Missing(new.no_interval)
    if old.low is None or old.high is None:
        return Missing(f"of the incumbent: {old.no_interval}")
    return new.low - old.high, new.high - old.low

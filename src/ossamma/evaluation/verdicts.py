"""Verdicts: a report held against gates, each with the reason in a sentence.

A value that must be greater passes if its interval lies above the threshold in full, fails if none
of it does, and where the threshold lies inside, the value decides if the interval is narrow enough;
else nothing can be said. What could not be said has failed, unless the gate says otherwise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ossamma.evaluation.collapse import check_collapse
from ossamma.evaluation.gates import (
    Collapse,
    DecidedBy,
    Figure,
    Gate,
    GateSet,
    IfNotMeasured,
    Score,
    Threshold,
    Unmeasurable,
    Verdict,
)
from ossamma.evaluation.incumbent import difference
from ossamma.evaluation.measurement import Json, Measurement, figure, score


class Outcome(StrEnum):
    """What a verdict means for the release."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict on one gate. `measured` is None for a gate that is no threshold."""

    gate: Gate
    verdict: Verdict
    reason: str
    measured: Measurement | None = None
    strict: bool = False

    @property
    def outcome(self) -> Outcome:
        """What was not measured has failed, unless the gate says otherwise."""
        if self.verdict is Verdict.PASS:
            return Outcome.PASSED
        skips = self.gate.if_not_measured is IfNotMeasured.SKIP and not self.strict
        if self.verdict is Verdict.NOT_MEASURABLE and skips:
            return Outcome.SKIPPED
        return Outcome.FAILED

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys; what does not apply is null."""
        measured = self.measured
        asked = self.gate.check if isinstance(self.gate.check, Threshold) else None
        ends = [measured.low, measured.high] if measured else [None]
        return {
            "name": self.gate.name,
            "verdict": self.verdict.value,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "priority": self.gate.priority.value,
            "if_not_measured": self.gate.if_not_measured.value,
            "source": self.gate.source,
            "note": self.gate.note,
            "measure": str(asked.measure) if asked else None,
            "operator": asked.operator.value if asked else None,
            "threshold": asked.threshold if asked else None,
            "value": measured.value if measured else None,
            "interval": None if None in ends else ends,
            "support": measured.support if measured else None,
        }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts on all gates of a file, in its order."""

    gates: str
    results: tuple[GateResult, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many gates came out so."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def outcome(self) -> Outcome:
        """FAILED if a gate failed, else SKIPPED if one was not measured, else PASSED."""
        found = {result.outcome for result in self.results}
        order = (Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)
        return next(outcome for outcome in order if outcome in found)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys."""
        verdicts = Counter(result.verdict for result in self.results)
        return {
            "format": "ossamma-verdicts/1",
            "gates": self.gates,
            "outcome": self.outcome.value,
            "outcomes": {outcome.value: self.count(outcome) for outcome in Outcome},
            "verdicts": {verdict.value: verdicts[verdict] for verdict in Verdict},
            "results": [result.to_json() for result in self.results],
        }


def check_gates(
    gates: GateSet, report: Json, incumbent: Json | None = None, *, strict: bool = False
) -> Verdicts:
    """Hold a report against gates.

    Args:
        gates: what is demanded.
        report: the content of report.json.
        incumbent: the same of the model in use, for the gates that compare with it.
        strict: whether what was not measured has failed, whatever its gate says.
    """
    results = (_check(gate, gates.types, report, incumbent) for gate in gates.gates)
    return Verdicts(gates.source, tuple(replace(each, strict=strict) for each in results))


def _check(gate: Gate, types: tuple[str, ...], report: Json, incumbent: Json | None) -> GateResult:
    check = gate.check
    if isinstance(check, Unmeasurable):
        return GateResult(gate, Verdict.NOT_MEASURABLE, check.reason)
    if isinstance(check, Collapse):
        verdict, reason = check_collapse(check, report, incumbent, types)
        return GateResult(gate, verdict, reason)
    measured = _measure(check, types, report, incumbent)
    verdict, reason = decide(check, measured)
    if measured.remark and verdict is not Verdict.NOT_MEASURABLE:
        reason += f"; {measured.remark}"
    return GateResult(gate, verdict, reason, measured)


def _measure(
    check: Threshold, types: tuple[str, ...], report: Json, incumbent: Json | None
) -> Measurement:
    if isinstance(check.measure, Figure):
        return figure(report, check.measure)
    assert isinstance(check.measure, Score)
    if not check.against_incumbent:
        return score(report, check.measure, types)
    if incumbent is None:
        return Measurement(value=None, missing="no incumbent was given to compare with")
    return difference(report, incumbent, check.measure, types)


def decide(check: Threshold, measured: Measurement) -> tuple[Verdict, str]:
    """Return the verdict on a measured value, and why, by the rule at the head of this module."""
    value, wanted = measured.value, f"{check.operator} {check.threshold:g}"
    if value is None:
        return Verdict.NOT_MEASURABLE, measured.missing
    if measured.support is not None and measured.support < check.min_support:
        return Verdict.NOT_MEASURABLE, (
            f"too little support: {_mentions(measured)}, {check.min_support} are needed"
        )
    holds = check.operator.holds(value, check.threshold)
    by_value = Verdict.PASS if holds else Verdict.FAIL
    if check.decided_by is DecidedBy.POINT:
        return by_value, f"{value:.4g} is {'' if holds else 'not '}{wanted}"
    if measured.low is None or measured.high is None:
        return Verdict.NOT_MEASURABLE, measured.no_interval
    ends = (measured.low, measured.high)
    worst, best = ends if check.operator.wants_more else ends[::-1]
    shown, width = f"[{ends[0]:.3f}, {ends[1]:.3f}]", ends[1] - ends[0]
    if check.operator.holds(worst, check.threshold):
        return Verdict.PASS, f"the whole interval {shown} is {wanted}"
    if not check.operator.holds(best, check.threshold):
        return Verdict.FAIL, f"nothing of the interval {shown} is {wanted}"
    if width <= check.max_width:
        return by_value, (
            f"{check.threshold:g} lies in the interval {shown}, which is narrow enough for the "
            f"value {value:.4f} to decide"
        )
    return Verdict.NOT_MEASURABLE, (
        f"{check.threshold:g} lies in the interval {shown}, which is {width:.3f} wide; the value "
        f"{value:.4f} decides up to {check.max_width:g}"
    )


def _mentions(measured: Measurement) -> str:
    text = f"{measured.support} gold mention{'' if measured.support == 1 else 's'}"
    return f"{text} ({measured.remark})" if measured.remark else text

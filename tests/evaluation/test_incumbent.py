"""A difference is paired where that is possible, honest where it is not, and never a guess."""

from __future__ import annotations

import copy

import pytest

from ossamma.evaluation.gates import Metric, Scope, Score, Verdict
from ossamma.evaluation.incumbent import default_gate, difference
from ossamma.evaluation.judge import judge
from ossamma.evaluation.measurement import Missing
from ossamma.evaluation.paired import paired_interval
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.significance import compare
from ossamma.evaluation.verdicts import decide
from tests.evaluation.reports import made, per_document, report

MICRO = Score(metric=Metric.F1, scope=Scope.MICRO)
MACRO = Score(metric=Metric.RECALL, scope=Scope.MACRO)
TYPE = Score(metric=Metric.PRECISION, scope=Scope.TYPE, name="PLACE")
OLD = {"PERSON": (80, 5, 10), "PLACE": (30, 9, 3)}


def weaker(num_lost=4):
    """Reports of a system, and of the same without some of its right answers."""
    documents, found = made(OLD, 20)
    lost = [list(each) for each in found]
    for entities in lost[:num_lost]:
        entities.pop(0)
    sides = [list(judge(documents, side)) for side in (found, lost)]
    counts = {"PERSON": (80 - num_lost, 5, 10 + num_lost), "PLACE": (30, 9, 3)}
    reports = [report(OLD), report(counts)]
    for content, judged in zip(reports, sides, strict=True):
        content["per_document"] = per_document(judged)
    return sides, reports


@pytest.mark.parametrize("measure", [MICRO, MACRO, TYPE], ids=str)
def test_it_is_the_paired_bootstrap(measure):
    """The same draws as `compare` makes of the judged documents themselves."""
    sides, (old, new) = weaker()
    comparison = compare(sides[1], sides[0], ResamplingSettings())
    rows = {Scope.MICRO: comparison.micro, Scope.MACRO: comparison.macro}
    wanted = rows.get(measure.scope, comparison.per_type["PLACE"])[measure.metric.value]
    found = difference(new, old, measure)
    assert found.value == pytest.approx(wanted.difference)
    assert [found.low, found.high] == pytest.approx([wanted.interval.low, wanted.interval.high])
    assert found.remark.endswith("paired by document")


def test_it_turns_around():
    _, (old, new) = weaker()
    one, other = difference(new, old, MICRO), difference(old, new, MICRO)
    assert one.value == pytest.approx(-other.value)
    assert one.value < 0


def test_a_system_is_no_worse_than_itself():
    content = report(OLD)
    found = difference(content, copy.deepcopy(content), MICRO)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
    assert decide(default_gate().check, found)[0] is Verdict.PASS


def test_many_lost_answers_fail():
    documents, found = made(OLD, 20)
    none = list(judge(documents, [[] for _ in found]))
    old = report(OLD)
    new = report({"PERSON": (0, 0, 90), "PLACE": (0, 0, 33)}, per_document=per_document(none))
    assert decide(default_gate().check, difference(new, old, MICRO))[0] is Verdict.FAIL


@pytest.mark.parametrize("side", [0, 1])
def test_without_counts_per_document_the_interval_is_wider(side):
    _, pair = weaker()
    paired = difference(pair[1], pair[0], MICRO)
    del pair[side]["per_document"]
    apart = difference(pair[1], pair[0], MICRO)
    assert apart.value == paired.value
    assert apart.low < paired.low
    assert apart.high > paired.high
    assert apart.remark.endswith("not paired")


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("gold", "the report has no gold.sha256: it cannot be compared"),
        ("scores", "the report has no scores.per_type: it cannot be compared"),
    ],
)
def test_a_missing_section_is_no_comparison(section, reason):
    _, (old, new) = weaker()
    del new[section]
    found = difference(new, old, MICRO)
    assert (found.value, found.missing) == (None, reason)


def test_a_score_that_one_side_lacks():
    other = report({"PERSON": (80, 5, 10)})
    assert "has the type PLACE" in difference(other, report(OLD), TYPE).missing
    assert difference(report(OLD), other, TYPE).missing.startswith("of the incumbent: ")


def change(content, path, value):
    here = content["per_document"]
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("tp", 0, 0), 9, "do not give the f1 of micro"),
        (("tp", 0, 0), -1, "malformed"),
        (("tp", 0), [], "malformed"),
        (("tp",), None, "malformed"),
        (("tp",), "many", "malformed"),
        (("types",), ["PERSON", "PERSON"], "malformed"),
        (("ids", 0), "another", "not about the same documents"),
        (("groups",), ["g", *[""] * 19], "not about the same documents"),
        (("groups",), ["g"], "malformed"),
    ],
)
def test_counts_that_cannot_be_trusted_are_not_used(path, value, reason):
    _, (old, new) = weaker()
    change(new, path, value)
    found = paired_interval(new, old, MICRO)
    assert isinstance(found, Missing)
    assert reason in found.reason


def test_documents_of_a_group_are_drawn_together():
    """One group: every draw is the whole, and the difference cannot vary."""
    _, (old, new) = weaker()
    for content in (old, new):
        change(content, ("groups",), ["g"] * 20)
    found = difference(new, old, MICRO)
    assert found.low == pytest.approx(found.high) == pytest.approx(found.value)

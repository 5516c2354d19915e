"""A file of gates is read as it is meant; every fault is named with file, line and a way out."""

from __future__ import annotations

import pytest

from ossamma.evaluation.gate_file import load_gates, read_gates
from ossamma.evaluation.gates import (
    Collapse,
    DecidedBy,
    Figure,
    IfNotMeasured,
    Metric,
    Operator,
    Priority,
    Scope,
    Score,
    Threshold,
    Unmeasurable,
)
from ossamma.evaluation.schemes import Scheme
from ossamma.schema.errors import ProfileError
from ossamma.schema.profile import load_profile

SCORE = """\
gates:
  - name: a
    source: b
    metric: f1
    average: micro
    operator: ">"
    threshold: 0.5
"""


def read(tmp_path, text, profile=None):
    path = tmp_path / "gates.yaml"
    path.write_text(text, encoding="utf-8")
    return read_gates(path, None if profile is None else load_profile(profile))


def test_a_score_takes_the_defaults(tmp_path):
    (gate,) = read(tmp_path, SCORE).gates
    assert gate.check == Threshold(
        measure=Score(metric=Metric.F1, scope=Scope.MICRO),
        operator=Operator.ABOVE,
        threshold=0.5,
    )
    assert (gate.name, gate.source, gate.note) == ("a", "b", "")
    assert (gate.priority, gate.if_not_measured) == (Priority.MEDIUM, IfNotMeasured.FAIL)


def test_every_key_is_read(tmp_path):
    text = SCORE.replace("average: micro", "type: X\n    scheme: partial")
    text += (
        "    decided_by: point\n    max_width: 0.1\n    min_support: 7\n    against: incumbent\n"
    )
    text += "    priority: high\n    if_not_measured: skip\n    note: n\n"
    (gate,) = read(tmp_path, text).gates
    assert gate.check == Threshold(
        measure=Score(metric=Metric.F1, scope=Scope.TYPE, name="X", scheme=Scheme.PARTIAL),
        operator=Operator.ABOVE,
        threshold=0.5,
        decided_by=DecidedBy.POINT,
        max_width=0.1,
        min_support=7,
        against_incumbent=True,
    )
    assert (gate.priority, gate.if_not_measured) == (Priority.HIGH, IfNotMeasured.SKIP)
    assert gate.note == "n"


@pytest.mark.parametrize("path", ["speed.latency_ms.512", '[speed, latency_ms, "512"]'])
def test_a_figure_and_the_other_kinds(tmp_path, path):
    text = f"""\
gates:
  - {{name: a, source: s, figure: {path}, operator: "<", threshold: 50}}
  - {{name: b, source: s, collapse: {{floor: 0.2}}}}
  - {{name: c, source: s, not_measurable: why}}
"""
    figure, collapse, open_gate = (gate.check for gate in read(tmp_path, text).gates)
    assert isinstance(figure, Threshold)
    assert figure.measure == Figure(path=("speed", "latency_ms", "512"))
    assert figure.decided_by is DecidedBy.POINT
    assert collapse == Collapse(floor=0.2)
    assert open_gate == Unmeasurable("why")


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("metric: f1", "metric: f2", 4, "'f2'; did you mean f1"),
        ("metric: f1", "metrik: f1", 4, "unknown key 'metrik'"),
        ("metric: f1", "metric: f1\n    figure: speed.x", 2, "exactly one of metric, figure"),
        ("threshold: 0.5", "treshold: 0.5", 7, "did you mean threshold"),
        ("    threshold: 0.5\n", "", 2, "the key 'threshold' is missing"),
        ("0.5", "ninety", 7, "'threshold' must be a number, got 'ninety'"),
        ("0.5", ".nan", 7, "'threshold' must be a number"),
        ("0.5", "93.5", 2, "a share in [0, 1], got 93.5"),
        ('">"', '"=="', 6, "must be one of >, >=, <, <="),
        ("average: micro", "average: mikro", 5, "did you mean micro"),
        ("average: micro", "average: type", 5, "expected an average"),
        ("average: micro", "average: micro\n    type: PERSON", 2, "exactly one of average, type"),
        ("average: micro", "type: PERSN", 5, "did you mean PERSON"),
        ("average: micro", "node: PLACE", 2, "the profile 'rag9' has no hierarchy"),
        ("average: micro", "slice: datset\n    part: a", 5, "did you mean dataset"),
        ("average: micro", "slice: dataset", 2, "has a part"),
        ("average: micro", "average: macro\n    scheme: exact", 2, "expected the scheme strict"),
        ("average: micro", "average: micro\n    against: incumbant", 6, "did you mean incumbent"),
        ("average: micro", "average: micro\n    min_support: some", 6, "a whole number"),
        ("average: micro", "average: micro\n    max_width: 2", 2, "max_width must lie in [0, 1]"),
        ("metric: f1\n    average: micro", "figure: sped.x", 2, "did you mean speed"),
        ("name: a", "name: a\n    priority: urgent", 3, "must be one of high, medium, low"),
        ("name: a", "name: a\n    if_not_measured: ignore", 3, "must be one of fail, skip"),
        ("    source: b\n", "", 2, "the key 'source' is missing"),
        ("gates:\n", "gates: []\n# ", 1, "expected a mapping"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, old, new, line, complaint):
    assert old in SCORE
    text = SCORE.replace(old, new)
    if complaint == "expected a mapping":
        text = "- a\n"
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text, profile="rag9")
    assert complaint in str(caught.value)
    assert f"gates.yaml:{line}:" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gates: []", "at least one gate"),
        (SCORE + SCORE.removeprefix("gates:\n"), "the gate 'a' is given twice"),
        ("gates: [{name: a, source: s, collapse: {floor: 1}}]", "floor must lie between 0 and 1"),
        ("gates: [{name: a, source: s, collapse: {factor: 1}}]", "factor must be greater than 1"),
        ("gates: [{name: a, source: s, collapse: {flor: 0.1}}]", "did you mean floor"),
        ("gates: {", "valid YAML"),
    ],
)
def test_other_faults(tmp_path, text, complaint):
    with pytest.raises(ProfileError, match=complaint):
        read(tmp_path, text)


def test_without_a_profile_any_type_may_be_named(tmp_path):
    gates = read(tmp_path, SCORE.replace("average: micro", "type: ANYTHING"))
    assert gates.types == ()


def test_a_node_of_the_hierarchy_is_known(tmp_path):
    text = SCORE.replace("average: micro", "node: CYBER_THREAT")
    (gate,) = read(tmp_path, text, profile="ner11").gates
    assert gate.check.measure == Score(metric=Metric.F1, scope=Scope.NODE, name="CYBER_THREAT")


@pytest.mark.parametrize("name", ["CYBERTHREAT", "CVE"])
def test_another_name_is_no_node(tmp_path, name):
    """A type is one in the hierarchy, but a report lists it among the types."""
    with pytest.raises(
        ProfileError, match=rf"gates\.yaml:5: expected the name of a node.*'{name}'"
    ):
        read(tmp_path, SCORE.replace("average: micro", f"node: {name}"), profile="ner11")


def test_a_profile_without_gates_says_what_to_do(tmp_path):
    (tmp_path / "profile.yaml").write_text(
        "name: x\ntitle: x\ntypes: [{name: A, description: a}]\n", encoding="utf-8"
    )
    with pytest.raises(ProfileError, match=r"has no gates\.yaml; give --gates FILE"):
        load_gates(tmp_path)
    (tmp_path / "gates.yaml").write_text(SCORE.replace("average: micro", "type: A"))
    assert load_gates(tmp_path).types == ("A",)

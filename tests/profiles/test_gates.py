"""The shipped gates are the plans' tables, and ask for nothing that a report does not have."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from ossamma.evaluation.gate_file import load_gates
from ossamma.evaluation.gates import Collapse, Figure, IfNotMeasured, Scope, Threshold, Unmeasurable
from ossamma.evaluation.measurement import Missing, find
from ossamma.pipeline.speed import PIECES, Speed
from ossamma.schema.profile import available_profiles, load_profile
from ossamma.training.finetune import FinetuneResult
from tests.evaluation.reports import report

GATES = {name: load_gates(name) for name in available_profiles()}
REPORTS = {
    name: report(dict.fromkeys(load_profile(name).labels.types, (30, 3, 3)), profile=name)
    for name in GATES
}

# Section 5.2 of the training plan and its appendix: what, by which operator, how much.
RAG9 = {
    "micro": (">", 0.90),
    "macro": (">", 0.85),
    "PERSON": (">", 0.95),
    "AGENCY": (">", 0.90),
    "PLACE": (">", 0.92),
    "MEASURE": (">", 0.88),
    "ORGANISM": (">", 0.85),
    "EVENT": (">", 0.82),
    "WORK": (">", 0.80),
    "DOMAIN": (">", 0.78),
    "INSTRUMENT": (">", 0.80),
    "speed.latency_ms.512": ("<", 50),
    "speed.sequences_per_second": (">", 100),
    "conll2003": (">=", 0.935),
    "ontonotes5": (">=", 0.900),
    "fewnerd": (">=", 0.700),
    "wnut17": (">=", 0.520),
}
# Task 3.2, the quality gates of Task 4.1, the training metrics and the entity-specific targets.
NER11 = [
    ("training.best_f1", ">", 0.75),
    ("f1 micro", ">", 0.80),
    ("f1 CRITICAL_INFRASTRUCTURE", ">", 0.85),
    ("f1 CYBER_THREAT", ">", 0.85),
    ("f1 CVE", ">", 0.85),
    ("f1 DEVICE", ">", 0.85),
    ("f1 micro", ">", 0.80),
    ("precision micro", ">", 0.82),
    ("recall micro", ">", 0.78),
    ("training.seconds", "<", 8 * 3600),
    ("f1 CRITICAL_INFRASTRUCTURE", ">", 0.85),
    ("f1 CYBER_THREAT", ">", 0.85),
    ("f1 CVE", ">", 0.90),
    ("f1 DEVICE", ">", 0.85),
    ("f1 MEASUREMENT", ">", 0.80),
    ("f1 CONTROLS", ">", 0.80),
]


def thresholds(name):
    return [gate.check for gate in GATES[name].gates if isinstance(gate.check, Threshold)]


def target(measure):
    if isinstance(measure, Figure):
        return str(measure)
    return measure.part or measure.name or measure.scope.value


def test_every_profile_has_gates():
    assert set(GATES) >= {"rag9", "ner11"}


def test_rag9_is_the_training_plan():
    found = {target(c.measure): (c.operator.value, c.threshold) for c in thresholds("rag9")}
    assert found == RAG9


def test_ner11_is_the_training_phase():
    found = []
    for check in thresholds("ner11"):
        figure = isinstance(check.measure, Figure)
        metric = "" if figure else f"{check.measure.metric} "
        found.append((metric + target(check.measure), check.operator.value, check.threshold))
    assert found == NER11


@pytest.mark.parametrize("name", GATES)
def test_every_measure_exists_in_a_report(name):
    for check in thresholds(name):
        path = check.measure.path if isinstance(check.measure, Figure) else check.measure.row
        found = find(REPORTS[name], path)
        assert not isinstance(found, Missing), found.reason
        if not isinstance(check.measure, Figure):
            assert check.measure.metric.value in found


def test_every_figure_is_one_that_is_measured():
    """Not only in a report made for tests: runs and timings have these names."""
    speed = Speed(hardware="h", latency_ms={PIECES: 1.0}, sequences_per_second=1.0, batch=1, runs=1)
    training = {field.name: 1.0 for field in fields(FinetuneResult)}
    content = {"speed": json.loads(json.dumps(speed.to_json())), "training": training}
    for name in GATES:
        for check in thresholds(name):
            if isinstance(check.measure, Figure):
                assert find(content, check.measure.path) == 1.0


@pytest.mark.parametrize("name", GATES)
def test_a_type_is_asked_as_a_type_and_a_node_as_a_node(name):
    profile = load_profile(name)
    for check in thresholds(name):
        if isinstance(check.measure, Figure):
            continue
        is_type = check.measure.name in profile.labels.types
        assert is_type == (check.measure.scope is Scope.TYPE)
        if check.measure.scope is Scope.NODE:
            assert len(profile.hierarchy.types_below(check.measure.name)) > 1


@pytest.mark.parametrize("name", GATES)
def test_every_gate_says_where_it_comes_from(name):
    for gate in GATES[name].gates:
        assert gate.source.startswith(("training plan", "training phase", "the sense of the"))
        if isinstance(gate.check, Unmeasurable):
            assert gate.if_not_measured is IfNotMeasured.SKIP, "no run could ever pass"
    assert any(isinstance(gate.check, Collapse) for gate in GATES[name].gates)

"""Laws of verdicts: what is better is never judged worse, and knowing less never helps."""

from __future__ import annotations

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.gate_file import load_gates
from ossamma.evaluation.gates import (
    SECTIONS,
    Collapse,
    DecidedBy,
    Gate,
    GateSet,
    IfNotMeasured,
    Metric,
    Operator,
    Scope,
    Score,
    Threshold,
    Unmeasurable,
    Verdict,
)
from ossamma.evaluation.measurement import Measurement
from ossamma.evaluation.verdicts import Outcome, check_gates, decide
from tests.evaluation.reports import report

ORDER = [Verdict.FAIL, Verdict.NOT_MEASURABLE, Verdict.PASS]
SHARES = st.floats(0, 1)
TYPES = ("PERSON", "PLACE")


def rank(verdict):
    return ORDER.index(verdict)


def threshold(**changes):
    settings = {
        "measure": Score(metric=Metric.F1, scope=Scope.MICRO),
        "operator": Operator.ABOVE,
        "threshold": 0.8,
    }
    return Threshold(**(settings | changes))


def measured(value, below=0.0, above=0.0, support=1000):
    return Measurement(value=value, low=value - below, high=value + above, support=support)


CHECKS = st.builds(
    threshold,
    operator=st.sampled_from(Operator),
    threshold=SHARES,
    max_width=SHARES,
    decided_by=st.sampled_from(DecidedBy),
)


@given(CHECKS, SHARES, SHARES, SHARES, SHARES)
def test_a_better_value_never_gets_a_worse_verdict(check, one, other, below, above):
    worse, better = sorted((one, other), reverse=not check.operator.wants_more)
    verdicts = [decide(check, measured(value, below, above))[0] for value in (worse, better)]
    # The ends are sums of floats: values a rounding apart may be moved across the threshold.
    if not math.isclose(one, other, abs_tol=1e-12):
        assert rank(verdicts[0]) <= rank(verdicts[1])


@given(CHECKS, SHARES, SHARES, SHARES, SHARES, SHARES)
def test_a_narrower_interval_keeps_every_verdict_that_was_reached(
    check, value, below, above, share, other
):
    wide = decide(check, measured(value, below, above))[0]
    narrow = decide(check, measured(value, below * share, above * other))[0]
    if wide is not Verdict.NOT_MEASURABLE:
        assert narrow is wide


@given(CHECKS, SHARES, SHARES, SHARES, st.integers(0, 100), st.integers(0, 100))
def test_more_support_never_unmakes_a_verdict(check, value, below, above, one, other):
    fewer, more = sorted((one, other))
    verdicts = [decide(check, measured(value, below, above, n))[0] for n in (fewer, more)]
    assert verdicts[0] in {Verdict.NOT_MEASURABLE, verdicts[1]}


@given(CHECKS, SHARES, SHARES, SHARES)
def test_pass_and_fail_agree_with_the_value(check, value, below, above):
    verdict, reason = decide(check, measured(value, below, above))
    holds = check.operator.holds(value, check.threshold)
    assert verdict is not (Verdict.FAIL if holds else Verdict.PASS)
    assert reason


@pytest.mark.parametrize(
    ("value", "below", "above", "verdict"),
    [
        (0.90, 0.05, 0.05, Verdict.PASS),  # all above
        (0.70, 0.05, 0.05, Verdict.FAIL),  # all below
        (0.82, 0.10, 0.10, Verdict.NOT_MEASURABLE),  # astride and wide
        (0.78, 0.10, 0.10, Verdict.NOT_MEASURABLE),
        (0.81, 0.02, 0.02, Verdict.PASS),  # astride and narrow: the value decides
        (0.79, 0.02, 0.02, Verdict.FAIL),
        (0.80, 0.00, 0.00, Verdict.FAIL),  # > is not >=
    ],
)
def test_the_rule_by_example(value, below, above, verdict):
    assert decide(threshold(), measured(value, below, above))[0] is verdict


def test_the_same_by_example_for_what_should_be_small():
    check = threshold(operator=Operator.BELOW, threshold=0.2)
    assert decide(check, measured(0.1, 0.05, 0.05))[0] is Verdict.PASS
    assert decide(check, measured(0.3, 0.05, 0.05))[0] is Verdict.FAIL
    assert decide(check, measured(0.19, 0.1, 0.1))[0] is Verdict.NOT_MEASURABLE


def test_too_little_support_and_no_interval_are_not_measurable():
    few = decide(threshold(), measured(1.0, support=29))
    assert few[0] is Verdict.NOT_MEASURABLE
    assert "29 gold mentions, 30 are needed" in few[1]
    without = Measurement(value=1.0, support=100, no_interval="the report has no section intervals")
    assert decide(threshold(), without) == (
        Verdict.NOT_MEASURABLE,
        "the report has no section intervals",
    )
    assert decide(threshold(decided_by=DecidedBy.POINT), without)[0] is Verdict.PASS


REPORT = report(dict.fromkeys(TYPES, (400, 20, 20)))
RAG9, NER11 = load_gates("rag9"), load_gates("ner11")
CHEAP = GateSet(
    "cheap",
    (
        Gate(name="micro", source="s", check=threshold()),
        Gate(
            name="macro",
            source="s",
            check=threshold(measure=Score(metric=Metric.RECALL, scope=Scope.MACRO)),
        ),
        Gate(name="collapse", source="s", check=Collapse()),
        Gate(
            name="incumbent",
            source="s",
            check=threshold(threshold=-0.01, against_incumbent=True),
        ),
    ),
    TYPES,
)
FREE = GateSet("free", CHEAP.gates)  # no profile says which types there are


def test_the_whole_report_passes_what_it_can():
    found = check_gates(CHEAP, REPORT, REPORT)
    assert [result.verdict for result in found.results] == [Verdict.PASS] * 4
    assert found.outcome is Outcome.PASSED


@pytest.mark.parametrize("section", sorted(REPORT))
@pytest.mark.parametrize(
    "gates", [CHEAP, FREE, RAG9, NER11], ids=["cheap", "free", "rag9", "ner11"]
)
@pytest.mark.parametrize("side", ["report", "incumbent"])
def test_a_missing_section_never_improves_a_verdict(gates, section, side):
    cut = {name: content for name, content in REPORT.items() if name != section}
    less = (cut, REPORT) if side == "report" else (REPORT, cut)
    whole = check_gates(gates, REPORT, REPORT).results
    for before, after in zip(whole, check_gates(gates, *less).results, strict=True):
        assert rank(after.verdict) <= rank(before.verdict), (after.gate.name, after.reason)


def leaves(content, path=()):
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, (*path, key))
    yield path


PATHS = sorted(
    path for path in leaves({k: v for k, v in REPORT.items() if k != "per_document"}) if path
)


@given(
    st.sampled_from(PATHS), st.sampled_from([None, "x", math.nan, math.inf, 10**400, [], {}, True])
)
def test_a_damaged_report_never_passes_what_it_did_not(path, value):
    damaged = copy.deepcopy(REPORT)
    here = damaged
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    for gates in (CHEAP, FREE, RAG9):
        whole = check_gates(gates, REPORT, REPORT).results
        for before, after in zip(whole, check_gates(gates, damaged, REPORT).results, strict=True):
            if after.verdict is Verdict.PASS:
                assert before.verdict is Verdict.PASS
            assert after.reason


def test_an_empty_report_passes_nothing():
    for gates in (CHEAP, FREE, RAG9, NER11):
        found = check_gates(gates, {}, {})
        assert {result.verdict for result in found.results} == {Verdict.NOT_MEASURABLE}
        assert found.outcome is Outcome.FAILED


@given(
    st.lists(
        st.tuples(st.sampled_from(Verdict), st.sampled_from(IfNotMeasured)), min_size=1, max_size=9
    ),
    st.booleans(),
)
def test_outcomes_add_up_and_what_was_not_measured_has_failed(wanted, strict):
    checks = {
        Verdict.PASS: threshold(),
        Verdict.FAIL: threshold(threshold=0.99),
        Verdict.NOT_MEASURABLE: Unmeasurable("nobody knows"),
    }
    gates = tuple(
        Gate(name=str(i), source="s", check=checks[verdict], if_not_measured=meaning)
        for i, (verdict, meaning) in enumerate(wanted)
    )
    found = check_gates(GateSet("some", gates), REPORT, strict=strict)
    assert [result.verdict for result in found.results] == [verdict for verdict, _ in wanted]
    skipped = (Verdict.NOT_MEASURABLE, IfNotMeasured.SKIP)
    num_skipped = 0 if strict else wanted.count(skipped)
    num_passed = sum(verdict is Verdict.PASS for verdict, _ in wanted)
    assert found.count(Outcome.SKIPPED) == num_skipped
    assert found.count(Outcome.PASSED) == num_passed
    assert found.count(Outcome.FAILED) == len(wanted) - num_skipped - num_passed
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert sum(content["outcomes"].values()) == sum(content["verdicts"].values()) == len(wanted)
    assert (found.outcome is Outcome.PASSED) == (num_passed == len(wanted))


def test_strict_may_only_fail_more():
    for gates in (RAG9, NER11):
        lenient, strict = (check_gates(gates, REPORT, strict=each) for each in (False, True))
        for one, other in zip(lenient.results, strict.results, strict=True):
            assert one.verdict is other.verdict
            assert other.outcome is (
                Outcome.PASSED if one.outcome is Outcome.PASSED else Outcome.FAILED
            )


def test_the_sections_of_a_figure_are_those_of_a_report():
    assert set(SECTIONS) == set(REPORT)


def test_without_a_profile_the_types_of_the_report_count():
    """Of a type that the system has, and that the test set lacks, nothing is known."""
    gates = GateSet("no types", tuple(gate for gate in CHEAP.gates if gate.name != "incumbent"))
    assert check_gates(gates, REPORT).outcome is Outcome.PASSED
    more = check_gates(gates, REPORT | {"types": [*TYPES, "EVENT"]})
    assert [result.verdict.value for result in more.results] == [
        "PASS",
        "NOT MEASURABLE",
        "NOT MEASURABLE",
    ]

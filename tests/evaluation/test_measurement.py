"""What is read from a report is what the report's own code counted, or the reason why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.gates import Figure, Metric, Scope, Score
from ossamma.evaluation.measurement import Missing, figure, find, score, supports
from ossamma.evaluation.proportions import counted_intervals
from ossamma.evaluation.schemes import Scheme
from ossamma.evaluation.scores import Counts, counts_to_json
from tests.evaluation.reports import report

COUNTS = {"PERSON": (80, 5, 10), "PLACE": (30, 9, 3)}
REPORT = report(COUNTS)
THREATS = report({"MALWARE": (50, 4, 9), "TACTIC": (30, 3, 3)}, profile="ner11")


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(
    ("scope", "name", "row"),
    [
        (Scope.MICRO, "", REPORT["scores"]["micro"]),
        (Scope.MACRO, "", REPORT["scores"]["macro"]),
        (Scope.TYPE, "PLACE", REPORT["scores"]["per_type"]["PLACE"]),
    ],
)
def test_strict_scores_have_the_intervals_of_the_report(metric, scope, name, row):
    measured = score(REPORT, Score(metric=metric, scope=scope, name=name))
    below = REPORT["intervals"]["per_type"][name] if name else REPORT["intervals"][scope.value]
    assert measured.value == row[metric.value]
    assert [measured.low, measured.high] == below[metric.value]
    assert measured.low <= measured.value <= measured.high


def test_support_is_the_number_of_gold_mentions():
    def support(scope, name="", types=()):
        return score(REPORT, Score(metric=Metric.F1, scope=scope, name=name), types).support

    assert support(Scope.TYPE, "PERSON") == 90
    assert support(Scope.MICRO) == support(Scope.WEIGHTED) == 90 + 33
    assert support(Scope.MACRO) == 33, "an average over types is as well known as the weakest"
    assert support(Scope.MACRO, types=("PERSON", "EVENT")) == 0, "of EVENT it says nothing"
    assert supports(REPORT, ("EVENT", "PLACE")) == {"EVENT": 0, "PLACE": 33}


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize(
    ("content", "row", "measure"),
    [
        (
            THREATS,
            THREATS["hierarchy"]["CYBER_THREAT"],
            {"scope": Scope.NODE, "name": "CYBER_THREAT"},
        ),
        (
            REPORT,
            REPORT["slices"]["dataset"]["wnut17"],
            {"scope": Scope.SLICE, "name": "dataset", "part": "wnut17"},
        ),
        (
            REPORT,
            REPORT["schemes"]["partial"]["micro"],
            {"scope": Scope.MICRO, "scheme": Scheme.PARTIAL},
        ),
        (
            REPORT,
            REPORT["schemes"]["type"]["per_type"]["PLACE"],
            {"scope": Scope.TYPE, "name": "PLACE", "scheme": Scheme.TYPE},
        ),
    ],
    ids=["node", "slice", "scheme", "type"],
)
def test_what_is_never_resampled_has_the_interval_of_its_counts(metric, content, row, measure):
    measured = score(content, Score(metric=metric, **measure))
    wanted = counted_intervals([row["tp"], row["fp"], row["fn"]])[tuple(Metric).index(metric)]
    assert [measured.low, measured.high] == pytest.approx(wanted.tolist())
    assert (measured.value, measured.support) == (row[metric.value], row["support"])


@given(st.builds(Counts, *[st.integers(0, 500)] * 3), st.sampled_from(Metric))
def test_the_value_lies_in_its_interval(counts, metric):
    rows = {"dataset": {"wnut17": counts_to_json(counts)}}
    content = {"slices": rows, "intervals": {"level": 0.95}}
    measure = Score(metric=metric, scope=Scope.SLICE, name="dataset", part="wnut17")
    found = score(content, measure)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.support == counts.support


def test_the_types_are_those_that_the_report_lists():
    assert supports(REPORT) == {"PERSON": 90, "PLACE": 33}
    assert supports(REPORT | {"types": ["EVENT", "PLACE"]}) == {"EVENT": 0, "PLACE": 33}
    for types in (None, [], "PLACE"):
        assert supports(REPORT | {"types": types}) == {}, "those that occur may not be all"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (("scores", "per_type", "EVENT"), "no judged prediction has the type EVENT"),
        (("slices", "shape"), "slices.shape was not measured"),
        (("slices", "dataset", "btc"), "only conll2003, fewnerd, ontonotes5, wnut17"),
        (("nothing",), "no section nothing"),
        (("risk_coverage", "aurc"), "was not measurable: predictions have no confidence"),
        (("system", "checksum"), "system.checksum was not measured"),
        (("ossamma", "version"), "no ossamma.version"),
    ],
)
def test_what_is_missing_is_said(path, reason):
    content = REPORT | {"risk_coverage": {"not_measurable": "predictions have no confidence"}}
    found = find(content, path)
    assert isinstance(found, Missing)
    assert reason in found.reason


def test_figures():
    found = figure(REPORT, Figure(path=("speed", "latency_ms", "512")))
    assert (found.value, found.remark) == (12.5, "on a test")
    assert figure(REPORT, Figure(path=("training", "seconds"))).remark == ""
    untimed = figure(REPORT | {"speed": None}, Figure(path=("speed", "sequences_per_second")))
    assert untimed.missing == "speed was not measured; `ossamma evaluate --speed` times a bundle"
    text = figure(REPORT, Figure(path=("speed", "hardware")))
    assert (text.value, text.missing) == (None, "speed.hardware is not a finite number")


@pytest.mark.parametrize("ends", [[0.0, 0.1], [0.99, 1.0]])
def test_an_interval_beside_its_value_is_widened_to_hold_it(ends):
    intervals = REPORT["intervals"] | {"micro": {"f1": ends}}
    found = score(REPORT | {"intervals": intervals}, Score(metric=Metric.F1, scope=Scope.MICRO))
    assert found.low == min(ends[0], found.value)
    assert found.high == max(ends[1], found.value)


@pytest.mark.parametrize("ends", [None, [], [0.9], [0.9, 0.8], ["a", "b"], "ab", [None, 1.0]])
def test_the_counts_do_not_stand_in_for_a_bootstrap_that_is_missing(ends):
    intervals = REPORT["intervals"] | {"per_type": {"PLACE": {"f1": ends}}}
    measure = Score(metric=Metric.F1, scope=Scope.TYPE, name="PLACE")
    found = score(REPORT | {"intervals": intervals}, measure)
    assert (found.low, found.high) == (None, None)
    assert "there is no interval of the f1 of PLACE" in found.no_interval

"""A report's sections agree with each other, and it reads back as it was written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.judge import judge
from ossamma.evaluation.report import ReportFacts, make_report, read_report, write_report
from ossamma.evaluation.report_sections import SECTIONS
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.schema.errors import FormatError
from tests.evaluation import spans

FACTS = ReportFacts(
    system={"kind": "predictions", "name": "p", "path": "p.jsonl", "checksum": None, "notes": []},
    gold={"path": "g", "sha256": "ab", "documents": 1, "datasets": {}, "files": [], "notes": []},
    version="1.0",
    created="2026-11-22T12:00:00+00:00",
    resampling=ResamplingSettings(resamples=100),
)
many_cases = st.lists(spans.cases(), min_size=1, max_size=4)


def report_of(cases, **facts):
    judged = list(judge(*zip(*cases, strict=True)))
    return make_report(judged, replace(FACTS, **facts))


@given(many_cases)
def test_sections_agree(cases):
    report = report_of(cases, seen_surfaces={"ab"})
    rows = report["scores"]["per_type"]
    total = {name: sum(row[name] for row in rows.values()) for name in ("tp", "fp", "fn")}
    errors, table = report["errors"], report["confusion"]
    assert set(report) == set(SECTIONS)
    assert (errors["false_positives"], errors["false_negatives"]) == (total["fp"], total["fn"])
    assert errors["counts"]["missed"] == sum(table["missed"])
    assert errors["counts"]["spurious"] == sum(table["spurious"])
    for name, row in rows.items():
        at = table["types"].index(name)
        assert row["support"] == sum(table["counts"][at]) + table["missed"][at]
        assert row["tp"] == table["same_borders"][at][at]
    for parts in filter(None, report["slices"].values()):
        assert {key: sum(row[key] for row in parts.values()) for key in total} == total
    for name, number in total.items():
        assert sum(map(sum, report["per_document"][name])) == number
    assert set(report["intervals"]["per_type"]) == set(rows)
    low, high = report["intervals"]["micro"]["f1"]
    assert low <= report["scores"]["micro"]["f1"] <= high
    for name in ("precision", "recall", "f1"):
        strict = report["schemes"]["strict"]["micro"][name]
        assert strict == pytest.approx(report["scores"]["micro"][name])


@given(many_cases)
def test_a_report_reads_back_as_it_was(tmp_path_factory, cases):
    path = tmp_path_factory.mktemp("report") / "report.json"
    report = report_of(cases)
    write_report(report, path)
    assert read_report(path) == report


@given(spans.cases())
def test_equal_input_gives_equal_bytes(tmp_path_factory, case):
    folder = tmp_path_factory.mktemp("report")
    for name in ("one", "other"):
        write_report(report_of([case]), folder / name)
    assert (folder / "one").read_bytes() == (folder / "other").read_bytes()


def test_the_order_of_spans_does_not_matter():
    document = spans.document(spans.mark(0, 2, "A"), spans.mark(3, 5, "B"))
    claims = [spans.claim(0, 2, "A", 0.5), spans.claim(3, 9, "B", 0.5)]
    case = (document, claims)
    assert report_of([case]) == report_of([spans.shuffled(case, 3)])


def test_what_was_not_asked_for_is_null():
    case = (spans.document(spans.mark(0, 2, "A")), [])
    report = report_of([case], resampling=None)
    assert report["intervals"] is None
    assert report["hierarchy"] is None
    assert report["slices"]["seen"] is None
    assert "not_measurable" in report["calibration"]
    assert report["types"] == ["A"]


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "report.json"
    write_report(report_of([(spans.document(spans.mark(0, 2, "A")), [])]), path)
    return path


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        (("format",), "ossamma-report/2", '"format": "ossamma-report/1", got \'ossamma-report/2\''),
        (("scores",), None, "an object at scores"),
        (("confusion",), [], "an object or null at confusion"),
        (("scores", "macro"), 1, "an object at scores.macro"),
        (("scores", "micro", "f1"), 1.5, "a share from 0 to 1 at scores.micro.f1"),
        (("scores", "micro", "f1"), float("nan"), "a share from 0 to 1 at scores.micro.f1"),
        (("scores", "per_type", "A", "tp"), -1, "a whole number from 0 at scores.per_type.A.tp"),
        (("scores", "per_type", "A", "tp"), True, "a whole number from 0"),
        (("scores", "per_type"), None, "an object at scores.per_type"),
    ],
)
def test_a_changed_report_is_refused_with_the_place(written, place, value, complaint):
    content = json.loads(written.read_text())
    here = content
    for key in place[:-1]:
        here = here[key]
    here[place[-1]] = value
    written.write_text(json.dumps(content))
    with pytest.raises(FormatError) as caught:
        read_report(written)
    assert complaint in str(caught.value)
    assert str(written) in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00", "[" * 5000])
def test_what_is_no_report_is_refused(tmp_path, content):
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"r\.json"):
        read_report(path)


def test_a_missing_report_is_refused(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        read_report(tmp_path / "r.json")

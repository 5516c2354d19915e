"""From files to verdicts: which gates are taken, and what is refused."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from ossamma.evaluation.gate_file import load_gates
from ossamma.pipeline.gating import GateRequest, check_report
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, ProfileError
from tests.evaluation.reports import report

GATES = """\
gates:
  - name: micro
    source: a test
    metric: f1
    average: micro
    operator: ">"
    threshold: 0.8
"""


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def path(write):
    return write("report.json", report({"PERSON": (300, 10, 10)}))


def names(verdicts):
    return [result.gate.name for result in verdicts.results]


def test_the_profile_of_the_report_decides(path):
    assert names(check_report(GateRequest(report=path))) == [
        g.name for g in load_gates("rag9").gates
    ]


def test_another_profile_may_be_asked_for(path):
    found = names(check_report(GateRequest(report=path, profile="ner11")))
    assert found == [gate.name for gate in load_gates("ner11").gates]


def test_a_file_of_gates(path, write):
    verdicts = check_report(GateRequest(report=path, gates=write("g.yaml", GATES)))
    assert names(verdicts) == ["micro"]
    assert verdicts.gates.endswith("g.yaml")


def test_an_incumbent_is_always_compared_with(path, write):
    gates = write("g.yaml", GATES)
    request = GateRequest(report=path, gates=gates, incumbent=path)
    assert names(check_report(request)) == ["micro", "no worse than the incumbent"]
    own = write("own.yaml", GATES.replace("threshold: 0.8", "threshold: 0\n    against: incumbent"))
    assert names(check_report(GateRequest(report=path, gates=own, incumbent=path))) == ["micro"]


def test_junit_is_written(path, tmp_path):
    verdicts = check_report(GateRequest(report=path, junit=tmp_path / "junit.xml"))
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert int(root.get("tests")) == len(verdicts.results)


def test_junit_in_a_folder_that_is_not_there(path, tmp_path):
    with pytest.raises(DataError, match="create it first"):
        check_report(GateRequest(report=path, junit=tmp_path / "nowhere" / "junit.xml"))


@pytest.mark.parametrize("profile", [None, "native"])
def test_a_report_without_a_known_profile_needs_one(write, profile):
    path = write("r.json", report({"PERSON": (3, 1, 1)}, profile=profile))
    with pytest.raises(ProfileError, match="give --profile P or --gates FILE"):
        check_report(GateRequest(report=path))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected a report in JSON"),
        ('{"format": "ossamma-report/1"', "expected a report in JSON"),
        ("[]", "ossamma-report/1"),
        ("{}", "got None"),
        ('{"format": "ossamma-verdicts/1"}', "got 'ossamma-verdicts/1'"),
        ("[" * 100_000, "expected a report in JSON"),
    ],
)
def test_what_is_no_report_is_refused(write, content, complaint):
    with pytest.raises(FormatError, match=complaint):
        check_report(GateRequest(report=write("r.json", content)))


def test_other_files_are_no_reports(tmp_path):
    (tmp_path / "r.json").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "r.json", tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(FormatError):
            check_report(GateRequest(report=path))


def test_a_profile_and_a_file_exclude_each_other(path):
    with pytest.raises(ConfigurationError, match="got both"):
        GateRequest(report=path, profile="rag9", gates=path)

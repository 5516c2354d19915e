"""Two sentences: how good, and what nobody can say."""

from __future__ import annotations

from ossamma.evaluation.report_summary import summarise
from tests.evaluation import reports


def report(wanted, **sections):
    types = [*wanted, *sections.pop("more_types", [])]
    base = {
        "types": types,
        "not_annotated": {},
        "calibration": {"overall": {}},
        "risk_coverage": {"overall": {}},
    }
    content = reports.report(wanted, **(base | sections))
    seen = content["slices"] | {"seen": content["slices"]["length"]}
    return content | {"slices": seen}


GOOD = {"PERSON": (90, 5, 10), "PLACE": (40, 10, 10)}


def test_everything_is_measured():
    summary = summarise(report(GOOD))
    assert summary.gaps == ()
    assert summary.not_measurable == "Everything that was asked for could be measured."
    how_good = summary.how_good.replace("\N{NO-BREAK SPACE}", " ")
    assert how_good.startswith("p.jsonl reaches a strict micro F1 of 88.1 % (95 % interval ")
    assert "on 150 gold entities of 2 types in 20 documents" in summary.how_good
    assert how_good.endswith("its weakest type is PLACE with 80.0 %.")


def test_types_of_which_little_or_nothing_is_known():
    few = GOOD | {"SPECIES": (3, 0, 0), "EVENT": (0, 4, 0)}
    summary = summarise(report(few, more_types=["LAW"]))
    assert "how well EVENT and LAW are found" in summary.not_measurable
    assert "the scores of SPECIES (3)" in summary.not_measurable
    assert "weakest type is PLACE" in summary.how_good


def test_every_missing_section_is_named_with_its_reason():
    content = report(
        GOOD,
        intervals=None,
        speed=None,
        calibration={"not_measurable": "no confidences"},
        risk_coverage={"not_measurable": "no confidences"},
        not_annotated={"wnut17": {"LAW": 7, "EVENT": 3}},
    )
    content["slices"]["seen"] = None
    gaps = {gap.what: gap.why for gap in summarise(content).gaps}
    assert gaps["whether confidences can be trusted"] == "no confidences"
    assert gaps["speed"].startswith("nothing was timed")
    assert "--bootstrap" in gaps["how sure the figures are"]
    assert "--train-surfaces" in gaps["how well names are found that training did not show"]
    assert "in up to 7 of its documents" in gaps["false alarms of LAW and EVENT in wnut17"]
    assert len(gaps) == 6


def test_open_types_are_no_types():
    summary = summarise(report(GOOD | {"A|B": (40, 0, 40)}, types=list(GOOD)))
    assert "of 2 types" in summary.how_good
    assert "weakest type is PLACE" in summary.how_good

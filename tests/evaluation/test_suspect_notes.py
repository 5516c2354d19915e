"""Suspects beside errors: each error is told the gravest suspect at its place, and none is lost."""

from __future__ import annotations

import re
from dataclasses import replace

from ossamma.evaluation.errors import ErrorSettings, collect_errors
from ossamma.evaluation.judge import judge
from ossamma.evaluation.report import make_report
from ossamma.evaluation.report_pages import render_markdown, render_page
from ossamma.evaluation.suspect_notes import (
    GRAVE,
    LIGHT,
    KnownSuspects,
    label_noise,
    note_of_row,
    noted_cases,
)
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation.test_report import FACTS

TEXT = "Ada met Bob in Oslo today"


def row(rank, given, suggested, score, fault=None):
    return {
        "rank": rank,
        "kind": "type",
        "given": given,
        "suggested": suggested,
        "score": score,
        "annotation_at_fault": fault,
    }


def side(start, end):
    return {"start": start, "end": end, "type": "X"}


ROWS = [
    row(1, side(0, 3), side(0, 7), 0.95, 0.5),
    row(2, side(0, 3), None, 0.4),
    row(3, None, side(15, 19), 0.2, 0.1),
]
KNOWN = KnownSuspects(
    ({"of": "g", "models": "m", "suspects": 3, "suggest_from": 0.9, "review": None},),
    {("set", "d"): [note_of_row(one, suggest_from=0.9) for one in ROWS]},
)


def judged():
    document = Document(
        id="d",
        text=TEXT,
        annotations=(Annotation(0, 3, ("X",)), Annotation(8, 11, ("X",))),
        dataset="set",
    )
    found = [Entity(4, 7, "Y", "met", 0.9), Entity(15, 19, "Y", "Oslo", 0.8)]
    return list(judge([document], [found]))


def test_a_place_has_the_gravest_suspect_that_overlaps_it():
    ranks = [
        getattr(KNOWN.at("set", "d", *place), "rank", None)
        for place in ((0, 3), (4, 7), (7, 8), (19, 25), (18, 20))
    ]
    assert ranks == [1, 1, None, None, 3]
    assert KNOWN.at("set", "other", 0, 3) is None
    assert KNOWN.at("", "d", 0, 3) is None


def test_every_error_is_counted_once_shown_or_not():
    content = label_noise(judged(), KNOWN)
    errors = collect_errors(judged()).to_json()
    assert {name: each["errors"] for name, each in content["errors"].items()} == errors["counts"]
    assert sum(each[GRAVE] for each in content["errors"].values()) == 2  # Ada missed, "met" found
    assert sum(each[LIGHT] for each in content["errors"].values()) == 1  # Oslo
    assert "not_measurable" in content["estimate"]


def test_shown_errors_carry_their_suspect():
    errors = collect_errors(judged(), ErrorSettings(max_cases=10)).to_json()
    noted = noted_cases(errors["cases"], KNOWN)
    assert [{k: v for k, v in case.items() if k != "suspect"} for case in noted] == errors["cases"]
    by_start = {(case["gold"] or case["predicted"])["start"]: case["suspect"] for case in noted}
    assert by_start[0]["rank"] == by_start[4]["rank"] == 1
    assert by_start[0]["grade"] == GRAVE
    assert by_start[15] == {
        "rank": 3, "kind": "type", "score": 0.2, "grade": LIGHT, "annotation_at_fault": 0.1
    }  # fmt: skip
    assert by_start[8] is None


def test_the_page_filters_by_suspects_where_they_are_given():
    plain = make_report(judged(), FACTS)
    assert plain["label_noise"] is None
    assert 'name="suspect"' not in render_page(plain)
    review = {
        "reviewed": 40,
        "suspects": 90,
        "annotation_at_fault": {"expected": 12.2, "interval": [7, 20]},
        "suggestion_right": {"expected": 8.0, "interval": [4, 14]},
    }
    known = KnownSuspects(({**KNOWN.sources[0], "review": review},), KNOWN.notes)
    report = make_report(judged(), replace(FACTS, suspects=known))
    page = render_page(report)
    assert 'name="suspect"' in page
    assert re.findall(r'data-suspect="(\w*)"', page).count("grave") == 2
    assert page.count(" data-suspect=") == len(report["errors"]["cases"])
    assert "Suspect 1 of the annotation: type, score 0.950, its fault with probability 0.50" in page
    assert "wrong at about 12 (7 to 20)" in page
    assert "at a grave suspect" in render_markdown(report)

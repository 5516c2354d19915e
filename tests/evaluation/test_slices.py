"""Slices: their parts sum to the whole, and each mark is in the part that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Counts
from ossamma.evaluation.slices import Slices, not_annotated, slices, surface, surfaces_of
from ossamma.schema.spans import Annotation, Document
from tests.evaluation.spans import Case, cases, claim, document, mark

SEEN = frozenset({"ab", "ab cd"})
RULE_SHAPED = frozenset("A")


def slice_of(*several: Case) -> Slices:
    judged = judge([case[0] for case in several], [case[1] for case in several])
    return slices(judged, seen_surfaces=SEEN, rule_shaped=RULE_SHAPED)


@given(st.lists(cases(), max_size=3))
def test_the_parts_of_each_slice_sum_to_the_whole(several: list[Case]) -> None:
    whole = strict_scores([case[0] for case in several], [case[1] for case in several]).micro
    found = slice_of(*several)
    for field in fields(found):
        parts: Mapping[str, Counts] = getattr(found, field.name)
        assert sum(parts.values(), Counts()) == whole, field.name


def test_a_wrong_prediction_is_in_its_own_part() -> None:
    found = slice_of((document(mark(0, 2, "A")), [claim(3, 9, "B"), claim(0, 2, "A")]))
    assert found.seen == {"seen": Counts(1, 0, 0), "unseen": Counts(0, 1, 0)}
    assert found.shape == {"rule": Counts(1, 0, 0), "name": Counts(0, 1, 0)}
    assert found.length == {"1": Counts(1, 0, 0), "2": Counts(0, 1, 0)}


def test_a_wrong_type_is_missed_in_one_part_and_invented_in_another() -> None:
    found = slice_of((document(mark(0, 2, "A")), [claim(0, 2, "B")]))
    assert found.shape == {"rule": Counts(0, 0, 1), "name": Counts(0, 1, 0)}


@pytest.mark.parametrize(("labels", "part"), [("A", "rule"), ("B", "name"), ("AB", "open")])
def test_shape_of_a_mark(labels: str, part: str) -> None:
    assert slice_of((document(mark(0, 2, labels)), [])).shape == {part: Counts(0, 0, 1)}


@pytest.mark.parametrize(
    ("words", "part"), [(1, "1"), (2, "2"), (3, "3-4"), (4, "3-4"), (5, "5+"), (9, "5+")]
)
def test_length_of_an_entity(words: int, part: str) -> None:
    text = "a " * 10
    gold = Document("d", text, annotations=(Annotation(0, 2 * words, ("A",)),))
    assert slice_of((gold, [])).length == {part: Counts(0, 0, 1)}


@pytest.mark.parametrize(
    ("words", "part"),
    [(50, "1-50"), (51, "51-200"), (200, "51-200"), (201, "201-1000"), (1001, "1001+")],
)
def test_length_of_a_document(words: int, part: str) -> None:
    gold = Document("d", "a " * words, annotations=(Annotation(0, 1, ("A",)),))
    assert slice_of((gold, [])).document_length == {part: Counts(0, 0, 1)}


def test_each_corpus_has_its_part() -> None:
    one = document(mark(0, 2, "A"))
    other = replace(one, dataset="wnut")
    found = slice_of((one, []), (other, []), (other, [claim(0, 2, "A")]))
    assert found.dataset == {"unnamed": Counts(0, 0, 1), "wnut": Counts(1, 0, 1)}


def test_slices_that_cannot_be_made_are_null() -> None:
    table = slices(judge([document(mark(0, 2, "A"))], [[]])).to_json()
    assert (table["seen"], table["shape"]) == (None, None)
    assert table["length"] == {
        "1": {
            "precision": 0.0,
            "recall": 0.0,
            "f1": 0.0,
            "support": 1,
            "tp": 0,
            "fp": 0,
            "fn": 1,
        }
    }
    assert json.loads(json.dumps(table)) == table


def test_surfaces_are_the_same_whatever_the_case_and_white_space() -> None:
    assert surface(" New\n  York ") == surface("new york") == "new york"
    assert surfaces_of([document(mark(0, 5, "A"), mark(6, 9, "B"))]) == {"ab cd", "efg"}


def test_what_no_score_speaks_of_is_said() -> None:
    partly = replace(document(annotates="A"), dataset="conll")
    known = replace(document(annotates="AB"), dataset="conll")
    everything = replace(document(), dataset="wnut")
    judged = list(judge([partly, known, known, everything], [[]] * 4))
    assert not_annotated(judged, ["C", "B", "A"]) == {"conll": {"B": 1, "C": 3}}
    assert not_annotated(judged, ["A"]) == {}

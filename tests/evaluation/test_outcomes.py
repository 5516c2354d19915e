"""Outcomes hold every judged prediction once, and the gold marks it could have found."""

from __future__ import annotations

from ossamma.evaluation.judge import judge
from ossamma.evaluation.outcomes import collect_outcomes, why_not_measurable
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation import judging


def test_predictions_and_gold_marks_are_all_there():
    made = [
        judging.document(judging.right("A", 0.9), judging.missed("B")),
        judging.document(judging.mistyped("A", "B", 0.4), judging.spurious("C", 0.2)),
    ]
    found = collect_outcomes(made)
    assert found.confidence_N.tolist() == [0.9, 0.4, 0.2]
    assert found.right_N.tolist() == [True, False, False]
    assert found.types.tolist() == ["A", "B", "C"]
    assert found.unit_N.tolist() == [0, 1, 1]
    assert (found.num_gold, found.gold_types.tolist()) == (3, ["A", "B", "A"])


def test_one_of_several_candidates_counts_for_the_type_that_found_it():
    made = [judging.document(judging.right("B", labels=("A", "B")), judging.missed("A", "B"))]
    found = collect_outcomes(made)
    assert found.right_N.all()
    assert found.gold_types.tolist() == ["B", "A|B"]
    assert found.by_type()["B"].num_gold == 1


def test_types_that_a_document_does_not_annotate_are_left_out():
    gold = Document(
        id="d", text="xxxx", annotations=(Annotation(0, 2, ("A",)),), annotates=frozenset("A")
    )
    claims = [Entity(0, 2, "A", "xx", 0.7), Entity(2, 4, "B", "xx", 0.6)]
    assert collect_outcomes(list(judge([gold], [claims]))).types.tolist() == ["A"]


def test_splitting_by_type_and_by_unit_loses_nothing():
    found = judging.outcomes(
        [0.1, 0.2, 0.3, 0.4], [1, 0, 1, 1], types=list("ABAB"), units=[0, 0, 1, 1]
    )
    parts = found.by_type()
    assert {name: len(each) for name, each in parts.items()} == {"A": 2, "B": 2}
    assert sum(each.num_gold for each in parts.values()) == found.num_gold == 3
    assert found.of_units(found.unit_N[2:]).confidence_N.tolist() == [0.3, 0.4]


def test_why_nothing_can_be_measured():
    assert why_not_measurable(judging.outcomes([], [])) == "there is no judged prediction"
    assert "the system gives none" in why_not_measurable(judging.outcomes([1.0, 1.0], [1, 0]))
    assert why_not_measurable(judging.outcomes([1.0, 0.9], [1, 0])) == ""

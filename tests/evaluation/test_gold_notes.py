"""Doubtful gold is named: nothing of it is accepted in silence."""

from __future__ import annotations

from ossamma.evaluation.gold_notes import notes_on_gold, notes_on_predictions
from ossamma.schema.spans import Annotation, Document, Entity


def document(*marks, name="d", text="Ada met Alan in Oslo"):
    return Document(id=name, text=text, annotations=tuple(Annotation(*mark) for mark in marks))


def test_good_gold_needs_no_note():
    one = document((0, 3, ("P",)), (8, 12, ("P",)))
    other = document((0, 3, ("P",)), name="e", text="Ada again")
    assert notes_on_gold([one, other]) == ()


def test_gold_without_entities():
    (note,) = notes_on_gold([document()])
    assert "no gold entity" in note


def test_overlaps_and_repetitions_are_counted_with_a_place():
    fine = document((0, 3, ("P",)), name="fine")
    bad = document(
        (0, 3, ("P",)),
        (0, 3, ("P",)),
        (8, 20, ("X",)),
        (8, 12, ("P",)),
        (16, 20, ("L",)),
        name="bad",
    )
    overlap, repeated = notes_on_gold([fine, bad, document((0, 3, ("P",)), name="f", text="Ada")])[
        1:
    ]
    assert overlap.startswith("3 gold spans overlap")
    assert repeated.startswith("1 gold spans repeat")
    assert "'bad'" in overlap
    assert "'bad'" in repeated


def test_documents_that_are_there_twice():
    documents = [document((0, 3, ("P",)), name=name) for name in "aab"]
    by_id, by_text = notes_on_gold(documents)
    assert by_id == (
        "1 of 3 documents have the id of an earlier one, such as 'a'; every one of them was scored"
    )
    assert by_text.startswith("2 of 3 documents have the text")


def test_predictions_may_overlap_and_are_noted():
    found = [Entity(0, 3, "P", "Ada"), Entity(0, 7, "P", "Ada met")]
    (note,) = notes_on_predictions([document()], [found])
    assert note.startswith("1 predicted spans overlap an earlier one")

"""Silence is "no" only for types that some training document could have spoken of."""

from __future__ import annotations

import pytest

from ossamma.pipeline.witness import close_world, unwitnessed_types
from ossamma.schema.spans import Document

TYPES = ("A", "B", "C")


def document(annotates, **fields):
    marked = None if annotates is None else frozenset(annotates)
    return Document(id="d", text="x", **{"annotations": (), "annotates": marked, **fields})


@pytest.mark.parametrize(
    ("documents", "silent"),
    [
        ([], TYPES),
        ([document("A")], ("B", "C")),
        ([document("A"), document("C")], ("B",)),
        ([document("A"), document(None)], ()),
        ([document("A"), document(None, weight=0.0)], ("B", "C")),
        ([document("A"), document("B", annotations=None)], ("B", "C")),
    ],
)
def test_a_type_is_witnessed_by_a_document_that_marks_it(documents, silent):
    assert unwitnessed_types(documents, TYPES) == silent


def test_a_closed_world_marks_these_types_everywhere():
    documents = [document("A"), document(""), document(None)]
    closed = close_world(documents, ["B"])
    assert [made.annotates for made in closed] == [frozenset("AB"), frozenset("B"), None]
    assert unwitnessed_types(close_world(documents[:2], ["B", "C"]), TYPES) == ()

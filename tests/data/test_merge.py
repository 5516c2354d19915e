from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.merge import merge_annotations
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document

TEXT = "Ada met Bob in York."
TYPES = ("EVENT", "PERSON", "PLACE")


def mark(start: int, end: int, *labels: str) -> Annotation:
    return Annotation(start, end, labels)


def document(*marks: Annotation, annotates: set[str] | None, text: str = TEXT) -> Document:
    return Document(
        "d", text, annotations=marks, annotates=None if annotates is None else frozenset(annotates)
    )


ADA, BOB, YORK = mark(0, 3, "PERSON"), mark(8, 11, "PERSON"), mark(15, 19, "PLACE")


def test_marks_of_types_that_the_kept_one_leaves_open_are_added():
    merged = merge_annotations(
        document(ADA, BOB, annotates={"PERSON"}), document(YORK, annotates={"PLACE"})
    )
    assert merged.document.annotations == (ADA, BOB, YORK)
    assert merged.document.annotates == {"PERSON", "PLACE"}
    assert (merged.added, merged.agreed, merged.conflicts) == (1, 0, 0)


def test_silence_of_an_exhaustive_source_is_a_statement():
    merged = merge_annotations(
        document(ADA, annotates={"PERSON"}), document(ADA, BOB, annotates={"PERSON"})
    )
    assert merged.document.annotations == (ADA,)
    assert (merged.added, merged.agreed, merged.refused, merged.denied) == (0, 1, 1, 0)


def test_the_kept_mark_stands_against_silence_of_the_other():
    merged = merge_annotations(
        document(ADA, BOB, annotates={"PERSON"}), document(ADA, annotates={"PERSON"})
    )
    assert merged.document.annotations == (ADA, BOB)
    assert (merged.agreed, merged.refused, merged.denied) == (1, 0, 1)


@pytest.mark.parametrize("other", [mark(15, 20, "PLACE"), mark(12, 19, "PLACE")])
def test_another_border_is_a_conflict_that_the_kept_one_wins(other):
    merged = merge_annotations(
        document(YORK, annotates={"PLACE"}), document(other, annotates={"PLACE"})
    )
    assert merged.document.annotations == (YORK,)
    assert (merged.added, merged.refused, merged.denied) == (0, 1, 0)


def test_another_type_is_a_conflict_that_the_kept_one_wins():
    merged = merge_annotations(
        document(YORK, annotates={"PLACE"}),
        document(mark(15, 19, "PERSON"), annotates={"PERSON"}),
    )
    assert merged.document.annotations == (YORK,)
    assert merged.refused == 1


def test_candidates_are_narrowed_by_what_the_other_document_knows():
    kept = document(mark(15, 19, "EVENT", "PLACE"), annotates={"EVENT", "PLACE"})
    merged = merge_annotations(kept, document(YORK, annotates={"PLACE"}))
    assert merged.document.annotations == (YORK,)
    assert (merged.agreed, merged.conflicts) == (1, 0)


def test_a_candidate_on_which_the_kept_document_is_exhaustively_silent_goes():
    kept = document(annotates={"PERSON"})
    other = document(mark(15, 19, "PERSON", "PLACE"), annotates={"PERSON", "PLACE"})
    merged = merge_annotations(kept, other)
    assert merged.document.annotations == (YORK,)
    assert merged.document.annotates == {"PERSON", "PLACE"}


def test_a_source_of_all_types_makes_a_document_of_all_types():
    merged = merge_annotations(document(annotates={"PERSON"}), document(YORK, annotates=None))
    assert merged.document.annotates is None
    assert merged.document.annotations == (YORK,)


def test_unlabelled_text_takes_all_and_gives_nothing():
    unlabelled = Document("d", TEXT)
    labelled = document(ADA, annotates={"PERSON"})
    assert merge_annotations(unlabelled, labelled).document == labelled
    assert merge_annotations(labelled, unlabelled).document is labelled


def test_other_text_is_refused():
    with pytest.raises(DataError, match="expected the same text"):
        merge_annotations(document(annotates=None), document(annotates=None, text=TEXT + " "))


PLACES = ((0, 3), (4, 7), (8, 11), (12, 14), (15, 19))
annotates = st.none() | st.frozensets(st.sampled_from(TYPES))


@st.composite
def labelled(draw):
    """Flat documents that annotate the types that they use."""
    places = draw(st.lists(st.sampled_from(PLACES), unique=True))
    promised = draw(annotates)
    allowed = sorted(TYPES if promised is None else promised)
    if not allowed:
        places = []
    candidates = st.lists(st.sampled_from(allowed or TYPES), min_size=1, unique=True)
    marks = [Annotation(*place, tuple(sorted(draw(candidates)))) for place in sorted(places)]
    return document(*marks, annotates=promised)


@given(labelled(), labelled())
def test_every_mark_is_accounted_for_and_no_kept_one_is_lost(kept, duplicate):
    merged = merge_annotations(kept, duplicate)
    result = merged.document.annotations
    assert merged.added + merged.agreed + merged.refused == len(duplicate.annotations)
    assert len(result) == len(kept.annotations) + merged.added
    spans = {(m.start, m.end): set(m.labels) for m in result}
    assert len(spans) == len(result)
    for one in kept.annotations:
        assert spans[one.start, one.end] <= set(one.labels)
    for end, start in zip([m.end for m in result], [m.start for m in result][1:], strict=False):
        assert end <= start


@given(labelled())
def test_merging_a_document_into_itself_changes_nothing(one):
    merged = merge_annotations(one, one)
    assert merged.document == one
    assert (merged.added, merged.conflicts) == (0, 0)


@given(labelled(), labelled())
def test_merging_twice_adds_nothing_more(kept, duplicate):
    once = merge_annotations(kept, duplicate).document
    again = merge_annotations(once, duplicate)
    assert again.document == once
    assert again.added == 0

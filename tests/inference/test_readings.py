"""Readings of given spans: shares of all paths that add up to 1, equal to the entities' own."""

from __future__ import annotations

import itertools

import pytest
import torch

from ossamma.inference.readings import read_spans
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.spans import Annotation, Document, Span
from ossamma.tokenization.alignment import words_of
from tests import tiny
from tests.model.test_crf import legal_paths, make_crf, scores_of

TEXT = "Ada Lovelace met Alan Turing in New York\nthe next day in Oslo ."


@pytest.fixture(scope="module")
def recogniser():
    return tiny.recogniser()


def every_span(text):
    """A document in which every run of words of a line is marked, with every choice of types."""
    words = words_of(Document(id="d", text=text))
    choices = [("PERSON",), ("PLACE",), ("PERSON", "PLACE")]
    marks = [
        Annotation(words[i].start, words[j].end, types)
        for i, j in itertools.combinations_with_replacement(range(len(words)), 2)
        for types in choices
    ]
    return Document(id="d", text=text, annotations=tuple(marks))


@pytest.mark.parametrize("num_types", [1, 2, 3])
def test_shares_are_those_of_the_enumeration(num_types):
    crf = make_crf(num_types)
    length = 4
    emissions = torch.randn(
        1, length, crf.labels.num_tags, generator=torch.Generator().manual_seed(2)
    ).double()
    mask = torch.ones(1, length, dtype=torch.bool)
    paths = legal_paths(crf.labels, length)
    weight = scores_of(crf, emissions[0], paths).softmax(0)
    cases = [
        (first, last, types)
        for first in range(length)
        for last in range(first, length)
        for size in range(1, num_types + 1)
        for types in itertools.combinations(range(num_types), size)
    ]
    found = read_spans(
        crf, emissions, mask, [(0, *case[:2]) for case in cases], [case[2] for case in cases]
    )
    for (first, last, types), reading in zip(cases, found, strict=True):
        kept = other_type = nothing = 0.0
        for path, share in zip(paths.tolist(), weight.tolist(), strict=True):
            inside = path[first : last + 1]
            number = (inside[0] - 1) // 2
            is_entity = inside == [2 * number + 1] + [2 * number + 2] * (last - first)
            is_entity &= inside[0] != 0 and path[last + 1 : last + 2] != [2 * number + 2]
            kept += share * (is_entity and number in types)
            other_type += share * (is_entity and number not in types)
            nothing += share * (not any(inside))
        assert reading.kept == pytest.approx(kept, abs=1e-9)
        assert reading.other_type == pytest.approx(other_type, abs=1e-9)
        assert reading.nothing == pytest.approx(nothing, abs=1e-9)
        rest = 1.0 - kept - other_type - nothing
        assert reading.other_borders == pytest.approx(rest, abs=1e-9)


def test_entities_are_those_of_recognition_and_read_as_they_were_found(recogniser):
    documents = [*tiny.documents(6, 1), every_span(TEXT), Document(id="e", text="")]
    plain = list(recogniser.recognise_documents(documents))
    read = list(recogniser.read_documents(documents))
    assert [reading.document for reading in read] == documents
    num_entities = 0
    for (_, entities), reading in zip(plain, read, strict=True):
        assert list(reading.entities) == entities
        for entity, claim in zip(reading.entities, reading.claims, strict=True):
            assert claim.kept == pytest.approx(entity.confidence, abs=1e-5)
            num_entities += 1
    assert num_entities > 3


def test_every_reading_adds_up_to_one(recogniser):
    (reading,) = recogniser.read_documents([every_span(TEXT)])
    shares = [mark for mark in reading.marks if mark is not None]
    assert len(shares) > 100
    for one in shares:
        assert one.kept + one.other_type + one.other_borders + one.nothing == pytest.approx(1.0)
        assert min(one.kept, one.other_type, one.other_borders, one.nothing) >= 0.0


def test_disjoint_readings_of_one_place_sum(recogniser):
    """Type by type the shares of a span add up; with both types nothing is left for another."""
    document = every_span(TEXT)
    (reading,) = recogniser.read_documents([document])
    by_span = {}
    for mark, share in zip(document.annotations, reading.marks, strict=True):
        by_span.setdefault((mark.start, mark.end), {})[mark.labels] = share
    for shares in by_span.values():
        if shares["PERSON",] is None:
            continue
        person, place = shares["PERSON",], shares["PLACE",]
        both = shares["PERSON", "PLACE"]
        assert both.kept == pytest.approx(person.kept + place.kept, abs=1e-6)
        assert person.other_type == pytest.approx(place.kept, abs=1e-6)
        assert both.other_type == pytest.approx(0.0, abs=1e-6)
        assert both.nothing == pytest.approx(person.nothing)


def test_what_the_model_cannot_mean_has_no_reading(recogniser):
    marks = (
        Annotation(0, 2, ("PERSON",)),  # ends within a word
        Annotation(0, 3, ("PERSON",)),
        Annotation(0, 3, ("WEAPON",)),  # not one of its types
        Annotation(0, 3, ("PERSON", "WEAPON")),
        Annotation(TEXT.index("New"), TEXT.index(" next"), ("PLACE",)),  # over the line's end
    )
    (reading,) = recogniser.read_documents([Document(id="d", text=TEXT, annotations=marks)])
    assert [mark is None for mark in reading.marks] == [True, False, True, True, True]


def test_batching_changes_nothing(recogniser):
    documents = [*tiny.documents(8, 3), every_span(TEXT)]
    small = tiny.recogniser(
        window_pieces=128, margin_pieces=8, batch_pieces=130, pending_pieces=1, decode_words=8
    )
    whole = tiny.recogniser(window_pieces=128, margin_pieces=8)
    for one, other in zip(
        small.read_documents(documents), whole.read_documents(documents), strict=True
    ):
        assert one.unmarked == other.unmarked
        assert one.outside == pytest.approx(other.outside, abs=1e-4)
        for left, right in zip(one.marks, other.marks, strict=True):
            assert (left is None) == (right is None)
            if left is not None:
                assert left.kept == pytest.approx(right.kept, abs=1e-4)
                assert left.nothing == pytest.approx(right.nothing, abs=1e-4)


def test_unmarked_words_are_those_that_no_mark_touches(recogniser):
    text = "Ada Lovelace slept"
    words = (Span(0, 3), Span(4, 12), Span(13, 18))
    for mark, expected in (((0, 3), 2), ((3, 4), 3), ((2, 5), 1), ((0, 18), 0)):
        document = Document(
            id="d", text=text, words=words, annotations=(Annotation(*mark, ("PERSON",)),)
        )
        (reading,) = recogniser.read_documents([document])
        assert reading.unmarked == expected
        assert 0.0 <= reading.outside <= expected + 1e-6


def test_settings_of_the_recogniser_hold(recogniser):
    strict = InferenceSettings(min_confidence=0.9)
    chosen = type(recogniser)(recogniser.model, recogniser.tokenizer, strict)
    for reading in chosen.read_documents(tiny.documents(6, 1)):
        assert all(entity.confidence >= 0.9 for entity in reading.entities)
        assert len(reading.claims) == len(reading.entities)

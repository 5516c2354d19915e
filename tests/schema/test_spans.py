"""Spans, entities, annotations and documents cannot be wrong."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import SpanError
from ossamma.schema.spans import Annotation, Document, Entity, Provenance, Recogniser, Span

offsets = st.integers(-5, 20)


def entity(start, end):
    return Entity(start, end, "PER", "x" * max(end - start, 0))


def annotation(start, end):
    return Annotation(start, end, ("PER",))


@given(st.sampled_from([Span, entity, annotation]), offsets, offsets)
def test_an_interval_exists_iff_it_is_not_empty_and_not_negative(kind, start, end):
    if 0 <= start < end:
        made = kind(start, end)
        assert (made.start, made.end) == (start, end)
    else:
        with pytest.raises(SpanError, match="0 <= start < end"):
            kind(start, end)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9))))
def test_entities_sort_by_their_place_in_the_text(pairs):
    entities = [Entity(start, start + n, "PER", "x" * n) for start, n in pairs]
    places = [(entity.start, entity.end) for entity in sorted(entities)]
    assert places == sorted(places)


@pytest.mark.parametrize("text", ["", "A", "Adam"])
def test_an_entity_holds_its_own_text(text):
    with pytest.raises(SpanError, match="3 characters"):
        Entity(4, 7, "PER", text)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(SpanError, match=r"\[0, 1\]"):
        Entity(0, 1, "PER", "A", confidence)


@pytest.mark.parametrize("labels", [(), ("B", "A"), ("A", "A")])
def test_candidates_are_sorted_unique_and_at_least_one(labels):
    with pytest.raises(SpanError, match="sorted, unique"):
        Annotation(0, 1, labels)


def test_an_open_annotation_shows_its_candidates():
    assert Annotation(0, 1, ("EVENT", "WORK")).label == "EVENT|WORK"
    assert Annotation(0, 1, ("EVENT",)).label == "EVENT"


@pytest.mark.parametrize(
    "value", [Span(0, 1), entity(0, 1), annotation(0, 1), Document(id="d", text="a")]
)
def test_values_are_frozen(value):
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, 1)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 3)), max_size=6), st.integers(0, 12))
def test_words_are_accepted_iff_they_ascend_and_lie_in_the_text(steps, length):
    words = []
    end, ascending = 0, True
    for gap, size in steps:
        start = max(end + gap, 0)
        ascending = ascending and start >= end
        words.append(Span(start, start + size))
        end = start + size
    if ascending and all(word.end <= length for word in words):
        assert Document(id="d", text="x" * length, words=tuple(words)).words == tuple(words)
    else:
        with pytest.raises(SpanError, match="overlaps the one before it or ends beyond"):
            Document(id="d", text="x" * length, words=tuple(words))


@given(st.lists(st.integers(-1, 4), max_size=4))
def test_sentence_starts_are_accepted_iff_they_ascend_and_count_words(starts):
    words = (Span(0, 1), Span(1, 2), Span(2, 3))
    wanted = sorted({start for start in starts if 0 <= start < len(words)})
    if starts == wanted:
        Document(id="d", text="abc", words=words, sentence_starts=tuple(starts))
    else:
        with pytest.raises(SpanError, match="sentence_starts"):
            Document(id="d", text="abc", words=words, sentence_starts=tuple(starts))


def test_sentence_starts_need_words_to_count():
    with pytest.raises(SpanError, match="sentence_starts"):
        Document(id="d", text="abc", sentence_starts=(0,))


def test_an_annotation_beyond_the_text_is_refused():
    Document(id="d", text="abc", annotations=(annotation(0, 3),))
    with pytest.raises(SpanError, match=r"'d'.*\[0, 4\).*3 characters"):
        Document(id="d", text="abc", annotations=(annotation(0, 4),))


@pytest.mark.parametrize("weight", [-1.0, math.nan])
def test_a_weight_is_not_negative(weight):
    with pytest.raises(SpanError, match="weight"):
        Document(id="d", text="abc", weight=weight)


def test_a_document_says_where_it_came_from():
    assert Document(id="d", text="").where == "'d'"
    known = Document(id="d", text="", provenance=Provenance("a.conll", 7))
    assert known.where == "a.conll:7 (document 'd')"
    assert str(Provenance("stdin")) == "stdin"


def test_whatever_recognises_is_a_recogniser():
    class Nobody:
        def recognise(self, texts):
            return [[] for _ in texts]

    assert isinstance(Nobody(), Recogniser)
    assert not isinstance(object(), Recogniser)

"""Windows teach every word once, and what does not go straight is counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.encoding import TypedSpan, encode_tags
from ossamma.schema.errors import AnnotationError, DataError, LabelError
from ossamma.schema.spans import Annotation, Document, Span
from ossamma.tokenization.words import split_words
from ossamma.training.examples import ExampleBuilder, ExampleReport
from tests import tiny

LABELS = tiny.LABELS
WINDOW = 60


@pytest.fixture(scope="module")
def build():
    builder = ExampleBuilder(tiny.tokenizer(), tiny.word_features(), LABELS, window_pieces=WINDOW)
    return lambda *documents: builder.build(documents)


def document(text, *annotations, **fields):
    made = tuple(
        Annotation(start, end, tuple(labels.split("|"))) for start, end, labels in annotations
    )
    return Document(id="d", text=text, annotations=made, **fields)


def tags_of(examples):
    """The tags allowed at each word, over all windows, as a list of sets."""
    return [
        {LABELS.tags[tag] for tag in np.flatnonzero(word)}
        for example in examples
        for word in example.allowed
    ]


@st.composite
def labelled(draw):
    """A text of lines of words, some of which are entities of one to three words."""
    lines, spans, position, number = [], [], 0, 0
    for _ in range(draw(st.integers(0, 4))):
        words = draw(st.lists(st.sampled_from(["Ada", "met", "Bob", "x" * 30, "in"]), max_size=9))
        first = 0
        while first < len(words):
            end = min(first + draw(st.integers(1, 3)), len(words))
            if draw(st.booleans()):
                label = draw(st.sampled_from(LABELS.types))
                start = position + sum(len(word) + 1 for word in words[:first])
                stop = position + sum(len(word) + 1 for word in words[:end]) - 1
                spans.append((start, stop, label, number + first, number + end))
            first = end
        lines.append(" ".join(words))
        position += len(lines[-1]) + 1
        number += len(words)
    return "\n".join(lines), spans, number


@given(labelled())
def test_every_word_is_supervised_once_by_what_the_annotation_says(build, case):
    text, spans, num_words = case
    examples, report = build(document(text, *((s, e, label) for s, e, label, _, _ in spans)))
    assert sum(len(example.window.first_pieces) for example in examples) == num_words
    assert report.words == num_words
    assert report.windows == len(examples)
    assert report.entities == len(spans)
    typed = [TypedSpan(first, end, label) for _, _, label, first, end in spans]
    expected = encode_tags(typed, num_words)
    borders = np.cumsum([len(example.allowed) for example in examples])[:-1]
    line_starts = np.cumsum([0] + [len(line.split()) for line in text.split("\n")])
    cut = [s for s in typed if any(s.first_word < border < s.end_word for border in borders)]
    assert report.entities_across_windows == len(cut)
    free = {word for span in cut for word in range(span.first_word, span.end_word)}
    never_inside = {*borders, *line_starts, *(span.first_word for span in cut)}
    for word, (tag, allowed) in enumerate(zip(expected, tags_of(examples), strict=True)):
        expected_set = {tag}
        if word in free:
            begins = word in never_inside
            expected_set = {t for t in LABELS.tags if not (begins and t.startswith("I-"))}
        assert allowed == expected_set, word
    assert all(example.length <= WINDOW + 2 for example in examples)


@given(labelled())
def test_every_example_admits_a_legal_path(build, case):
    text, spans, _ = case
    examples, _ = build(document(text, *((s, e, label) for s, e, label, _, _ in spans)))
    for example in examples:
        starts = [*example.window.segments, len(example.allowed)]
        for start, end in pairwise(starts):
            assert example.allowed[start:end].any(axis=1).all()
            assert not example.allowed[start, 2::2].any(), "no line begins inside an entity"


def test_a_span_across_a_line_is_taught_in_parts_and_counted(build):
    examples, report = build(document("in New\nYork now", (3, 11, "PLACE")))
    assert tags_of(examples) == [{"O"}, {"B-PLACE"}, {"B-PLACE"}, {"O"}]
    assert report.entities_across_lines == 1
    assert report.entities == 1


def test_a_span_across_three_lines_is_one_crossing(build):
    examples, report = build(document("a\nb\nc", (0, 5, "PLACE")))
    assert tags_of(examples) == [{"B-PLACE"}] * 3
    assert report.entities_across_lines == 1


def test_a_span_across_a_window_is_left_open_and_counted(build):
    # Words of 25 pieces: a window of 60 ends inside the entity.
    text = " ".join(["a", "b", "x" * 24, "y" * 24, "z" * 24, "c"])
    examples, report = build(document(text, (0, 1, "PLACE"), (2, 78, "PLACE")))
    assert [len(example.allowed) for example in examples] == [4, 2]
    assert report.entities_across_windows == 1
    begin = {"O", "B-PERSON", "B-PLACE"}
    assert tags_of(examples) == [
        {"B-PLACE"},
        begin,  # not inside: that would lengthen the entity before it
        set(LABELS.tags),
        set(LABELS.tags),
        begin,  # a window cannot begin inside an entity
        {"O"},
    ]


def test_a_line_border_at_a_window_border_costs_no_supervision(build):
    # The entity crosses the line exactly where the window ends: its parts are whole.
    text = " ".join(["x" * 29, "b"]) + "\n" + " ".join(["y" * 29, "d"])
    examples, report = build(document(text, (30, 61, "PLACE")))
    assert len(examples) == 2
    assert tags_of(examples) == [{"O"}, {"B-PLACE"}, {"B-PLACE"}, {"O"}]
    assert (report.entities_across_lines, report.entities_across_windows) == (1, 0)


def test_an_annotation_inside_a_word_splits_it(build):
    examples, report = build(document("preNewYorkpost end", (3, 10, "PLACE")))
    assert tags_of(examples) == [{"O"}, {"B-PLACE"}, {"O"}, {"O"}]
    assert report.borders_inside_words == 2


def test_a_word_of_the_source_is_split_too_and_its_sentences_move_along(build):
    made = document(
        "abc d e",
        (1, 2, "PLACE"),
        words=(Span(0, 3), Span(4, 5), Span(6, 7)),
        sentence_starts=(0, 2),
    )
    examples, report = build(made)
    assert tags_of(examples) == [{"O"}, {"B-PLACE"}, {"O"}, {"O"}, {"O"}]
    assert examples[0].window.segments == (0, 4)
    assert report.borders_inside_words == 2


def test_open_and_unannotated_types_stay_open(build):
    made = document("Ada in Oslo", (0, 3, "PERSON|PLACE"), annotates=frozenset({"PERSON"}))
    examples, _ = build(made)
    assert tags_of(examples) == [
        {"B-PERSON", "B-PLACE"},
        {"O", "B-PLACE"},  # nothing may lengthen the entity
        {"O", "B-PLACE", "I-PLACE"},
    ]


def test_weight_scales_and_0_is_dropped_and_counted(build):
    heavy, none = document("Ada", weight=3.0), document("Bob", weight=0.0)
    examples, report = build(heavy, none)
    assert [example.weight for example in examples] == [3.0]
    assert (report.documents, report.unweighted_documents, report.words) == (2, 1, 1)


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_words_is_counted(build, text):
    examples, report = build(document(text))
    assert examples == []
    assert report == ExampleReport(documents=1, empty_documents=1)


def test_documents_follow_each_other(build):
    made = tiny.documents(12, seed=5)
    together, report = build(*made)
    alone = [build(one) for one in made]
    assert [e.window.input_ids.tolist() for e in together] == [
        e.window.input_ids.tolist() for examples, _ in alone for e in examples
    ]
    assert report == sum((part for _, part in alone), ExampleReport())
    assert report.words == sum(len(split_words(one.text)) for one in made)
    assert report.entities == sum(len(one.annotations) for one in made)


def test_unlabelled_text_is_refused_with_its_place(build):
    with pytest.raises(DataError, match="'d': expected annotations"):
        build(replace(document("Ada"), annotations=None))


def test_overlapping_annotations_are_refused(build):
    with pytest.raises(AnnotationError, match="two annotations meet in the word 'York'"):
        build(document("New York", (0, 8, "PLACE"), (4, 8, "PERSON")))


def test_a_foreign_type_is_refused(build):
    with pytest.raises(LabelError, match="unknown type 'SHIP'"):
        build(document("Ada", (0, 3, "SHIP")))

"""The allowed sets contain a tag sequence iff it agrees with the annotation."""

from __future__ import annotations

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.schema.errors import AnnotationError, LabelError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Provenance, Span
from ossamma.schema.supervision import WordSpan, allowed_tags, lay_on_words, split_at_borders

LABELS = LabelSet(("A", "B", "C"))


@cache
def legal_sequences(num_words):
    """All legal BIO sequences with their entities, straight from the definition of BIO."""
    found = []
    for tags in product(LABELS.tags, repeat=num_words):
        before = ("O", *tags)
        if any(
            tag[0] == "I" and previous not in (f"B-{tag[2:]}", tag)
            for previous, tag in zip(before, tags, strict=False)
        ):
            continue
        starts = [i for i, tag in enumerate(tags) if tag[0] == "B"]
        entities = []
        for start in starts:
            end = start + 1
            while end < num_words and tags[end][0] == "I":
                end += 1
            entities.append((start, end, tags[start][2:]))
        found.append((tags, entities))
    return found


def agrees(entities, spans, annotates):
    """Each span is one entity of a candidate type, and the rest is of types nobody annotated."""
    others = list(entities)
    for span in spans:
        mine = [e for e in others if e[:2] == (span.first_word, span.end_word)]
        if not mine or mine[0][2] not in span.labels:
            return False
        others.remove(mine[0])
    return all(
        annotates is not None
        and name not in annotates
        and not any(start < s.end_word and s.first_word < end for s in spans)
        for start, end, name in others
    )


candidates = st.sets(st.sampled_from(LABELS.types), min_size=1).map(lambda c: tuple(sorted(c)))


@st.composite
def annotated_words(draw):
    num_words = draw(st.integers(0, 4))
    borders = draw(st.lists(st.booleans(), min_size=num_words, max_size=num_words))
    starts = [0, *(i for i in range(1, num_words) if borders[i]), num_words]
    spans = [
        WordSpan(start, end, draw(candidates))
        for start, end in pairwise(starts)
        if start < end and draw(st.booleans())
    ]
    annotates = draw(st.none() | st.frozensets(st.sampled_from([*LABELS.types, "OTHER"])))
    return num_words, spans, annotates


@settings(max_examples=200)
@given(annotated_words())
def test_a_sequence_is_allowed_iff_it_agrees_with_the_annotation(case):
    num_words, spans, annotates = case
    allowed = allowed_tags(spans, num_words, LABELS, annotates=annotates)
    assert allowed.shape == (num_words, LABELS.num_tags)
    for tags, entities in legal_sequences(num_words):
        inside = all(allowed[i, LABELS.tag_index[tag]] for i, tag in enumerate(tags))
        assert inside == agrees(entities, spans, annotates), tags


@given(annotated_words())
def test_no_allowed_tag_is_idle(case):
    """Each allowed tag occurs in a sequence that agrees: no set is larger than needed."""
    num_words, spans, annotates = case
    allowed = allowed_tags(spans, num_words, LABELS, annotates=annotates)
    used = np.zeros_like(allowed)
    for tags, entities in legal_sequences(num_words):
        if agrees(entities, spans, annotates):
            used[np.arange(num_words), [LABELS.tag_index[tag] for tag in tags]] = True
    assert (used == allowed).all()


def test_a_complete_annotation_leaves_one_tag_per_word():
    spans = [WordSpan(1, 3, ("B",)), WordSpan(3, 4, ("B",))]
    allowed = allowed_tags(spans, 5, LABELS)
    assert (allowed.sum(1) == 1).all()
    tags = [LABELS.tags[index] for index in allowed.argmax(1)]
    assert tags == ["O", "B-B", "I-B", "B-B", "O"]


def test_a_type_outside_the_label_set_is_refused():
    with pytest.raises(LabelError, match="'D'"):
        allowed_tags([WordSpan(0, 1, ("A", "D"))], 1, LABELS)


@st.composite
def texts_with_words(draw):
    """Words with gaps, and annotations whose borders fall anywhere."""
    words, end = [], 0
    for gap, size in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=6)):
        words.append(Span(end + gap, end + gap + size))
        end += gap + size
    length = end + draw(st.integers(1, 2))
    borders = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    annotations = tuple(
        Annotation(start, stop, ("A",))
        for start, stop in zip(borders[::2], borders[1::2], strict=False)
    )
    return Document(id="d", text="x" * length, words=tuple(words), annotations=annotations)


def touches(annotation, word):
    return word.start < annotation.end and annotation.start < word.end


@given(texts_with_words())
def test_an_annotation_lies_on_the_words_that_it_touches(document):
    touched = [
        [i for i, word in enumerate(document.words) if touches(annotation, word)]
        for annotation in document.annotations
    ]
    flat = [word for words in touched for word in words]
    if all(touched) and len(set(flat)) == len(flat):
        laid = lay_on_words(document, document.words)
        assert [list(range(span.first_word, span.end_word)) for span in laid] == touched
        assert all(span.labels == ("A",) for span in laid)
    else:
        with pytest.raises(AnnotationError):
            lay_on_words(document, document.words)


def test_annotations_in_any_order_are_laid_in_the_order_of_the_text():
    late, early = Annotation(2, 3, ("B",)), Annotation(0, 1, ("A",))
    document = Document(id="d", text="a b", annotations=(late, early))
    laid = lay_on_words(document, [Span(0, 1), Span(2, 3)])
    assert laid == [WordSpan(0, 1, ("A",)), WordSpan(1, 2, ("B",))]


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [
        ([(0, 4), (2, 3)], r"a\.conll:9 .*two annotations meet in the word 'Lady'"),
        ([(0, 4), (0, 4)], r"a\.conll:9 .*two annotations meet in the word 'Lady'"),
        ([(0, 2), (2, 4)], r"a\.conll:9 .*two annotations meet in the word 'Lady'"),
        ([(0, 8), (5, 8)], r"a\.conll:9 .*two annotations meet in the word 'Ada'"),
        ([(4, 5)], r"a\.conll:9 .*A \[4, 5\) ' ' covers no word"),
    ],
)
def test_what_a_flat_tagger_cannot_express_is_refused_with_its_place(annotations, complaint):
    document = Document(
        id="d",
        text="Lady Ada",
        annotations=tuple(Annotation(start, end, ("A",)) for start, end in annotations),
        provenance=Provenance("a.conll", 9),
    )
    with pytest.raises(AnnotationError, match=complaint):
        lay_on_words(document, [Span(0, 4), Span(5, 8)])


@given(texts_with_words())
def test_cutting_words_at_annotation_borders_loses_no_character_and_no_border(document):
    words, annotations = document.words, document.annotations
    pieces = split_at_borders(words, annotations)
    characters = [i for word in words for i in range(word.start, word.end)]
    assert [i for piece in pieces for i in range(piece.start, piece.end)] == characters
    borders = {border for a in annotations for border in (a.start, a.end)}
    old = {border for word in words for border in (word.start, word.end)}
    new = {border for piece in pieces for border in (piece.start, piece.end)}
    inside = {b for b in borders if any(word.start < b < word.end for word in words)}
    assert new == old | inside


@given(texts_with_words())
def test_after_the_cut_annotations_that_do_not_overlap_never_meet_in_a_word(document):
    pieces = split_at_borders(document.words, document.annotations)
    kept = tuple(a for a in document.annotations if any(touches(a, word) for word in pieces))
    document = Document(id="d", text=document.text, annotations=kept)
    for span, annotation in zip(lay_on_words(document, pieces), kept, strict=True):
        covered = pieces[span.first_word : span.end_word]
        assert annotation.start <= covered[0].start
        assert covered[-1].end <= annotation.end

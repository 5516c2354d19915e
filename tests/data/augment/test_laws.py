"""What holds for every augmentation, whatever it does."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ossamma.data.readers.record import document_from_json, document_to_json
from ossamma.schema.encoding import first_illegal
from ossamma.schema.errors import AnnotationError
from ossamma.schema.supervision import allowed_tags, lay_on_words, split_at_borders
from ossamma.tokenization.alignment import words_of
from tests.data.augment.strategies import (
    LABELS,
    STEPS,
    a_document,
    apply,
    few,
    flat_documents,
    folded,
    seeds,
    surfaces_of,
    text_outside,
    wild_documents,
    words_in,
)

rates = st.sampled_from([0.3, 1.0])


def changed_by_each_step(document, seed, rate=1.0, steps=tuple(STEPS)):
    """One document as every step leaves it; the failing one is the last that is noted."""
    for step in steps:
        changed = apply(step, document, seed, rate)
        note(f"{step}: {changed!r}")
        yield step, changed


@few
@given(wild_documents(), seeds, rates)
def test_annotations_survive_in_number_order_and_type(document, seed, rate):
    def without_place(annotations):
        return [replace(mark, start=0, end=1) for mark in annotations]

    for _, changed in changed_by_each_step(document, seed, rate):
        if document.annotations is None:
            assert changed.annotations is None
            continue
        assert without_place(changed.annotations) == without_place(document.annotations)
        order = sorted(range(len(changed.annotations)), key=lambda i: document.annotations[i])
        starts = [changed.annotations[i].start for i in order]
        assert starts == sorted(starts)


@few
@given(wild_documents(), seeds)
def test_mentions_neither_gain_nor_lose_white_space_at_their_borders(document, seed):
    def borders(one):
        return [(surface[0].isspace(), surface[-1].isspace()) for surface in surfaces_of(one)]

    for _, changed in changed_by_each_step(document, seed):
        assert borders(changed) == borders(document)


def supervision(document):
    """The words, spans and allowed tags as training would see them."""
    words = split_at_borders(words_of(document), document.annotations)
    spans = lay_on_words(document, words)
    allowed = allowed_tags(spans, len(words), LABELS, annotates=document.annotates)
    return words, spans, allowed


@few
@given(flat_documents(), seeds, rates)
def test_the_annotations_still_become_legal_tags(document, seed, rate):
    _, before, allowed_before = supervision(document)
    for step, changed in changed_by_each_step(document, seed, rate):
        words, spans, allowed = supervision(changed)
        assert [span.labels for span in spans] == [span.labels for span in before]
        borders = [(words[span.first_word].start, words[span.end_word - 1].end) for span in spans]
        assert borders == [(mark.start, mark.end) for mark in changed.annotations]
        if document.words is not None and step != "replace":
            assert spans == before
            assert (allowed == allowed_before).all()
        if changed.annotates is None and all(len(span.labels) == 1 for span in spans):
            assert (allowed.sum(1) == 1).all()
            assert first_illegal([LABELS.tags[index] for index in allowed.argmax(1)]) is None


@few
@given(wild_documents(), seeds)
def test_what_a_tagger_refuses_it_still_refuses_and_what_it_takes_it_takes(document, seed):
    def is_taken(one):
        try:
            supervision(one)
        except AnnotationError:
            return False
        return True

    if document.annotations is not None and document.words is not None:
        for _, changed in changed_by_each_step(document, seed):
            assert is_taken(changed) == is_taken(document)


@few
@given(wild_documents(), seeds)
def test_words_and_sentences_keep_their_places(document, seed):
    for step, changed in changed_by_each_step(document, seed):
        assert (changed.words is None) == (document.words is None)
        assert all(word.strip() for word in words_in(changed))
        assert changed.text.count("\n") == document.text.count("\n")
        if step != "replace":
            assert len(words_in(changed)) == len(words_in(document))
            assert changed.sentence_starts == document.sentence_starts


@few
@given(flat_documents(), seeds)
def test_sentences_begin_with_the_same_words_or_mentions(document, seed):
    mentions = {mark.start: index for index, mark in enumerate(document.annotations)}
    changed = apply("replace", document, seed)
    assert len(changed.sentence_starts) == len(document.sentence_starts)
    for old, new in zip(document.sentence_starts, changed.sentence_starts, strict=True):
        index = mentions.get(document.words[old].start)
        if index is None:
            assert words_in(changed)[new] == words_in(document)[old]
        else:
            assert changed.words[new].start == changed.annotations[index].start


@few
@given(wild_documents(), seeds)
def test_what_is_known_of_a_document_stays_true(document, seed):
    for step, changed in changed_by_each_step(document, seed):
        for name in ("annotates", "weight", "provenance", "dataset"):
            assert getattr(changed, name) == getattr(document, name)
        if changed is not document:
            assert changed.text != document.text
            assert changed.id == f"{document.id}+{step.split()[0]}"
            assert changed.group == (document.group or document.id)


@few
@given(wild_documents(), seeds)
def test_rate_0_is_the_identity(document, seed):
    for _, changed in changed_by_each_step(document, seed, 0.0):
        assert changed is document


@few
@given(wild_documents(), seeds, rates)
def test_the_same_seed_gives_the_same_document(document, seed, rate):
    for step, changed in changed_by_each_step(document, seed, rate):
        assert apply(step, document, seed, rate) == changed


@few
@given(flat_documents(), seeds)
def test_a_changed_document_survives_the_way_through_a_file(document, seed):
    for _, changed in changed_by_each_step(document, seed):
        assert document_from_json(document_to_json(changed), place=document.provenance) == changed


@few
@given(wild_documents(), seeds)
def test_steps_for_the_context_do_not_touch_mentions(document, seed):
    outside_only = ("shuffle", "synonyms", "spaces", "typos")
    for _, changed in changed_by_each_step(document, seed, steps=outside_only):
        assert surfaces_of(changed) == surfaces_of(document)


@few
@given(flat_documents(), seeds)
def test_replacement_touches_nothing_but_mentions(document, seed):
    assert text_outside(apply("replace", document, seed)) == text_outside(document)


@few
@given(wild_documents(), seeds)
def test_what_changes_in_place_moves_no_offset(document, seed):
    for _, changed in changed_by_each_step(document, seed, steps=("drop", "case")):
        assert (changed.words, changed.annotations) == (document.words, document.annotations)
        assert len(changed.text) == len(document.text)


@few
@given(wild_documents(), seeds)
def test_case_changes_nothing_but_case(document, seed):
    assert folded(apply("case", document, seed).text) == folded(document.text)


@few
@given(wild_documents(), seeds)
def test_shuffling_permutes_words(document, seed):
    changed = apply("shuffle", document, seed)
    assert Counter(words_in(changed)) == Counter(words_in(document))
    assert Counter(changed.text) == Counter(document.text)


@few
@given(wild_documents(), seeds)
def test_white_space_noise_changes_nothing_but_white_space(document, seed):
    for _, changed in changed_by_each_step(document, seed, steps=("spaces", "spaces inside")):
        assert words_in(changed) == words_in(document)
        assert "".join(changed.text.split()) == "".join(document.text.split())


@pytest.mark.parametrize("step", STEPS)
def test_every_step_changes_something(step):
    """The laws above would also hold for steps that never did anything."""
    document = a_document("we quickly saw people , near [Ada Byron|PER] until someone left")
    assert {apply(step, document, seed).text for seed in range(5)} - {document.text}

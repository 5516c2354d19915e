"""Edits move words, sentences and annotations exactly, as a slow twin over characters does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.rewriting import Edit, rewrite, with_text
from ossamma.schema.spans import Annotation, Document, Span
from tests.data.augment.strategies import a_document, few, flat_documents, surfaces_of, words_in


@st.composite
def edited_documents(draw):
    """A document with words, new texts for some of them, and insertions behind some others."""
    document = draw(flat_documents().filter(lambda d: d.words))
    new = st.sampled_from(["", "a", "long word", "xyz"])
    replaced = [draw(st.none() | new.filter(bool)) for _ in document.words]
    inserted = [draw(st.sampled_from(["", "", " ", "<>"])) for _ in document.words]
    edits = []
    for word, text, more in zip(document.words, replaced, inserted, strict=True):
        if text is not None:
            edits.append(Edit(word.start, word.end, text))
        if more:
            edits.append(Edit(word.end, word.end, more))
    return document, edits, replaced, inserted


@few
@given(edited_documents())
def test_words_and_mentions_become_what_the_edits_say(case):
    document, edits, replaced, inserted = case
    changed = rewrite(document, edits, "x")
    olds = words_in(document)
    assert words_in(changed) == [
        old if new is None else new for old, new in zip(olds, replaced, strict=True)
    ]
    # The slow twin: write each mention down word by word, with what stands between.
    for mark, surface in zip(document.annotations, surfaces_of(changed), strict=True):
        inside = [i for i, w in enumerate(document.words) if mark.start <= w.start < mark.end]
        expected = ""
        for i in inside:
            expected += olds[i] if replaced[i] is None else replaced[i]
            if i != inside[-1]:
                gap = document.text[document.words[i].end : document.words[i + 1].start]
                expected += inserted[i] + gap
        assert surface == expected


def test_an_edit_may_bring_its_own_words():
    document = a_document("we met [Ada Byron|PER] . She left", sentence_starts=(0, 5))
    edit = Edit(7, 16, "Jean Paul Sartre", (Span(0, 4), Span(5, 9), Span(10, 16)))
    changed = rewrite(document, [edit], "x")
    assert words_in(changed) == ["we", "met", "Jean", "Paul", "Sartre", ".", "She", "left"]
    assert surfaces_of(changed) == ["Jean Paul Sartre"]
    assert changed.sentence_starts == (0, 6)


def test_an_insertion_stands_between_what_ends_and_what_begins_there():
    document = Document(
        id="d",
        text="AdaBob",
        words=(Span(0, 3), Span(3, 6)),
        annotations=(Annotation(0, 3, ("A",)), Annotation(3, 6, ("B",))),
    )
    changed = rewrite(document, [Edit(3, 3, " & ")], "x")
    assert changed.text == "Ada & Bob"
    assert words_in(changed) == surfaces_of(changed) == ["Ada", "Bob"]


def test_edits_that_change_nothing_give_the_document_back():
    document = a_document("we met [Ada|PER]")
    assert rewrite(document, [Edit(0, 2, "we"), Edit(3, 3, "")], "x") is document
    assert with_text(document, document.text, "x") is document


def test_a_second_step_keeps_the_group_of_the_first():
    document = a_document("we met [Ada|PER]")
    once = rewrite(document, [Edit(0, 2, "they")], "a")
    twice = rewrite(once, [Edit(0, 4, "you")], "b")
    assert (once.id, once.group, twice.id, twice.group) == ("d+a", "d", "d+a+b", "d")
    assert rewrite(a_document("x", group="g"), [Edit(0, 1, "y")], "a").group == "g"


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(8, 10, "x")],
        [Edit(6, 9, "x", (Span(0, 1),))],
    ],
)
def test_an_edit_across_a_border_is_our_own_fault(edits):
    document = Document(
        id="d",
        text="we met Ada now",
        words=(Span(0, 2), Span(3, 6), Span(7, 10), Span(11, 14)),
        annotations=(Annotation(7, 9, ("A",)),),
    )
    with pytest.raises(AssertionError):
        rewrite(document, edits, "x")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.sentences import (
    compared_spans,
    compared_words,
    compared_words_reference,
    cut,
    sentences_of,
)
from ossamma.schema.spans import Annotation, Document, Span


@given(st.text())
def test_there_is_a_span_for_each_compared_word(text):
    assert len(compared_words(text)) == len(compared_spans(text))


@given(
    st.text(st.characters(codec="utf-8"))
    | st.text(st.sampled_from("aB1_ -.\u2019\u2014\u00df\u0130\u0307\ufb01"))
)
def test_compared_words_equal_their_definition(text):
    assert compared_words(text) == compared_words_reference(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("He said: STOP!", "he said : stop !"),
        ("Stra\u00dfe 12", "STRASSE 12"),
        ("caf\u00e9 au lait", "Caf\u00c9 AU lait"),
    ],
)
def test_words_that_are_called_equal(left, right):
    assert compared_words(left) == compared_words(right)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One line", ["One line"]),
        ("First. Second! Third? 4 more", ["First.", "Second!", "Third?", "4 more"]),
        ("It is 3.5 kg, e.g. this", ["It is 3.5 kg, e.g. this"]),
        ("A title\n\nand a line", ["A title", "and a line"]),
        ('She said "Go." Then left', ['She said "Go.', "Then left"]),
        ("End . Tokenised text .", ["End .", "Tokenised text ."]),
    ],
)
def test_sentences_by_rule(text, expected):
    assert [text[s.start : s.end] for s in sentences_of(Document("d", text))] == expected


@given(st.text(st.sampled_from('aB1 \n.!?"(')))
def test_sentences_have_all_words_and_are_disjoint(text):
    sentences = sentences_of(Document("d", text))
    words = [word for s in sentences for word in compared_words(text[s.start : s.end])]
    assert words == compared_words(text)
    ends = [0, *(s.end for s in sentences)]
    assert all(s.start >= end for s, end in zip(sentences, ends, strict=False))


def with_words(text: str, **fields) -> Document:
    words = tuple(compared_spans(text))
    return Document("d", text, words=words, **fields)


def test_the_source_s_own_sentences_go_before_the_rule():
    document = with_words("one two. Three four", sentence_starts=(0, 3))
    assert sentences_of(document) == [Span(0, 14), Span(15, 19)]


def test_words_before_the_first_marked_sentence_are_one():
    document = with_words("one two three", sentence_starts=(2,))
    assert sentences_of(document) == [Span(0, 7), Span(8, 13)]


@st.composite
def documents_with_parts(draw):
    text = draw(st.text(st.sampled_from("ab .\n"), min_size=1, max_size=30))
    spans = st.builds(
        lambda a, b: (min(a, b), max(a, b) + 1),
        st.integers(0, len(text) - 1),
        st.integers(0, len(text) - 1),
    )
    words = tuple(compared_spans(text)) if draw(st.booleans()) else None
    num_words = len(words or ())
    starts = draw(st.sets(st.integers(0, num_words - 1))) if num_words else ()
    marks = [Annotation(*span, ("T",)) for span in draw(st.lists(spans, max_size=4))]
    document = Document(
        "d",
        text,
        words=words,
        sentence_starts=tuple(sorted(starts)),
        annotations=tuple(sorted(marks)) if draw(st.booleans()) else None,
    )
    return document, [Span(*span) for span in draw(st.lists(spans, max_size=3))]


def parts_of(document: Document, *, without: list[Span]) -> list[str]:
    """The texts of the marks that no wanted part touches, in order."""
    return [
        document.text[m.start : m.end]
        for m in document.annotations or ()
        if not any(m.start < part.end and part.start < m.end for part in without)
    ]


@given(documents_with_parts())
def test_whatever_stays_keeps_its_text(case):
    document, parts = case
    result = cut(document, parts)
    if result is None:
        return
    marks = [result.text[m.start : m.end] for m in result.annotations or ()]
    # A mark may also go because it touches another that goes.
    remaining = iter(parts_of(document, without=parts))
    assert all(text in remaining for text in marks)
    assert len(result.text) <= len(document.text)
    if result.words is not None:
        kept = [result.text[w.start : w.end] for w in result.words]
        before = iter(document.text[w.start : w.end] for w in document.words)
        assert all(word in before for word in kept)
    assert (result.annotations is None) == (document.annotations is None)


@given(documents_with_parts())
def test_the_parts_are_gone_and_no_more_without_reason(case):
    document, parts = case
    result = cut(document, parts)
    wanted = {place for part in parts for place in range(part.start, part.end)}
    length = 0 if result is None else len(result.text)
    assert length <= len(document.text) - len(wanted)
    if not document.annotations and not document.words and result is not None:
        visible = [c for n, c in enumerate(document.text) if n not in wanted and not c.isspace()]
        assert [c for c in result.text if not c.isspace()] == visible


def test_cutting_nothing_changes_nothing():
    document = Document("d", "text")
    assert cut(document, []) is document


def test_a_sentence_is_cut_with_its_words_and_marks():
    text = "Ada left. Bob stayed. York slept."
    document = with_words(
        text,
        sentence_starts=(0, 2, 4),
        annotations=(
            Annotation(0, 3, ("PER",)),
            Annotation(10, 13, ("PER",)),
            Annotation(22, 26, ("LOC",)),
        ),
    )
    result = cut(document, [Span(10, 21)])
    assert result.text == "Ada left. York slept."
    assert [result.text[m.start : m.end] for m in result.annotations] == ["Ada", "York"]
    assert result.sentence_starts == (0, 2)
    assert [result.text[w.start : w.end] for w in result.words] == ["Ada", "left", "York", "slept"]


def test_a_mark_across_the_border_goes_as_a_whole():
    document = Document("d", "one two three four", annotations=(Annotation(4, 13, ("T",)),))
    result = cut(document, [Span(0, 5)])
    assert (result.text, result.annotations) == ("four", ())


def test_nothing_visible_is_left():
    assert cut(Document("d", " one. "), [Span(1, 5)]) is None

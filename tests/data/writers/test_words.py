"""Words with entities on them: borders are kept, tiles make the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.writers.words import lay_out
from ossamma.schema.errors import AnnotationError, DataError
from ossamma.schema.spans import Annotation, Document, Span


@st.composite
def documents(draw, alphabet="ab \n\xa0é.", words=True):
    """A document with words anywhere and flat entities that have something to see."""
    text = draw(st.text(alphabet=alphabet, max_size=25))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    spans = [Span(*pair) for pair in zip(borders[::2], borders[1::2], strict=False)]
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = zip(borders[::2], borders[1::2], strict=False)
    annotations = tuple(
        Annotation(start, end, draw(st.sampled_from([("A",), ("B",), ("A", "B")])))
        for start, end in pairs
        if text[start:end].strip()
    )
    starts = draw(st.sets(st.integers(0, max(0, len(spans) - 1)), max_size=3)) if spans else ()
    return Document(
        id="d",
        text=text,
        words=tuple(spans) if words else None,
        sentence_starts=tuple(sorted(starts)),
        annotations=annotations,
    )


@given(documents())
def test_tiles_and_single_spaces_make_the_text(document):
    laid = lay_out(document, tile=True)
    ends = [*(word.start for word in laid.words[1:]), *[len(document.text)][: len(laid.words)]]
    gaps = [document.text[w.end : end] for w, end in zip(laid.words, ends, strict=True)]
    assert set(gaps) <= {"", " "}
    words = [document.text[w.start : w.end] for w in laid.words]
    assert "".join(w + g for w, g in zip(words, gaps, strict=True)) == document.text


@given(documents())
def test_an_entity_is_made_of_whole_words(document):
    laid = lay_out(document, tile=True)
    found = [
        (laid.words[e.first_word].start, laid.words[e.end_word - 1].end, e.labels)
        for e in laid.entities
    ]
    wanted = []
    for a in document.annotations:
        surface = document.text[a.start : a.end]
        start = a.start + len(surface) - len(surface.lstrip())
        wanted.append((start, start + len(surface.strip()), a.labels))
    assert found == wanted


@given(documents())
def test_sentences_begin_where_they_did(document):
    laid = lay_out(document, tile=True)
    found = [laid.words[start].start for start in laid.sentence_starts]
    assert found == [document.words[start].start for start in document.sentence_starts]


def test_words_are_cut_at_borders():
    words = (Span(0, 7), Span(8, 11))
    document = Document(
        id="d", text="Ada-Bob met", words=words, annotations=(Annotation(0, 3, ("PER",)),)
    )
    laid = lay_out(document)
    assert laid.words == (Span(0, 3), Span(3, 7), Span(8, 11))
    assert [(e.first_word, e.end_word) for e in laid.entities] == [(0, 1)]


def test_a_splitter_serves_documents_without_words():
    document = Document(id="d", text="ab", annotations=())
    assert lay_out(document, lambda text: [Span(0, len(text))]).words == (Span(0, 2),)
    with pytest.raises(DataError, match="word splitter"):
        lay_out(document)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ((Annotation(1, 2, ("A",)),), "only white space"),
        ((Annotation(0, 4, ("A",)), Annotation(3, 5, ("B",))), "meet in the word"),
        ((Annotation(4, 5, ("A",)),), "covers no word"),
    ],
)
def test_entities_that_no_words_can_carry(annotations, message):
    document = Document(
        id="d", text="a  bc", words=(Span(0, 1), Span(3, 4)), annotations=annotations
    )
    with pytest.raises(AnnotationError, match=message):
        lay_out(document)

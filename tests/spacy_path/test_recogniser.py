"""A spaCy pipeline behaves as every other recogniser does."""

from __future__ import annotations

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import BundleError
from ossamma.schema.spans import Document, Entity, Recogniser, Span
from ossamma.spacy_path.recogniser import SpacyRecogniser, load_spacy

TEXTS = ["Ada Lovelace  lives in Oslo.", "", "Oslo, Oslo!"]


def ruler():
    nlp = spacy.blank("en")
    patterns = [("PERSON", "Ada Lovelace"), ("PLACE", "Oslo")]
    made = nlp.add_pipe("entity_ruler")
    made.add_patterns([{"label": label, "pattern": text} for label, text in patterns])
    return nlp


def test_it_is_a_recogniser_with_entities_in_the_original_text():
    recogniser = SpacyRecogniser(ruler())
    assert isinstance(recogniser, Recogniser)
    assert recogniser.types == ("PERSON", "PLACE")
    assert recogniser.recognise(TEXTS) == [
        [Entity(0, 12, "PERSON", "Ada Lovelace"), Entity(23, 27, "PLACE", "Oslo")],
        [],
        [Entity(0, 4, "PLACE", "Oslo"), Entity(6, 10, "PLACE", "Oslo")],
    ]


@given(st.lists(st.sampled_from(["Oslo", "is", "Ada", "Lovelace", "a-b"]), max_size=8), st.data())
def test_the_documents_own_words_are_kept_whatever_lies_between_them(words, data):
    text, spans = "", []
    for word in words:
        text += data.draw(st.sampled_from(["", " ", "\n \t", "  "]))
        spans.append(Span(len(text), len(text) + len(word)))
        text += word
    document = Document(id="d", text=text, words=tuple(spans))
    ((same, found),) = SpacyRecogniser(ruler()).recognise_documents([document])
    assert same is document
    places = [(e.start, e.end) for e in found if e.label == "PLACE"]
    expected = [(s.start, s.end) for s, w in zip(spans, words, strict=True) if w == "Oslo"]
    assert places == expected
    assert all(text[e.start : e.end] == e.text for e in found)


def test_batches_change_nothing():
    one, many = SpacyRecogniser(ruler(), batch_size=1), SpacyRecogniser(ruler(), batch_size=99)
    assert one.recognise(TEXTS * 5) == many.recognise(TEXTS * 5)


def test_faults_are_named(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(BundleError, match=r"sets doc\.ents, got sentencizer"):
        SpacyRecogniser(nlp)
    with pytest.raises(BundleError, match="expected a spaCy model"):
        load_spacy(tmp_path)
    (tmp_path / "config.cfg").write_text("[nlp", encoding="utf-8")
    (tmp_path / "meta.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match="spaCy cannot load"):
        load_spacy(tmp_path)
    with pytest.raises(TypeError, match="a single one"):
        SpacyRecogniser(ruler()).recognise("Oslo")

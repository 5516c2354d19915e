"""Rare types are read more often, frequent ones as often as they come."""

from __future__ import annotations

from collections import Counter

import pytest
import spacy
from spacy.tokens import DocBin

from ossamma.schema.errors import ConfigurationError
from ossamma.spacy_path.balanced_corpus import balanced_corpus


def write(path, labels):
    nlp = spacy.blank("en")
    docs = []
    for number, label in enumerate(labels):
        doc = nlp.make_doc(f"name {number}")
        doc.ents = [spacy.tokens.Span(doc, 0, 1, label=label)] if label else []
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return nlp


def test_the_reader_repeats_by_the_factors_and_the_seed_decides_the_rest(tmp_path):
    path = tmp_path / "t.spacy"
    nlp = write(path, ["RARE"] * 4 + ["OFTEN"] * 300 + [""] * 96)
    read = balanced_corpus(path, threshold=0.1, seed=0)
    counts = Counter(e.reference.ents[0].label_ for e in read(nlp) if e.reference.ents)
    assert counts["OFTEN"] == 300
    assert 12 <= counts["RARE"] <= 16  # sqrt(0.1 / 0.01) = 3.16 times each
    again = balanced_corpus(path, threshold=0.1, seed=0)
    assert [e.text for e in read(nlp)] == [e.text for e in again(nlp)]


def test_faults_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match="path"):
        balanced_corpus(None)
    with pytest.raises(ConfigurationError, match="threshold"):
        balanced_corpus(tmp_path, threshold=0.0)

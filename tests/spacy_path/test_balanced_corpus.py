"""Rare types are read more often, frequent ones as often as they come."""

from __future__ import annotations

from collections import Counter

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin

from ossamma.schema.errors import ConfigurationError
from ossamma.spacy_path.balanced_corpus import balanced_corpus, repeat_factors

TYPES = st.lists(st.sets(st.sampled_from("ABC"), max_size=3), min_size=1, max_size=40)


@given(TYPES, st.floats(0.01, 1.0))
def test_no_document_is_read_less_than_once_and_rarer_types_never_less(types, threshold):
    factors = repeat_factors(types, threshold)
    assert all(1.0 <= factor <= 10.0 for factor in factors)
    counts = Counter(name for of_document in types for name in of_document)
    single = {next(iter(t)): f for t, f in zip(types, factors, strict=True) if len(t) == 1}
    for one, factor in single.items():
        if counts[one] >= threshold * len(types):
            assert factor == 1.0
        for other, its_factor in single.items():
            assert factor >= its_factor or counts[one] >= counts[other]


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

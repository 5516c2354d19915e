"""Word features are pure functions of the word, the same on every machine."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.features import (
    FEATURE_NAMES,
    FeatureSpec,
    WordFeatures,
    word_feature,
    word_shape,
)

any_text = st.text(st.characters(codec=None, categories=None), max_size=12)  # surrogates too


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("lower", "Berliner", "berliner"),
        ("lower", "1984er", "0000er"),
        ("lower", "\ufb01ne", "fine"),  # a ligature is its letters
        ("prefix1", "Berliner", "b"),
        ("prefix3", "Berliner", "ber"),
        ("suffix3", "Berliner", "ner"),
        ("suffix4", "ab", "ab"),
        ("prefix2", "", ""),
        ("shape", "Apollo-11", "Xxxx-dd"),
        ("shape", "McDONALD", "XxXXX"),
        ("shape", "aaaaaaaa", "xxx"),
        ("shape", "", ""),
    ],
)
def test_a_feature_is_what_its_name_says(name, word, value):
    assert word_feature(name, word) == value


@given(any_text)
def test_a_shape_has_no_run_of_four_and_no_word_has_more_shape_than_letters(word):
    shape = word_shape(word)
    assert len(shape) <= len(word)
    assert all(len(set(shape[i : i + 4])) > 1 for i in range(len(shape) - 3))


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), max_size=12))
def test_a_shape_does_not_depend_on_which_letter_or_digit_it_is(word):
    swapped = "".join(
        {"Lu": "Q", "Ll": "q", "Nd": "7"}[unicodedata.category(character)] for character in word
    )
    assert word_shape(word) == word_shape(swapped)


specs = st.lists(
    st.builds(FeatureSpec, st.sampled_from(FEATURE_NAMES), st.integers(2, 50)), max_size=4
)


@given(specs, st.lists(any_text, max_size=6))
def test_rows_are_within_their_tables_and_0_is_kept_free(features, words):
    rows = WordFeatures(features).encode_words(words)
    assert rows.shape == (len(words), len(features))
    assert rows.dtype == np.int64
    assert (rows >= 1).all()
    assert (rows < [spec.rows for spec in features]).all()


@given(specs, st.lists(any_text, max_size=6), st.lists(any_text, max_size=6))
def test_rows_depend_on_the_word_alone(features, words, others):
    warm = WordFeatures(features)
    warm.encode_words(others)
    together = warm.encode_words([*words, *others])
    alone = [WordFeatures(features).encode_words([word])[0] for word in words]
    assert together[: len(words)].tolist() == [row.tolist() for row in alone]


def test_whoever_changes_the_rows_that_came_back_does_not_change_the_cache():
    features = WordFeatures([FeatureSpec("lower", 100)])
    first = features.encode_words(["Ada"])
    wanted = first.copy()
    first[:] = 0
    assert (features.encode_words(["Ada"]) == wanted).all()


def test_the_hashes_are_those_of_every_other_machine():
    # Written down once: with any other value every trained table would be worthless.
    features = WordFeatures([FeatureSpec(name, 1_000) for name in FEATURE_NAMES])
    assert features.encode_words(["Ada"]).tolist() == [[486, 413, 180, 392, 753, 509, 830, 235]]


@pytest.mark.parametrize(
    ("name", "rows", "complaint"),
    [
        ("prefix9", 10, "unknown word feature 'prefix9'; expected one of lower"),
        ("lower", 1, "from 2 on, got 1"),
        ("lower", "many", "whole number of rows.*got 'many'"),
        ("lower", 10.0, "whole number"),
    ],
)
def test_a_feature_that_cannot_be_is_refused(name, rows, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        FeatureSpec(name, rows)

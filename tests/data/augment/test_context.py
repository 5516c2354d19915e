"""Context shuffling: which words move, and how far."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.context import shuffle_context
from ossamma.schema.spans import Document
from tests.data.augment.strategies import a_document, few, seeds, wild_documents, words_in

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@given(st.integers(0, 26), st.integers(2, 6), seeds)
def test_no_word_leaves_its_window(length, window, seed):
    document = a_document(" ".join(ALPHABET[:length]))
    changed = shuffle_context(document, Random(seed), probability=1.0, window=window)
    places = [words_in(changed).index(letter) for letter in ALPHABET[:length]]
    assert sorted(places) == list(range(length))
    assert all(abs(old - new) < window for old, new in enumerate(places))
    # The windows tile: from a place that nothing crosses the next is at most a window away.
    borders = [i for i in range(length + 1) if sorted(places[:i]) == list(range(i))]
    assert all(right - left <= window for left, right in pairwise(borders))


def test_every_order_of_a_window_occurs():
    document = a_document("a b c")
    orders = {
        shuffle_context(document, Random(seed), probability=1.0, window=3).text
        for seed in range(200)
    }
    assert len(orders) == 6


def test_windows_begin_anywhere():
    """Each pair of neighbours shares a window now and then."""
    document = a_document("a b c d e f")
    texts = [
        shuffle_context(document, Random(seed), probability=1.0, window=2).text
        for seed in range(50)
    ]
    for left, right in pairwise("abcdef"):
        assert any(f"{right} {left}" in text for text in texts)


@few
@given(wild_documents(), seeds, st.integers(2, 5))
def test_everything_but_plain_words_stays_where_it_is(document, seed, window):
    """The words between two that cannot move are the same, in some order."""
    changed = shuffle_context(document, Random(seed), probability=1.0, window=window)

    def stretches(one):
        parts = [[]]
        for word in words_in(one):
            if word.isalpha() and word == word.lower():
                parts[-1].append(word)
            else:
                parts += [word, []]
        return [sorted(part) if isinstance(part, list) else part for part in parts]

    assert stretches(changed) == stretches(document)


@pytest.mark.parametrize(
    "marked",
    [
        "he [Ada|PER] she",
        "he , she",
        "he n't she",
        "he 's she",
        "he 2 she",
        "he Then she",
        "he I'm she",
    ],
)
def test_no_word_crosses_what_bounds_a_stretch(marked):
    document = a_document(marked)
    for seed in range(20):
        assert shuffle_context(document, Random(seed), probability=1.0, window=9) is document


def test_no_word_crosses_the_border_of_a_sentence_or_line_or_a_word_it_touches():
    over_sentences = a_document("he she", sentence_starts=(0, 1))
    over_lines = Document(id="d", text="he\nshe")
    touching = Document(id="d", text="heshe", words=a_document("he she").words[:1])
    for document in (over_sentences, over_lines, touching):
        for seed in range(20):
            assert shuffle_context(document, Random(seed), probability=1.0) is document


def test_white_space_stays_where_it_is():
    document = Document(id="d", text="one\t three  elevens now")
    gaps = {"\t ", "  ", " "}
    texts = {
        shuffle_context(document, Random(seed), probability=1.0, window=4).text
        for seed in range(40)
    }
    assert len(texts) > 5
    assert all([g for g in gaps if g in text] and text.count("\t ") == 1 for text in texts)
    assert all(text.index("\t") < text.index("  ") for text in texts)

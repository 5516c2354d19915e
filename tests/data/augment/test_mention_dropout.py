"""Mention dropout: nonsense of the same shape, inside mentions and beside them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.mention_dropout import drop_mentions, pseudo_word
from ossamma.tokenization.features import word_shape
from tests.data.augment.strategies import a_document, surfaces_of, text_outside, words_in


@given(st.text(max_size=20), st.integers(0, 99))
def test_nonsense_has_the_same_shape_and_no_letter_or_digit_of_the_word(word, seed):
    nonsense = pseudo_word(word, Random(seed))
    assert len(nonsense) == len(word)
    assert word_shape(nonsense) == word_shape(word)
    for old, new in zip(word, nonsense, strict=True):
        assert (new != old) == (old.isalpha() or old.isdigit())


def test_vowels_stay_vowels_so_that_nonsense_can_be_read():
    nonsense = pseudo_word("\u00c9milie", Random(0))
    assert [letter in "AEIOUYaeiouy" for letter in nonsense] == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def dropped(marked, **settings):
    return drop_mentions(a_document(marked), Random(0), **{"probability": 1.0, **settings})


def test_without_decoys_nothing_but_mentions_changes():
    document = a_document("someone visited [Grace Hopper|PER] yesterday in [Lima|LOC]")
    changed = drop_mentions(document, Random(0), probability=1.0, decoys=0.0)
    assert text_outside(changed) == text_outside(document)
    assert all(
        new != old for new, old in zip(surfaces_of(changed), surfaces_of(document), strict=True)
    )


@pytest.mark.parametrize(("decoys", "expected"), [(0.5, 1), (1.0, 2), (1.5, 3), (9.0, 4)])
def test_as_many_words_outside_turn_into_nonsense_as_asked(decoys, expected):
    document = a_document("someone visited [Grace Hopper|PER] yesterday , a few in December 2020")
    changed = drop_mentions(document, Random(4), probability=1.0, decoys=decoys)
    pairs = list(zip(words_in(document), words_in(changed), strict=True))
    outside = [old for old, new in pairs if old != new and old not in ("Grace", "Hopper")]
    assert len(outside) == expected
    assert set(outside) <= {"someone", "visited", "yesterday", "December"}


def test_small_words_of_a_mention_stay_unless_it_has_no_others():
    document = a_document("[Bank of the Ozarks 's 2 AB|ORG] and [jb|PER] , [...|X]")
    changed = drop_mentions(document, Random(0), probability=1.0, decoys=0.0)
    first, second, third = surfaces_of(changed)
    kept = [a == b for a, b in zip(first.split(), words_in(document), strict=False)]
    assert kept == [False, True, True, False, True, False, False]
    assert second != "jb"
    assert third == "..."


def test_spared_types_stay():
    changed = dropped("[5 km|MEASURE] to [Lima|LOC]", spare=frozenset({"MEASURE"}), decoys=0.0)
    assert surfaces_of(changed)[0] == "5 km"
    assert surfaces_of(changed)[1] != "Lima"


def test_mentions_are_dropped_at_the_given_rate():
    document = a_document(" , ".join(["[Adabert|PER]"] * 2000))
    changed = drop_mentions(document, Random(1), probability=0.2)
    assert abs(surfaces_of(changed).count("Adabert") / 2000 - 0.8) < 0.04

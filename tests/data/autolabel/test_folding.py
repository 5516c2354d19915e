"""Laws of folding: the offsets are those of the original, whatever the case does to lengths."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.folding import (
    canonical,
    fold,
    is_word_character,
    lower,
    spaced,
)
from tests.data.autolabel.strategies import texts

EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1)]


@given(st.one_of(texts, st.text()))
def test_each_folded_character_knows_where_it_came_from(text):
    folded = fold(text)
    assert folded.text == text.casefold()
    origins = folded.origins or range(len(text) + 1)
    assert len(origins) == len(folded.text) + 1
    for position, character in enumerate(folded.text):
        assert character in text[origins[position]].casefold()


@given(st.one_of(texts, st.text(min_size=1)))
def test_folded_ranges_are_those_of_whole_characters(text):
    """Each range of the original comes back from its folded range, and no other range does."""
    folded = fold(text[:8])
    places = [len(text[:cut].casefold()) for cut in range(len(text[:8]) + 1)]
    for start in range(len(folded.text)):
        for end in range(start + 1, len(folded.text) + 1):
            whole = start in places and end in places
            expected = (places.index(start), places.index(end)) if whole else None
            assert folded.original(start, end) == expected


def test_folding_neither_makes_nor_ends_words():
    """A character and its folded form are both of a word, or neither: boundaries stay."""
    moved = [
        character
        for character in EVERY_CHARACTER
        if {is_word_character(character)} != set(map(is_word_character, character.casefold()))
    ]
    assert moved == []


def test_lower_case_is_one_for_one():
    assert [c for c in EVERY_CHARACTER if len(lower(c)) != 1] == []


@given(st.one_of(texts, st.text()))
def test_lower_case_keeps_the_length(text):
    assert len(lower(text)) == len(text)


@given(st.one_of(texts, st.text()))
def test_spaced_is_what_its_definition_says(text):
    assert spaced(text) == "".join(c if is_word_character(c) else " " for c in text)


@given(texts)
def test_the_canonical_form_keeps_the_length_and_is_final(text):
    assert len(canonical(text)) == len(text)
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("spear phishing", "spear-phishing", True),
        ("spear phishing", "spear\nphishing", True),
        ("spear phishing", "spear\u00a0phishing", True),
        ("spear phishing", "spear\u2011phishing", True),
        ("o'neil", "o\u2019neil", True),
        ("c&c", "c c", False),
        ("a.b", "a b", False),
        ("a_b", "a b", False),
    ],
)
def test_what_joins_words_is_one(one, other, same):
    assert (canonical(one) == canonical(other)) is same

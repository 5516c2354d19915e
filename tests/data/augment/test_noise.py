"""Noise in case, spelling and white space."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.noise import add_typos, change_case, change_spaces, mistype
from ossamma.data.augment.units import Standing, units_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document
from tests.data.augment.strategies import (
    a_document,
    few,
    seeds,
    surfaces_of,
    wild_documents,
    words_in,
)

letters = st.characters(categories=["Ll", "Lu", "Lo"])


def distance_is_one(old, new):
    """Whether one swap, deletion, doubling or substitution leads from old to new."""
    swaps = {old[:i] + old[i + 1] + old[i] + old[i + 2 :] for i in range(len(old) - 1)}
    drops = {old[:i] + old[i + 1 :] for i in range(len(old))}
    doubles = {old[: i + 1] + old[i:] for i in range(len(old))}
    same_length = len(old) == len(new)
    missed = same_length and sum(a != b for a, b in zip(old, new, strict=False)) == 1
    return new in swaps | drops | doubles or missed


@given(st.text(letters, min_size=3, max_size=12), seeds)
def test_a_mistyped_word_is_one_mistake_away_and_begins_alike(word, seed):
    mistyped = mistype(word, Random(seed))
    assert mistyped != word
    assert mistyped[0] == word[0]
    assert distance_is_one(word, mistyped)


def test_all_four_mistakes_occur_and_keys_are_neighbours_in_case():
    results = {mistype("THat", Random(seed)) for seed in range(400)}
    assert {"TaHt", "THa", "THaat"} <= results
    missed = {word[1] for word in results if len(word) == 4 and word[2:] == "at" and word != "TaHt"}
    assert missed == set("GYUJNB")


@few
@given(wild_documents(), seeds, st.floats(0, 1))
def test_typos_are_bounded_and_spare_short_and_marked_words(document, seed, rate):
    changed = add_typos(document, Random(seed), rate=rate)
    able = [
        unit
        for unit in units_of(document)
        if unit.standing is Standing.FREE and unit.text.isalpha() and len(unit.text) >= 4
    ]
    if document.words is not None:
        pairs = zip(words_in(document), words_in(changed), strict=True)
        mistyped = [i for i, (old, new) in enumerate(pairs) if old != new]
        places = {unit.start for unit in able}
        assert {document.words[i].start for i in mistyped} <= places
        assert rate * len(able) - 1 < len(mistyped) < rate * len(able) + 1


def test_mentions_are_mistyped_only_on_request():
    document = a_document("[Grace Hopper|PER] and [Lima|LOC]")
    assert add_typos(document, Random(0), rate=1.0) is document
    inside = add_typos(document, Random(0), rate=1.0, inside_mentions=True)
    assert all(
        old != new for old, new in zip(surfaces_of(document), surfaces_of(inside), strict=True)
    )


@pytest.mark.parametrize(
    ("casing", "expected"),
    [
        ("lower", "we met ada o'neill in stra\u00dfe 7 ."),
        ("upper", "WE MET ADA O'NEILL IN STRA\u00dfE 7 ."),
        ("title", "We Met Ada O'neill In Stra\u00dfe 7 ."),
    ],
)
def test_a_text_is_written_in_one_case(casing, expected):
    document = a_document("We met [Ada O'Neill|PER] in Stra\u00dfe 7 .")
    changed = change_case(document, Random(0), probability=1.0, casings=(casing,))
    assert changed.text == expected


def test_random_case_mixes_and_other_casings_are_drawn_alike():
    document = a_document("we met [Ada|PER] in oslo today")
    text = change_case(document, Random(0), probability=1.0, casings=("random",)).text
    assert text.lower() == document.text.lower()
    assert not text.islower()
    assert not text.isupper()
    texts = [change_case(document, Random(seed), probability=0.5).text for seed in range(800)]
    for share, text in ((0.5, document.text), (0.125, document.text.upper())):
        assert abs(texts.count(text) / 800 - share) < 0.06


@pytest.mark.parametrize("casings", [(), ("lower", "shout")])
def test_an_unknown_casing_is_refused(casings):
    with pytest.raises(ConfigurationError, match="casings must be one or more of lower, upper"):
        change_case(a_document("x"), Random(0), probability=1.0, casings=casings)


def variants(document, **settings):
    return {change_spaces(document, Random(seed), rate=1.0, **settings).text for seed in range(30)}


def test_spaces_are_doubled_dropped_and_put_in_where_no_word_changes():
    assert variants(a_document("we left , ok")) == {"we  left  ,  ok", "we  left,  ok"}
    assert variants(Document(id="d", text="we left, ok 3,5")) == {"we  left ,  ok  3,5"}
    assert variants(Document(id="d", text="we\tleft\nus")) == {"we\tleft\nus"}


def test_white_space_beside_and_inside_mentions_stays_unless_asked_for():
    document = a_document("so [Ada Byron|PER] , ok")
    assert variants(document) == {"so Ada Byron ,  ok"}
    assert variants(document, inside_mentions=True) == {"so  Ada  Byron  ,  ok"}
    changed = change_spaces(document, Random(0), rate=1.0, inside_mentions=True)
    assert surfaces_of(changed) == ["Ada  Byron"]

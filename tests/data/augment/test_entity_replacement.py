"""Entity replacement: what comes in, what stays, and in which case."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given

from ossamma.data.augment.entity_bank import EntityBank, slots_of
from ossamma.data.augment.entity_replacement import replace_entities
from ossamma.schema.spans import Annotation, Document
from tests.data.augment.strategies import (
    BANK,
    a_document,
    apply,
    few,
    flat_documents,
    seeds,
    surfaces_of,
    words_in,
)


def replaced(marked, *bank, **settings):
    names = EntityBank.from_documents([a_document(" ".join(bank))])
    document = a_document(marked) if isinstance(marked, str) else marked
    return replace_entities(document, Random(0), names, **{"probability": 1.0, **settings})


@few
@given(flat_documents(), seeds)
def test_every_slot_gets_another_surface_of_its_kind(document, seed):
    changed = apply("replace", document, seed)
    before, after = list(slots_of(document)), list(slots_of(changed))
    assert [slot.annotation for slot in before] == [slot.annotation for slot in after]
    for old, new in zip(before, after, strict=True):
        if old.kind not in BANK.surfaces:
            continue
        surface = changed.text[new.start : new.end]
        assert surface.casefold() != document.text[old.start : old.end].casefold()
        known = {one.text.casefold() for one in BANK.surfaces[old.kind]}
        assert surface.casefold() in known
        if document.words is not None:
            assert new.kind == old.kind


def test_words_are_rebuilt():
    changed = replaced("we saw [Ada|PER] .", "[O'Neill|PER]")
    assert words_in(changed) == ["we", "saw", "O'Neill", "."]
    changed = replaced("at [k l m n|X] .", "[v w x y z|X]")
    assert words_in(changed) == ["at", "v", "w", "x", "y", "z", "."]
    assert surfaces_of(changed) == ["v w x y z"]


def test_determiners_and_possessives_stay():
    changed = replaced("of [the Hague 's|LOC] port", "[The Bronx|LOC] [Lima|LOC]")
    assert changed.text == "of the Bronx 's port"
    assert surfaces_of(changed) == ["the Bronx 's"]
    raw = Document(id="d", text="of Ada's.", annotations=(Annotation(3, 8, ("PER",)),))
    assert replaced(raw, "[Bob|PER]").text == "of Bob's."


def test_the_annotation_keeps_origin_and_confidence():
    mark = Annotation(0, 3, ("PER",), "lexicon:x", 0.25)
    raw = Document(id="d", text="Ada", annotations=(mark,))
    (new,) = replaced(raw, "[Charles|PER]").annotations
    assert (new.start, new.end, new.origin, new.confidence) == (0, 7, "lexicon:x", 0.25)


def test_only_a_surface_of_the_same_kind_comes_in():
    document = a_document("[Paris|LOC/PER]")
    assert replaced(document, "[Lima|LOC] [Ada|PER] [New York|LOC/PER]") is document
    assert replaced(document, "[Lima|LOC] [Sydney|LOC/PER]").text == "Sydney"


def test_spared_types_stay():
    document = a_document("[Paris|LOC] met [Ada|PER] , [Jo|LOC/PER]")
    bank = "[Lima|LOC] [Bob|PER] [Cy|LOC/PER]"
    changed = replaced(document, bank, spare=frozenset({"LOC"}))
    assert surfaces_of(changed) == ["Paris", "Bob", "Jo"]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("i live in [new york|X] now", "i live in san diego now"),
        ("I live in [new york|X] now", "I live in San Diego now"),
        ("I LIVE IN [NEW YORK|X] NOW", "I LIVE IN SAN DIEGO NOW"),
        ("I LIVE IN [New York|X] NOW", "I LIVE IN San Diego NOW"),
        ("OK [NEW YORK|X]", "OK San Diego"),  # one word does not show the case of a text
        ("we saw [New York|X] here", "we saw San Diego here"),
    ],
)
def test_a_surface_is_written_as_its_sentence_is(marked, expected):
    assert replaced(marked, "[San Diego|X]").text == expected


def test_a_sentence_still_begins_with_a_capital():
    assert replaced("[Vodka|X] helps", "[red wine|X] [beer|X]").text == "Beer helps"
    assert replaced("so [Vodka|X] helps", "[beer|X]").text == "so beer helps"
    assert replaced("[Vodka|X] helps", "[iPhone|X]").text == "iPhone helps"
    assert replaced("[vodka|X] helps", "[beer|X]").text == "beer helps"


def test_the_old_surface_does_not_come_back_by_its_case():
    """A dotless i is another letter for case folding but has the same capital."""
    changed = replaced("IT IS [I|X] NOW", "[\u0131|X]")
    assert changed.text == "IT IS \u0131 NOW"


def test_mentions_are_replaced_at_the_given_rate():
    document = a_document(" , ".join(["[Ada|PER]"] * 2000))
    bank = EntityBank.from_documents([a_document("[Bob|PER]")])
    changed = replace_entities(document, Random(1), bank)
    assert abs(surfaces_of(changed).count("Bob") / 2000 - 0.3) < 0.04

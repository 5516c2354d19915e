"""The bank: which surfaces are collected, and which may stand for which."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.entity_bank import EntityBank, SlotKind, slots_of
from ossamma.schema.spans import Annotation, Document
from tests.data.augment.strategies import a_document, few, flat_documents, wild_documents


def bank_of(*marked, **fields):
    return EntityBank.from_documents(a_document(one, **fields) for one in marked)


def texts(bank, kind):
    return [surface.text for surface in bank.surfaces.get(kind, ())]


def kind(*labels, dataset="", size=1, determiner=False):
    return SlotKind(labels, dataset, size, determiner)


@few
@given(st.lists(flat_documents(), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(documents, shuffler):
    shuffled = list(documents)
    shuffler.shuffle(shuffled)
    assert EntityBank.from_documents(shuffled) == EntityBank.from_documents(documents)


@few
@given(wild_documents())
def test_a_slot_lies_in_its_annotation_and_its_words_make_it_up(document):
    for slot in slots_of(document):
        mark = document.annotations[slot.annotation]
        assert mark.start <= slot.start < slot.end <= mark.end
        assert slot.kind.labels == mark.labels
        assert (slot.words[0].start, slot.words[-1].end) == (0, slot.end - slot.start)
        if document.words is not None:
            own = {(word.start - slot.start, word.end - slot.start) for word in document.words}
            assert {(word.start, word.end) for word in slot.words} <= own


def test_every_other_surface_is_drawn_alike_and_the_own_one_never():
    bank = bank_of("[Ada|PER] [Bob|PER] [Cy|PER] [Di|PER] [Lima|LOC]")
    rng = Random(3)
    drawn = Counter(bank.draw(kind("PER"), rng, but="CY").text for _ in range(3000))
    assert set(drawn) == {"Ada", "Bob", "Di"}
    assert all(abs(count - 1000) < 120 for count in drawn.values())
    strangers = {bank.draw(kind("PER"), rng, but="Eve").text for _ in range(100)}
    assert strangers == {"Ada", "Bob", "Cy", "Di"}
    assert bank.draw(kind("LOC"), rng, but="lima") is None
    assert bank.draw(kind("WORK"), rng, but="lima") is None


def test_an_open_candidate_set_is_a_kind_of_its_own():
    bank = bank_of("[Paris|LOC/PER] [Lima|LOC] [Ada|PER]")
    assert texts(bank, kind("LOC", "PER")) == ["Paris"]
    assert texts(bank, kind("LOC")) == ["Lima"]


def test_data_set_and_number_of_words_keep_kinds_apart():
    bank = bank_of("[a1|X] [a1 b|X] [a1 b c|X] [a1 b c d|X] [a1 b c d e|X] [a1 b c d e f|X]")
    sizes = {size: texts(bank, kind("X", size=size)) for size in (1, 2, 3, 4, 6)}
    assert [len(found) for found in sizes.values()] == [1, 1, 1, 2, 1]
    assert texts(bank, kind("X", dataset="other")) == []


@pytest.mark.parametrize(
    ("mention", "core", "determiner"),
    [
        ("the United Nations", "United Nations", True),
        ("The Hague 's", "Hague", True),
        ("Obama 's", "Obama", False),
        ("Obama \u2019s", "Obama", False),
        ("Angeles '", "Angeles", False),
        ("' Star Wars '", "' Star Wars '", False),
        ("McDonald's", "McDonald's", False),  # the possessive is no word of its own
        ("the", "the", False),
        ("The Who", "Who", True),
        ("Theodor", "Theodor", False),
        ("An 's", "An", False),
    ],
)
def test_determiners_and_possessives_belong_to_no_slot(mention, core, determiner):
    document = a_document(f"so [{mention}|X] went")
    (slot,) = slots_of(document)
    assert document.text[slot.start : slot.end] == core
    assert slot.kind.determiner is determiner


def test_raw_text_gives_the_same_slots():
    raw = Document(id="d", text="at the Hague's port", annotations=(Annotation(3, 14, ("X",)),))
    (slot,) = slots_of(raw)
    assert raw.text[slot.start : slot.end] == "Hague"
    sloppy = Document(id="d", text="at  Rome , x", annotations=(Annotation(3, 9, ("X",)),))
    (slot,) = slots_of(sloppy)
    assert sloppy.text[slot.start : slot.end] == "Rome"


@pytest.mark.parametrize(
    "annotations",
    [
        [(0, 3), (0, 3)],  # twice
        [(0, 7), (4, 7)],  # nested
        [(0, 5)],  # ends inside a word
        [(1, 3)],  # begins inside a word
        [(7, 8)],  # white space
        [(8, 11)],  # no letter or digit
        [(4, 14)],  # runs over a line
    ],
)
@pytest.mark.parametrize("has_words", [True, False])
def test_what_cannot_be_exchanged_is_no_slot(annotations, has_words):
    document = a_document("Ada met ... Bo")
    document = replace(
        document,
        text="Ada met ...\nBo",
        words=document.words if has_words else None,
        annotations=tuple(Annotation(*place, ("X",)) for place in annotations),
    )
    assert list(slots_of(document)) == []


def test_a_mention_across_sentences_is_no_slot_and_a_clause_is_none_either():
    document = a_document("[Yahoo ! Ltd|X] said", sentence_starts=(0, 2))
    assert list(slots_of(document)) == []
    assert len(list(slots_of(replace(document, sentence_starts=(0, 3))))) == 1
    assert list(slots_of(a_document(f"[{'long ' * 30}|X]"))) == []


def test_rejected_documents_give_nothing():
    assert len(bank_of("[Ada|PER]", weight=0.0)) == 0
    assert len(bank_of("[Ada|PER]", "[ADA|PER] [ada|PER]", "[Bob|PER]")) == 2


def test_the_most_frequent_spelling_is_kept():
    bank = bank_of("[NASA|X] [Nasa|X] [NASA|X] [nasa|X]")
    assert texts(bank, kind("X")) == ["NASA"]

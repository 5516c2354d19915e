from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.split import (
    PRIORITY,
    Reason,
    SplitSettings,
    Splitter,
    assign,
    split_documents,
    unit_hash,
)
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document

SHARES = {"test": 0.2, "dev": 0.1, "train": 0.7}
names = st.text(max_size=5)
officials = st.none() | st.sampled_from(PRIORITY)
# Few groups, so that they meet; the empty one is none.
documents = st.builds(
    lambda name, group: Document(name, "text", group=group), names, st.sampled_from(["", "g", "h"])
)


def named(name: str, group: str = "") -> Document:
    return Document(name, "text", group=group)


@given(documents, names)
def test_a_place_depends_on_group_or_id_and_salt_only(document, salt):
    other = replace(document, text="other", dataset="x", weight=3.0)
    if document.group:
        other = replace(other, id="another")
    assert assign(other, SHARES, salt) == assign(document, SHARES, salt)


def test_the_places_are_what_other_machines_get():
    places = [round(unit_hash(name, "s"), 6) for name in ("", "a", "\ud800")]
    assert places == [0.50254, 0.814326, 0.303728]


@given(names, names)
def test_the_hash_lies_in_the_unit_interval(name, salt):
    assert 0.0 <= unit_hash(name, salt) < 1.0


def test_salt_and_name_are_told_apart():
    assert unit_hash("bc", "a") != unit_hash("c", "ab")


@pytest.mark.parametrize("salt", ["", "one", "two"])
def test_shares_come_out_within_binomial_bounds(salt):
    num_documents = 20_000
    counts = dict.fromkeys(SHARES, 0)
    for number in range(num_documents):
        counts[assign(named(f"file-{number}"), SHARES, salt)] += 1
    for split, share in SHARES.items():
        error = math.sqrt(num_documents * share * (1 - share))
        assert abs(counts[split] - share * num_documents) < 4 * error


@given(names, st.floats(0.0, 0.2))
def test_a_larger_first_share_moves_documents_to_the_first_split_only(name, more):
    shares = {"test": 0.2, "train": 0.8}
    grown = {"test": 0.2 + more, "train": 0.8 - more}
    before, after = (assign(named(name), table, "") for table in (shares, grown))
    assert after in {before, "test"}


@given(names)
def test_a_share_of_nothing_gets_nothing(name):
    assert assign(named(name), {"test": 0.0, "dev": 1.0, "train": 0.0}, "") == "dev"


pairs = st.lists(st.tuples(documents, officials), max_size=12)


@given(pairs)
def test_a_group_is_never_parted(given_pairs):
    splits, _ = split_documents(given_pairs, SplitSettings(shares=SHARES))
    homes: dict[str, set[str]] = {}
    for split, members in splits.items():
        for document in members:
            if document.group:
                homes.setdefault(document.group, set()).add(split)
    assert all(len(home) == 1 for home in homes.values())


@given(pairs)
def test_every_document_is_placed_once_and_counted(given_pairs):
    splits, report = split_documents(given_pairs, SplitSettings(shares=SHARES))
    placed = [document for members in splits.values() for document in members]
    assert sorted(map(repr, placed)) == sorted(repr(document) for document, _ in given_pairs)
    assert {name: len(members) for name, members in splits.items() if members} == dict(
        report.documents
    )
    assert sum(report.reasons.values()) == len(given_pairs)


@given(pairs, pairs)
def test_added_documents_of_other_groups_move_none(given_pairs, added):
    strangers = [(replace(d, group=d.group and d.group + "2"), split) for d, split in added]
    alone, _ = split_documents(given_pairs)
    together, _ = split_documents(strangers + given_pairs)
    for split, members in alone.items():
        assert all(member in together[split] for member in members)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(given_pairs, generator):
    shuffled = list(given_pairs)
    generator.shuffle(shuffled)
    one, other = (
        {split: sorted(map(repr, members)) for split, members in split_documents(p)[0].items()}
        for p in (given_pairs, shuffled)
    )
    assert one == other


@given(pairs)
def test_an_official_split_is_kept_unless_the_group_is_held_out_elsewhere(given_pairs):
    splitter = Splitter()
    for document, official in given_pairs:
        if official is not None:
            splitter.observe(document, official)
    for document, official in given_pairs:
        placement = splitter.place(document, official)
        claims = [
            other
            for d, other in given_pairs
            if other is not None and (d.group == document.group != "" or d is document)
        ]
        if claims and (document.group or official):
            assert placement.split == min(claims, key=PRIORITY.index)
        else:
            assert placement.reason is Reason.HASH


def test_the_test_side_wins_and_is_counted():
    given_pairs = [
        (named("a", "g"), "train"),
        (named("b", "g"), "test"),
        (named("c", "g"), None),
        (named("d"), "train"),
    ]
    splits, report = split_documents(given_pairs)
    assert [d.id for d in splits["test"]] == ["a", "b", "c"]
    assert report.to_json() == {
        "documents": {"test": 3, "train": 1},
        "reasons": {"group": 2, "official": 2},
        "moved": {"train->test": 1},
        "conflicting_groups": 1,
    }


def test_an_unknown_official_split_is_refused():
    with pytest.raises(DataError, match="among test, dev, train, got 'valid'"):
        split_documents([(named("a"), "valid")])


def test_a_document_that_was_not_observed_is_refused():
    splitter = Splitter()
    splitter.observe(named("a", "g"), "train")
    with pytest.raises(DataError, match="never seen in the official split 'test'"):
        splitter.place(named("b", "g"), "test")


@pytest.mark.parametrize(
    "shares",
    [{}, {"valid": 1.0}, {"train": 0.9}, {"train": 1.1, "dev": -0.1}, {"train": float("nan")}],
)
def test_impossible_shares(shares):
    with pytest.raises(ConfigurationError, match="shares must"):
        SplitSettings(shares=shares)

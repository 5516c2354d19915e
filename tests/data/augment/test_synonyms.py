"""Synonyms: the table, and what it is used for."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from ossamma.data.augment.synonyms import english_synonyms, read_synonyms, substitute_synonyms
from ossamma.schema.errors import DataError, FormatError
from tests.data.augment.strategies import a_document, surfaces_of

TABLE = {"big": ("large", "huge"), "old": ("aged", "dated"), "seen": ("spotted",)}


def substituted(marked, seed=0, rate=1.0, table=TABLE):
    return substitute_synonyms(a_document(marked), Random(seed), table, rate=rate)


def test_words_of_the_table_give_way_and_keep_their_case():
    texts = {substituted("Big news , BIG and big , bIg", seed).text for seed in range(40)}
    assert {text.split()[0] for text in texts} == {"Large", "Huge"}
    assert {text.split()[3] for text in texts} == {"LARGE", "HUGE"}
    assert {text.split()[-1] for text in texts} == {"bIg"}


def test_mentions_stay():
    changed = substituted("a [Big Ben|LOC] seen by [big|PER]")
    assert surfaces_of(changed) == ["Big Ben", "big"]
    assert changed.text == "a Big Ben spotted by big"


@pytest.mark.parametrize("seed", range(5))
def test_an_article_still_fits(seed):
    assert substituted("an old one", seed).text == "an aged one"
    assert substituted("the old one", 1).text in ("the aged one", "the dated one")
    only = {"old": ("dated",)}
    assert substituted("An old one", seed, table=only).text == "An old one"


def test_the_rate_is_a_share_of_the_words_that_the_table_knows():
    text = substituted("seen it " * 1000, rate=0.25).text
    assert Counter(text.split()) == {"seen": 750, "spotted": 250, "it": 1000}


def test_a_table_is_read_from_a_file(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("# mine\n\nBig\tLarge\t huge\nwell-known\tfamous\r\n", encoding="utf-8")
    assert read_synonyms(path) == {"big": ("large", "huge"), "well-known": ("famous",)}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("big\tlarge\nold\n", r"t\.tsv:2: expected a word and.*got only 'old'"),
        ("big large\n", r"t\.tsv:1: .*got only 'big large'"),
        ("big\tlarge\tBig\n", r"t\.tsv:1: .*a word twice on the line of 'big'"),
        ("big\tvery large\n", r"t\.tsv:1: .*'very large', which is not one word"),
        ("big\t\n", r"t\.tsv:1: .*'', which is not one word"),
        ("big\tlarge\n\nBIG\thuge\n", r"t\.tsv:3: .*'big', which an earlier line has"),
        ("big\tlarge\nold\t\xff".encode("latin-1"), r"t\.tsv:2: expected UTF-8"),
    ],
)
def test_a_faulty_table_is_refused_with_its_line(tmp_path, content, complaint):
    path = tmp_path / "t.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FormatError, match=complaint):
        read_synonyms(path)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_synonyms(tmp_path / "t.tsv")


ENDINGS = ("ing", "ed", "es", "ly", "one", "body")


def test_the_built_in_table_keeps_the_inflection():
    """A word in -ing stands for words in -ing only; for other endings most cases are regular."""
    table = english_synonyms()
    assert len(table) > 150
    for word, synonyms in table.items():
        if word.endswith("ing"):
            assert all(synonym.endswith("ing") for synonym in synonyms), word
        if word.endswith("ly"):
            assert not any(synonym.endswith(("ing", "ed")) for synonym in synonyms), word
    thirds = {w for w in table if w.endswith("s") and w.removesuffix("s") in table}
    verbs = {w for w in thirds if f"{w.removesuffix('s')}ed" in table or w.endswith("ires")}
    assert len(verbs) > 8
    assert all(synonym.endswith("s") for w in verbs for synonym in table[w])


def test_the_built_in_table_is_sound():
    table = english_synonyms()
    for word, synonyms in table.items():
        assert word.islower()
        assert all(synonym.islower() and synonym.isalpha() for synonym in synonyms)
        assert word not in synonyms

"""Gold files are read into one list of documents, and what is doubtful of them is said."""

from __future__ import annotations

import hashlib

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.gold import read_gold
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.profile import load_profile
from tests import tiny


@pytest.fixture
def files(tmp_path):
    return [
        tiny.write_conll(tmp_path / f"{name}.conll", tiny.documents(4, seed, name))
        for seed, name in enumerate(("one", "other"))
    ]


def test_several_files_are_one_gold_set(files):
    gold = read_gold(files, None)
    facts = gold.facts()
    assert len(gold.documents) == facts["documents"] == 8
    assert facts["datasets"] == {"one.conll": 4, "other.conll": 4}
    assert [file["documents"] for file in facts["files"]] == [4, 4]
    assert facts["notes"] == []


def test_the_hash_is_the_files_or_of_all_in_their_order(files):
    one, other = files
    assert read_gold([one], None).sha256 == hashlib.sha256(one.read_bytes()).hexdigest()
    together = read_gold([one, other], None).sha256
    assert together not in {read_gold([one], None).sha256, read_gold([other, one], None).sha256}


def test_each_file_has_its_own_label_map(tmp_path, files):
    names = {"PERSON": "person", "PLACE": "location"}
    foreign = tiny.write_conll(tmp_path / "wnut.conll", tiny.documents(4, 3, "w"), names)
    gold = read_gold([files[0], foreign], load_profile("rag9"))
    assert [file.table for file in gold.files] == [None, "wnut17"]
    labels = {a.label for d in gold.documents for a in d.annotations}
    assert labels == {"PERSON", "PLACE"}


def test_a_file_that_is_given_twice_is_noted(files):
    gold = read_gold([files[0], files[0]], None)
    assert any("4 of 8 documents have the text" in note for note in gold.notes())


def test_what_the_reader_repaired_is_noted(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ada B-PER\nLovelace I-LOC\n")
    assert any("repaired" in note for note in read_gold([path], None).notes())


def test_a_corpus_that_has_a_name_keeps_it(tmp_path):
    document = tiny.documents(1, 0)[0]
    named = document.__class__(
        id="x", text=document.text, annotations=document.annotations, dataset="letters"
    )
    write_jsonl(tmp_path / "a.jsonl", [named, document])
    facts = read_gold([tmp_path / "a.jsonl"], None).facts()
    assert set(facts["datasets"]) <= {"letters", "a.jsonl"}
    assert sum(facts["datasets"].values()) == 2


def test_a_label_map_needs_a_profile(files):
    with pytest.raises(ConfigurationError, match="give --profile P"):
        read_gold(files, None, table="wnut17")

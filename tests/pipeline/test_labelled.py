"""Labelled files of every format go through one door."""

from __future__ import annotations

import hashlib
import json

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.labelled import format_of, read_corpus, sha256_of
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.tokenization.words import split_words
from tests import tiny

GOLD = tiny.documents(6, seed=8)


def spans_of(documents):
    return [[(a.start, a.end, a.labels) for a in d.annotations] for d in documents]


def test_formats_are_told_by_name_and_content(tmp_path):
    columns = tiny.write_conll(tmp_path / "a", GOLD)
    lines = tmp_path / "b"
    write_jsonl(lines, GOLD)
    assert (format_of(columns), format_of(lines)) == ("conll", "jsonl")
    assert format_of(tmp_path / "not there.spacy") == "docbin"
    assert spans_of(read_corpus(columns).documents) == spans_of(GOLD)
    assert spans_of(read_corpus(lines).documents) == spans_of(GOLD)


def test_a_docbin_reads_like_the_file_it_was_made_of(tmp_path):
    docbin = pytest.importorskip("ossamma.data.writers.docbin", reason="spaCy is an extra")
    docbin.write_docbin(tmp_path / "a.spacy", GOLD, docbin.DocBinOutput(split_words=split_words))
    assert spans_of(read_corpus(tmp_path / "a.spacy").documents) == spans_of(GOLD)


def test_a_named_format_is_read_as_such(tmp_path):
    record = {"text": "Ada met Alan", "label": [[0, 3, "PERSON"]]}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    (document,) = read_corpus(tmp_path / "a.jsonl", "doccano").documents
    assert spans_of([document]) == [[(0, 3, ("PERSON",))]]


def test_markers_need_types(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("<PERSON>Ada</PERSON> slept\n")
    with pytest.raises(ConfigurationError, match="expected a profile, whose types make the mark"):
        read_corpus(path, "inline_markers")
    (document,) = read_corpus(path, "inline_markers", types=["PERSON"]).documents
    assert spans_of([document]) == [[(0, 3, ("PERSON",))]]


def test_faults_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.conll: no such file"):
        read_corpus(tmp_path / "nowhere.conll")
    with pytest.raises(ConfigurationError, match="expected a format among bioc"):
        read_corpus(tmp_path / "a", "word")


def test_a_folder_has_a_hash_of_names_and_contents(tmp_path):
    folder = tmp_path / "folder"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a").write_bytes(b"1")
    (folder / "b").write_bytes(b"2")
    first = sha256_of(folder)
    assert sha256_of(folder / "b") == hashlib.sha256(b"2").hexdigest()
    (folder / "b").rename(folder / "c")
    renamed = sha256_of(folder)
    (folder / "c").write_bytes(b"3")
    assert len({first, renamed, sha256_of(folder)}) == 3

"""Formats by name: files, folders and options."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ossamma.data.catalog import Kind, load_catalog
from ossamma.data.pretraining.registry import TEXT_FORMATS, corpus_files, open_corpus
from ossamma.schema.errors import ConfigurationError, DataError


def test_every_card_of_a_text_has_a_format_and_options_of_it(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    for card in load_catalog().values():
        if card.kind is Kind.TEXT and card.format is not None:
            assert card.format in TEXT_FORMATS, card.name
            open_corpus(empty, card.format, card.options)  # refuses what it does not know


def test_a_folder_is_read_file_by_file(tmp_path):
    for name, text in (("b.txt", "B"), ("a/c.txt", "C\n\nD"), ("x.md", "no")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    stream = open_corpus(tmp_path, "text")
    assert [(d.id, d.text) for d in stream] == [("a/c-1", "C"), ("a/c-2", "D"), ("b-1", "B")]
    assert stream.report.documents == 3
    assert [file.name for file in corpus_files(tmp_path, "text")] == ["a/c", "b"]


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="did you mean parquet"):
        open_corpus(tmp_path, "parket")
    with pytest.raises(DataError, match="no such file"):
        open_corpus(tmp_path / "none", "text")
    with pytest.raises(DataError, match=r"\.xml"):
        open_corpus(tmp_path, "pubmed")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigurationError, match="did you mean max_lines"):
        open_corpus(tmp_path, "text", {"max_line": 2})


def test_lists_of_options_become_tuples(tmp_path):
    (tmp_path / "a.json").write_text(
        '{"id": "1", "title": "t", "abstract": "a", "categories": "cs.X"}'
    )
    options = {"categories": ["math"]}
    assert list(open_corpus(tmp_path, "arxiv", options)) == []


def test_text_needs_none_of_the_libraries_of_other_formats():
    program = (
        "import sys; from ossamma.data.pretraining.prepare import prepare; "
        "print(sorted({'torch', 'pyarrow', 'mwparserfromhell', 'defusedxml'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

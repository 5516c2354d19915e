"""Texts come in as they are, one document each, or are refused with file and place."""

from __future__ import annotations

import io
import os
import sys

import pytest

from ossamma.ingestion.unlabelled import documents_in, texts_in
from ossamma.schema.errors import DataError, FormatError
from tests import tiny


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def feed(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize(
    "text",
    ["", "Ada", "Ada\n", "a\r\nb\rc\n", "\ufeffAda", "\0", "👍🏽\u2028x", "  "],
    ids=ascii,
)
def test_a_file_is_one_document_character_by_character(tmp_path, text):
    path = write(tmp_path, "a.txt", text)
    [document] = texts_in([path])
    assert (document.id, document.text) == (str(path), text)
    assert document.words is None


def test_files_come_in_order(tmp_path):
    paths = [write(tmp_path, name, name) for name in ("b", "a", "c")]
    assert [document.text for document in texts_in(paths)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\nb", ["a", "", "b"]),
        ("a\r\nb\x0bc\u2028d", ["a\r", "b\x0bc\u2028d"]),
    ],
    ids=ascii,
)
def test_lines_are_those_of_wc(tmp_path, text, lines):
    path = write(tmp_path, "a.txt", text)
    documents = list(texts_in([path], by_line=True))
    assert [document.text for document in documents] == lines
    assert [d.id for d in documents] == [f"{path}:{number + 1}" for number in range(len(lines))]


def test_standard_input_without_files_and_for_a_dash(tmp_path, monkeypatch):
    feed(monkeypatch, b"Ada\n")
    [document] = texts_in([])
    assert (document.id, document.text) == ("stdin", "Ada\n")
    feed(monkeypatch, b"Bob")
    path = write(tmp_path, "a", "x")
    assert [d.id for d in texts_in([path, path.parent.__class__("-")])] == [str(path), "stdin"]


def test_a_missing_file_is_refused_before_any_is_read(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*nowhere: no such file"):
        texts_in([write(tmp_path, "a", "x"), tmp_path / "nowhere"])


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="it is a folder; give the files in it"):
        texts_in([tmp_path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path):
    path = write(tmp_path, "a", "x")
    path.chmod(0)
    with pytest.raises(DataError, match="no permission"):
        texts_in([path])


def test_a_pipe_is_read_once(tmp_path):
    """Like the shell's <(...): trying to open it first would lose its content."""
    reading, writing = os.pipe()
    os.write(writing, b"Ada")
    os.close(writing)
    [document] = texts_in([tmp_path.__class__(f"/dev/fd/{reading}")])
    os.close(reading)
    assert document.text == "Ada"


def test_what_is_not_utf8_is_refused_with_line_and_byte(tmp_path):
    path = write(tmp_path, "a.txt", b"one\ntwo \xff three")
    with pytest.raises(FormatError, match=r"a\.txt:2: expected UTF-8 text, got byte 0xff at .* 8;"):
        list(texts_in([path]))


def test_standard_input_that_is_not_utf8_is_refused_by_name(monkeypatch):
    feed(monkeypatch, b"\x80")
    with pytest.raises(FormatError, match=r"^stdin:1: expected UTF-8"):
        list(texts_in([]))


def test_documents_keep_their_words(tmp_path):
    made = tiny.documents(3, seed=0)
    path = tiny.write_conll(tmp_path / "a.conll", made)
    found = list(documents_in([path]))
    assert [document.text for document in found] == [document.text for document in made]
    assert all(document.words is not None for document in found)


def test_documents_need_a_file_that_is_there(tmp_path):
    with pytest.raises(DataError, match="needs at least one file"):
        documents_in([])
    with pytest.raises(DataError, match="no such file"):
        documents_in([tmp_path / "nowhere"])

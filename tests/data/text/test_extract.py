"""The one door: formats told apart, long files streamed, faults in the user's words."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.corpus import LeftOut
from ossamma.data.text.extract import (
    TextSettings,
    detect_text_format,
    extract_text,
    iter_text_documents,
)
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Provenance
from tests.data.text.files import make_docx, make_epub, make_pdf, make_zip


@pytest.fixture
def put(tmp_path):
    """Write a file and return its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content", "kind", "text"),
    [
        ("a.txt", "<b>x</b>\r\n", "plain", "<b>x</b>\r\n"),
        ("a", "just text", "plain", "just text"),
        ("a.csv", "x,y", "plain", "x,y"),
        ("a.md", "# x", "markdown", "x"),
        ("a.HTML", "<p>x", "html", "x"),
        ("page", " \n<!DOCTYPE html><p>x", "html", "x"),
        ("page.php", "<?xml version='1.0'?>\n<html><p>x</html>", "html", "x"),
        ("a.pdf", make_pdf([["x"]]), "pdf", "x"),
        ("download", make_pdf([["x"]]), "pdf", "x"),
        ("a.pdf", b"\n\n" + make_pdf([["x"]]), "pdf", "x"),
        ("a.docx", make_docx("x"), "docx", "x"),
        ("a.epub", make_epub({"a.xhtml": "x"}), "epub", "x"),
        ("a.zip", make_docx("x"), "docx", "x"),
    ],
)
def test_formats_are_told_apart(put, name, content, kind, text):
    path = put(name, content)
    assert detect_text_format(path) == kind
    extracted = extract_text(path)
    assert (extracted.format, extracted.text) == (kind, text)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save it as .docx"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        ("a.docx", b"hello", r"\(docx\)"),
        ("a.pdf", b"hello", r"\(pdf\)"),
        ("a.rtf", b"{\\rtf1 x}", "rich text"),
        ("a.txt.gz", gzip.compress(b"x", mtime=0), "gzip"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "OCR"),
        ("a.xlsx", make_zip({"xl/workbook.xml": "x"}), r"xl/workbook\.xml"),
        ("a.odt", make_zip({}), "with none"),
        ("a.docx", make_docx("x")[:500], "damaged"),
        ("a.bin", b"ab\0\1\2", "NUL"),
        ("a.txt", b"caf\xe9", "byte 0xe9"),
    ],
)
def test_what_cannot_be_read_says_why(put, name, content, message):
    path = put(name, content)
    with pytest.raises(FormatError, match=message) as caught:
        extract_text(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b" \n\n", b" " * 10_000 + b"\n"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.pdf", "a"])
def test_an_empty_file_is_refused(put, name, content):
    with pytest.raises((DataError, FormatError)):
        list(iter_text_documents(put(name, content)))


@pytest.mark.parametrize("name", ["absent.txt", "absent.pdf", ".", "bad\0name"])
def test_no_file(tmp_path, name):
    with pytest.raises(DataError):
        extract_text(f"{tmp_path}/{name}")
    with pytest.raises(DataError):
        list(iter_text_documents(f"{tmp_path}/{name}"))


def test_a_stated_format_is_believed(put):
    path = put("a.txt", "# x")
    assert extract_text(path, TextSettings(format="markdown")).text == "x"
    with pytest.raises(FormatError, match="whole PDF"):
        extract_text(path, TextSettings(format="pdf"))


def test_large_files_are_refused_but_streamed(put):
    path = put("a.txt", "word " * 100)
    settings = TextSettings(max_file_bytes=100, max_document_characters=50)
    with pytest.raises(DataError, match=r"at most 100 bytes, got 500.*stream"):
        extract_text(path, settings)
    assert len(list(iter_text_documents(path, settings))) == 10


@pytest.mark.parametrize(
    "settings",
    [{"format": "doc"}, {"max_pages": 0}, {"max_seconds": -1.0}, {"max_document_characters": 0}],
)
def test_settings_are_checked_at_birth(settings):
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        TextSettings(**settings)


def test_documents_of_a_text(put):
    path = put("notes.txt", "\nOne.\n\nTwo two.\nThree.\n")
    first, second = iter_text_documents(path, TextSettings(max_document_characters=16))
    assert (first.id, first.text, first.group) == ("notes-1", "One.", "notes")
    assert (second.id, second.text) == ("notes-2", "Two two.\nThree.")
    assert first.provenance == Provenance(str(path), 2)
    assert second.provenance == Provenance(str(path), 4)
    assert (first.annotations, first.annotates, first.words) == (None, None, None)


def test_documents_of_other_formats_and_another_name(put):
    path = put("book.epub", make_epub({"a.xhtml": "<p>one</p><p>two</p>"}))
    settings = TextSettings(max_document_characters=4)
    documents = list(iter_text_documents(path, settings, file_id="shelf/book"))
    assert [d.text for d in documents] == ["one", "two"]
    assert [d.id for d in documents] == ["shelf/book-1", "shelf/book-2"]
    assert {d.group for d in documents} == {"shelf/book"}
    assert documents[0].provenance == Provenance(str(path))


@given(text=st.text(alphabet="ab \n\r\té", min_size=1, max_size=200), limit=st.integers(1, 50))
def test_streaming_keeps_every_visible_character(tmp_path_factory, text, limit):
    path = tmp_path_factory.mktemp("stream") / "x.txt"
    text += "."
    path.write_bytes(text.encode())
    settings = TextSettings(max_document_characters=limit)
    documents = list(iter_text_documents(path, settings))
    position = 0
    for document in documents:
        start = text.index(document.text, position)
        assert text[position:start].strip() == ""
        position = start + len(document.text)
        assert len(document.text) <= limit
        assert document.provenance.line == text.count("\n", 0, start) + 1
    assert text[position:].strip() == ""
    assert extract_text(path).text == text


def test_a_huge_line_is_streamed_in_little_memory(put):
    path = put("line.txt", b"word " * 1_000_000)
    tracemalloc.start()
    try:
        total = sum(len(document.text) for document in iter_text_documents(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 5_000_000
    assert peak < 2_000_000


@given(
    paragraphs=st.lists(st.text(st.sampled_from("ab\0"), min_size=1, max_size=8), min_size=1),
    limit=st.integers(8, 20),
)
def test_a_nul_in_plain_text_costs_its_document_and_no_other(tmp_path_factory, paragraphs, limit):
    path = tmp_path_factory.getbasetemp() / "nul.txt"
    head = "a first piece alone"  # with anything behind it, it is longer than any limit
    path.write_text("\n\n".join([head, *paragraphs]), encoding="utf-8")
    settings = TextSettings(max_document_characters=limit)
    left_out = LeftOut()
    found = list(iter_text_documents(path, settings, left_out=left_out))
    # The same text with a letter for the NUL is cut at the same places.
    path.write_text(path.read_text(encoding="utf-8").replace("\0", "0"), encoding="utf-8")
    whole = list(iter_text_documents(path, settings))
    lines = path.read_text(encoding="utf-8").split("\n")
    assert found == [document for document in whole if "0" not in document.text]
    assert len(found) + len(left_out.in_order()) == len(whole)
    assert all("0" in lines[item.line - 1] for item in left_out.in_order())


def test_without_a_list_the_first_nul_ends_the_reading(put):
    path = put("a.txt", "one two\n\nthr\0e\n")
    documents = iter_text_documents(path, TextSettings(max_document_characters=8))
    assert next(documents).text == "one two"
    with pytest.raises(FormatError, match=r"a\.txt:3: expected text, got a NUL"):
        next(documents)


def test_a_text_of_which_nothing_is_left_is_refused(put):
    left_out = LeftOut()
    with pytest.raises(DataError, match="no NUL in it"):
        list(iter_text_documents(put("a.txt", "\0"), left_out=left_out))
    assert [item.line for item in left_out.in_order()] == [1]

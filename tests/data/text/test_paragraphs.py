"""Text files of many documents: nothing is lost but what is listed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.text.paragraphs import ParagraphStream
from ossamma.schema.errors import DataError, FormatError

characters = st.characters(codec="utf-8", exclude_characters="\n\r\0")
lines = st.text(characters, min_size=1, max_size=8)
paragraphs = st.lists(lines.filter(str.strip), min_size=1, max_size=3)
broken_lines = st.text(characters | st.just("\0"), min_size=1, max_size=8)
broken = st.lists(broken_lines.filter(str.strip), min_size=1, max_size=3)


def write(folder, texts, gap):
    path = folder.getbasetemp() / "many.txt"
    path.write_bytes(("\n" * (gap + 1)).join("\n".join(text) for text in texts).encode())
    return path


@settings(max_examples=50)
@given(texts=st.lists(paragraphs, min_size=1, max_size=5), gap=st.integers(1, 3))
def test_documents_come_back_with_their_lines(tmp_path_factory, texts, gap):
    path = write(tmp_path_factory, texts, gap)
    stream = ParagraphStream(path)
    found = list(stream)
    expected = ["\n".join(text) for text in texts]
    expected[0] = expected[0].removeprefix("\ufeff")  # a byte-order mark is no text
    assert [document.text for document in found] == expected
    assert [document.id for document in found] == [f"many-{n + 1}" for n in range(len(texts))]
    assert (stream.report.documents, stream.report.skipped) == (len(texts), ())
    content = path.read_bytes().decode().split("\n")
    for document in found:
        first = content[document.provenance.line - 1].removeprefix("\ufeff")
        assert first == document.text.split("\n")[0]


@settings(max_examples=50)
@given(texts=st.lists(broken, min_size=1, max_size=6), gap=st.integers(1, 3))
def test_a_nul_costs_its_document_and_no_other(tmp_path_factory, texts, gap):
    path = write(tmp_path_factory, [["good"], *texts], gap)
    stream = ParagraphStream(path)
    found = {document.id: document.text for document in stream}
    whole = {f"many-{n}": "\n".join(text) for n, text in enumerate([["good"], *texts], start=1)}
    assert found == {name: text for name, text in whole.items() if "\0" not in text}
    report = stream.report
    assert report.documents + len(report.skipped) == len(whole)
    lost = {}
    content = path.read_bytes().decode().split("\n")
    for remark in report.skipped:
        place = re.match(r"document (\d+) \(from line (\d+)\)", remark.text)
        number, first = map(int, place.groups())
        lost[f"many-{number}"] = "\n".join(content[first - 1 :]).split("\n\n")[0].strip("\n")
        assert "\0" in content[remark.line - 1]
        assert "\0" not in "".join(content[first - 1 : remark.line - 1])
    assert found | lost == whole


def test_a_file_of_which_nothing_is_left_says_why(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("one\ntwo\n\nthree\n".encode("utf-16-le"))
    with pytest.raises(DataError, match=r"a\.txt: every document was left out; line 1: .*NUL"):
        list(ParagraphStream(path))


def test_the_report_counts_what_was_read_so_far(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\n\0\n\nthree\n\n\0\n")
    stream = ParagraphStream(path)
    counts = [(stream.report.documents, len(stream.report.skipped)) for _ in stream]
    assert counts == [(1, 0), (2, 1)]
    assert (stream.report.documents, len(stream.report.skipped)) == (2, 2)


def test_documents_are_read_one_by_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\n\xff\n")
    documents = ParagraphStream(path)
    assert next(documents).text == "one"
    with pytest.raises(FormatError, match=r"a.txt:3: expected UTF-8"):
        next(documents)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        next(ParagraphStream(tmp_path / "none.txt"))

"""XML records: one at a time, bounded, and without entities."""

from __future__ import annotations

import bz2

import pytest

from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits
from ossamma.data.pretraining.xml_records import children, inner_text, local_name, xml_records
from ossamma.schema.errors import DataError, FormatError


def records(path, **limits):
    return xml_records(CorpusFile(path, "x", CorpusLimits(**limits)), "page")


def write(tmp_path, content):
    path = tmp_path / "a.xml"
    path.write_text(content)
    return path


def test_each_record_is_whole_and_then_gone(tmp_path):
    pages = "".join(f"<page><id>{n}</id><b>x<i>y</i> z</b><b/></page>" for n in range(2000))
    path = write(tmp_path, f'<w xmlns="urn:x"><info><page2/></info>{pages}</w>')
    previous = None
    for number, page in enumerate(records(path)):
        assert local_name(page) == "page"
        assert inner_text(children(page)["id"]) == str(number)
        assert inner_text(children(page)["b"]) == "xy z"
        assert previous is None or len(previous) == 1  # the root holds the record at hand alone
        previous = [page]
    assert number == 1999


def test_many_packed_streams_are_one_file(tmp_path):
    path = tmp_path / "a.xml.bz2"
    parts = [b"<w>", b"<page>1</page>" * 30, b"<page>2</page></w>"]
    path.write_bytes(b"".join(map(bz2.compress, parts)))
    assert len(list(records(path))) == 31


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE w [<!ENTITY % p SYSTEM "http://localhost/x"> %p;]>',
    ],
)
def test_entities_are_refused(tmp_path, doctype):
    path = write(tmp_path, f"<?xml version='1.0'?>{doctype}<w><page>&b;</page></w>")
    with pytest.raises(FormatError, match="without declarations of entities"):
        list(records(path))


def test_a_document_type_may_be_named_and_is_not_fetched(tmp_path):
    path = write(tmp_path, '<!DOCTYPE w SYSTEM "http://localhost:1/w.dtd"><w><page>a</page></w>')
    assert [inner_text(page) for page in records(path)] == ["a"]


@pytest.mark.parametrize(
    ("content", "line"),
    [("<w>\n<page>a</page>\n<page>", 3), ("<w>\n<page>a</w>", 2), ("no xml", 1), ("", 1)],
)
def test_broken_xml_has_a_line(tmp_path, content, line):
    with pytest.raises(FormatError, match=rf"a\.xml:{line}: expected XML"):
        list(records(write(tmp_path, content)))


@pytest.mark.parametrize(
    "content",
    [
        f"<w><page>{'x' * 200_000}</page></w>",
        f"<w>{'<a>' * 70_000}",
        f"<w><page/>{'<other/>' * 30_000}</w>",
        f"<w a='{'x' * 200_000}'><page/></w>",
    ],
)
def test_a_record_without_end_is_refused(tmp_path, content):
    with pytest.raises(FormatError, match="at least every 100000 bytes"):
        list(records(write(tmp_path, content), max_line_bytes=100_000))


def test_a_packed_file_that_is_cut_off_is_named(tmp_path):
    path = tmp_path / "a.xml.bz2"
    path.write_bytes(bz2.compress(b"<w>" + b"<page>abc</page>" * 99 + b"</w>")[:-20])
    with pytest.raises(DataError, match=r"a\.xml\.bz2"):
        list(records(path))

"""Plain text: no character is lost, memory is bounded, every wrong byte is named."""

from __future__ import annotations

import codecs
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.text.plain import (
    decode_text,
    find_encoding,
    find_nul,
    iter_decoded,
    split_text,
)
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

SPACY = st.text(alphabet="ab é\U0001f600 \t\r\n\n\x0b\x85\xa0", max_size=80)


def chunked(text, size):
    return [text[i : i + size] for i in range(0, len(text), size)]


@given(SPACY, st.integers(1, 30), st.integers(1, 40))
def test_the_pieces_make_the_whole(text, limit, chunk):
    pieces = list(split_text(chunked(text, chunk), max_characters=limit))
    assert "".join(piece.before + piece.text for piece in pieces) == text
    assert all(len(piece.text) <= limit for piece in pieces)
    assert all(not piece.before or piece.before.isspace() for piece in pieces)
    position = 0
    for piece in pieces:
        position += len(piece.before)
        assert piece.line == text.count("\n", 0, position) + 1
        position += len(piece.text)


WORDS = st.lists(st.sampled_from(["a", "bcd", "e\n"]), min_size=1, max_size=4)


@given(st.lists(WORDS.map(" ".join).map(str.strip), min_size=1, max_size=8))
def test_paragraphs_that_fit_are_never_cut(paragraphs):
    text = "\n\n".join(paragraphs)
    limit = max(map(len, paragraphs)) + 1
    pieces = [piece.text for piece in split_text([text], max_characters=limit)]
    assert "\n\n".join(pieces) == text
    assert [p for piece in pieces for p in piece.split("\n\n")] == paragraphs


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree", [("", "one two"), ("\n\n", "three")]),
        ("one\ntwo six\nten", [("", "one\ntwo six"), ("\n", "ten")]),
        ("one two three", [("", "one two "), ("", "three")]),
        ("abcdefghijklm", [("", "abcdefghijkl"), ("", "m")]),
        ("\n\n  one\n", [("\n\n", "  one"), ("\n", "")]),
        ("one\r\n\r\ntwo six ten", [("", "one"), ("\r\n\r\n", "two six ten")]),
        ("a\n\n\n \n\nb c d e f g h", [("", "a"), ("\n\n\n \n\n", "b c d e f g "), ("", "h")]),
        ("", []),
    ],
)
def test_where_a_text_is_cut(text, pieces):
    found = [(p.before, p.text) for p in split_text([text], max_characters=12)]
    assert found == pieces


def test_a_carriage_return_stays_with_its_line_end():
    pieces = [p.text for p in split_text(["a" * 9 + "\r\nb"], max_characters=10)]
    assert not any(p.endswith("\r") for p in pieces)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")),
    st.sampled_from(
        [
            ("utf-8", b"", None),
            ("utf-8", codecs.BOM_UTF8, None),
            ("utf-16-le", codecs.BOM_UTF16_LE, None),
            ("utf-16-be", codecs.BOM_UTF16_BE, None),
            ("utf-32-le", codecs.BOM_UTF32_LE, None),
            ("utf-32-be", codecs.BOM_UTF32_BE, None),
            ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
            ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
            ("utf-16-be", b"", "utf-16-be"),
            ("utf-8", b"", "UTF8"),
        ]
    ),
)
def test_text_comes_back_from_each_encoding(text, case):
    encoding, mark, stated = case
    assert decode_text(mark + text.encode(encoding), source="x", encoding=stated) == text


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "gb18030", "koi8-r"])
def test_a_stated_encoding_is_used(encoding):
    text = {"cp1252": "café €", "shift_jis": "日本", "gb18030": "中文", "koi8-r": "мир"}[encoding]
    assert decode_text(text.encode(encoding), source="x", encoding=encoding) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")))
def test_reading_in_chunks_is_reading_at_once(tmp_path_factory, text):
    # A file is read in chunks of 65,536 bytes: the filler moves the text over the border.
    raw = b"a" * (2**16 - 5) + text.encode()
    path = tmp_path_factory.mktemp("chunks", numbered=True) / "x.txt"
    path.write_bytes(raw)
    assert "".join(iter_decoded(path)) == decode_text(raw, source="x")


@pytest.mark.parametrize(
    ("raw", "stated", "line", "got"),
    [
        (b"fine\ncaf\xe9 noir", None, 2, "byte 0xe9 at byte 9 of the file"),
        (b"caf\xc3", None, 1, "byte 0xc3 at byte 4"),
        (b"a\nb\0c", None, 2, "NUL"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0\0\xd8x\0", None, 2, "byte 0x00 at byte 7"),
        (codecs.BOM_UTF16_LE + b"a\0b", None, 1, "byte 0x62 at byte 5"),
        (codecs.BOM_UTF16_LE + b"a\0", "cp1252", 1, "byte-order mark of utf-16-le"),
        (codecs.BOM_UTF8 + b"a", "cp1252", 1, "byte-order mark of utf-8"),
        (b"a\0b\0", "utf-16", 1, "without a mark"),
        (b"x\n\x81", "cp1252", 2, "byte 0x81 at byte 3"),
        (b"x\n\x80\n", "ascii", 2, "byte 0x80 at byte 3"),
    ],
)
def test_wrong_bytes_are_named(raw, stated, line, got):
    with pytest.raises(FormatError, match=got) as caught:
        decode_text(raw, source="notes.txt", encoding=stated)
    assert (caught.value.source, caught.value.line) == ("notes.txt", line)


@given(text=st.text(st.sampled_from("ab\n\0")), first_line=st.integers(1, 5))
def test_the_first_nul_is_found_by_its_line(text, first_line):
    expected = [n for n, line in enumerate(text.split("\n"), start=first_line) if "\0" in line]
    fault = find_nul(text, first_line)
    assert (fault and fault.line) == (expected[0] if expected else None)


def test_wrong_bytes_far_down_are_named(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"line\n" * 50_000 + b"\xff\n")
    with pytest.raises(FormatError, match="byte 250001 of the file") as caught:
        list(iter_decoded(path))
    assert caught.value.line == 50_001


@pytest.mark.parametrize("name", ["no-such", "zlib", "rot13", "", "utf-8\0"])
def test_an_encoding_that_does_not_exist(name):
    with pytest.raises(ConfigurationError, match="encoding"):
        find_encoding(b"", name, source="x")


@pytest.mark.parametrize("name", ["absent.txt", "."])
def test_no_file(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        list(iter_decoded(tmp_path / name))


@pytest.mark.parametrize("filler", [b"word word\n", b"\n", b"x", b"  \n \t\n", b"\\ \r\n"])
def test_a_long_file_is_never_held_in_memory(tmp_path, filler):
    path = tmp_path / "long.txt"
    size = 6_000_000
    path.write_bytes(filler * (size // len(filler)))
    tracemalloc.start()
    try:
        total = sum(
            len(piece.before) + len(piece.text)
            for piece in split_text(iter_decoded(path), max_characters=100_000)
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == path.stat().st_size
    assert peak < 2_000_000

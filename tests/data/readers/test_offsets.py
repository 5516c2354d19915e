"""Offsets in units of UTF-16 and in code points."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.offsets import Offsets, in_characters, is_ambiguous
from ossamma.data.readers.standoff import Mark


@given(text=st.text(st.sampled_from("aé\U0001f600\U00010000"), max_size=8), data=st.data())
def test_utf16_offsets_are_those_of_the_encoding(text, data):
    encoded = text.encode("utf-16-le")
    offset = data.draw(st.integers(0, len(encoded) // 2))
    try:
        expected = len(encoded[: 2 * offset].decode("utf-16-le"))
    except UnicodeDecodeError:
        expected = -1
    assert Offsets(text, "utf16").character(offset) == expected
    assert Offsets(text, "code_points").character(offset) == offset
    assert is_ambiguous(text, [Mark(0, offset, ("A",), 1)]) == (expected != offset)


def test_marks_are_converted_at_both_ends():
    mark = Mark(3, 6, ("A",), 7, "Ada")
    assert in_characters("\U0001f600 Ada", [mark], "utf16") == [mark._replace(start=2, end=5)]
    assert in_characters("\U0001f600 Ada", [mark], "code_points") == [mark]

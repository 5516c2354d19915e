"""Texts made of words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.readers.words import join_words

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).filter(
    lambda word: bool(word.strip()) and "\n" not in word
)
sentences = st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=4)


@given(drawn=sentences)
def test_words_are_where_they_are_said_to_be(drawn):
    text, places, starts = join_words(drawn)
    flat = [word for sentence in drawn for word in sentence]
    assert [text[place.start : place.end] for place in places] == flat
    assert len(starts) == len(drawn)
    assert [len(s) for s in drawn] == [
        b - a for a, b in zip(starts, [*starts[1:], len(flat)], strict=True)
    ]
    assert text == "\n".join(" ".join(sentence) for sentence in drawn)

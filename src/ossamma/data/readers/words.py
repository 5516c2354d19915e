"""Sentences of words to a text, for sources that come as words.

The words of a sentence are joined by one space, and the sentences by a line feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ossamma.schema.spans import Span


class WordText(NamedTuple):
    """A text made of words: their ranges, and which of them begin a sentence."""

    text: str
    words: tuple[Span, ...]
    sentence_starts: tuple[int, ...]


def join_words(sentences: Sequence[Sequence[str]]) -> WordText:
    """Join words by one space and sentences by a line feed.

    Args:
        sentences: the words of each sentence; none is empty.
    """
    words: list[Span] = []
    starts: list[int] = []
    position = 0
    for sentence in sentences:
        starts.append(len(words))
        for word in sentence:
            words.append(Span(position, position + len(word)))
            position += len(word) + 1  # the space, or the line feed behind the last word
    text = "\n".join([" ".join(sentence) for sentence in sentences])
    return WordText(text, tuple(words), tuple(starts))

"""Lengths and distances within a document, in words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property

from ossamma.schema.spans import Document
from ossamma.tokenization.words import split_words


class Ruler:
    """Measures spans of characters in the document's own words, or those that it would split into.

    A border inside of a word is that word's border.
    """

    def __init__(self, document: Document) -> None:
        """Measure a document; its words are looked at when they are first needed."""
        self._document = document

    @cached_property
    def _words(self) -> tuple[list[int], list[int]]:
        """Starts and ends of the words."""
        given = self._document.words
        words = split_words(self._document.text) if given is None else given
        return [word.start for word in words], [word.end for word in words]

    @property
    def num_words(self) -> int:
        """Words of the document."""
        return len(self._words[0])

    def first(self, start: int) -> int:
        """Index of the first word of a span that starts at this character."""
        return bisect_right(self._words[1], start)

    def after(self, end: int) -> int:
        """Index of the first word behind a span that ends before this character."""
        return bisect_left(self._words[0], end)

    def length(self, start: int, end: int) -> int:
        """Number of words that a span touches."""
        return self.after(end) - self.first(start)

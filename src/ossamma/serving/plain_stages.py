"""Any Recogniser as the stages that the batcher wants: all the work is in the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ossamma.schema.spans import Entity, Recogniser, Span
from ossamma.tokenization.words import split_words

_CHARACTERS_PER_PIECE = 4


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text and its words."""

    text: str
    words: tuple[Span, ...]


class PlainStages:
    """The stages of a recogniser that has none; its time is all told as decoding."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser

    def lay_out(self, text: str) -> PlainText:
        """Split a text into words."""
        return PlainText(text, tuple(split_words(text)))

    def lengths(self, laid: PlainText) -> Sequence[int]:
        """Return one window, of about as many pieces as the text has; none without words."""
        return [1 + len(laid.text) // _CHARACTERS_PER_PIECE] if laid.words else []

    def words(self, laid: PlainText) -> Sequence[Span]:
        """Return the words of a text."""
        return laid.words

    def encode(self, windows: Sequence[tuple[PlainText, int]]) -> None:
        """Do nothing: the recogniser reads whole texts."""

    def decode(self, laid: Sequence[PlainText]) -> list[list[Entity]]:
        """Return the entities of the texts."""
        return self.recogniser.recognise([each.text for each in laid])

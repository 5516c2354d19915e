"""The stages of recognition, as the batcher sees them: lay out, encode windows, decode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ossamma.inference.recogniser import LaidText, OssammaRecogniser
from ossamma.schema.spans import Document, Entity, Span

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in one text: its words and its entities, both sorted."""

    words: Sequence[Span]
    entities: Sequence[Entity]


class Stages(Protocol[L]):
    """Recognition in three stages; L is a text laid out.

    Each may be called from any one thread at a time, different stages from different threads.
    """

    def lay_out(self, text: str) -> L:
        """Split a text into words and windows."""
        ...

    def lengths(self, laid: L) -> Sequence[int]:
        """Return the number of pieces of each window; none for a text without words."""
        ...

    def words(self, laid: L) -> Sequence[Span]:
        """Return the words of a text."""
        ...

    def encode(self, windows: Sequence[tuple[L, int]]) -> None:
        """Read windows (text, number); encoding one twice does no harm."""
        ...

    def decode(self, laid: Sequence[L]) -> list[list[Entity]]:
        """Return the entities of texts whose windows are all encoded."""
        ...


class RecogniserStages:
    """The stages of our own recogniser."""

    def __init__(self, recogniser: OssammaRecogniser) -> None:
        self.recogniser = recogniser

    def lay_out(self, text: str) -> LaidText:
        """Split a text into words and windows."""
        return self.recogniser.lay_out(Document(id="", text=text))

    def lengths(self, laid: LaidText) -> Sequence[int]:
        """Return the number of pieces of each window."""
        return laid.lengths

    def words(self, laid: LaidText) -> Sequence[Span]:
        """Return the words of a text."""
        return laid.text.words

    def encode(self, windows: Sequence[tuple[LaidText, int]]) -> None:
        """Read windows."""
        self.recogniser.encode(windows)

    def decode(self, laid: Sequence[LaidText]) -> list[list[Entity]]:
        """Return the entities of texts whose windows are all encoded."""
        return self.recogniser.decode(laid)

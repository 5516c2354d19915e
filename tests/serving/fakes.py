"""A recogniser for tests: windows of four words, entities are the capitalised ones."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from ossamma.schema.spans import Entity, Span
from ossamma.serving.stages import Answer

WINDOW = 4


@dataclass(eq=False)
class Laid:
    text: str
    spans: list[Span]
    encoded: set[int] = field(default_factory=set)

    @property
    def lengths(self) -> list[int]:
        return [min(WINDOW, len(self.spans) - n) for n in range(0, len(self.spans), WINDOW)]


class FakeStages:
    """Stages that take orders: a gate holds the model, texts with BOOM make it fail."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.rounds: list[list[tuple[str, int]]] = []
        self.decoded: list[str] = []

    def lay_out(self, text: str) -> Laid:
        if "UNREADABLE" in text:
            raise ValueError("cannot be laid out")
        return Laid(text, [Span(*match.span()) for match in re.finditer(r"\S+", text)])

    def lengths(self, laid: Laid) -> Sequence[int]:
        return laid.lengths

    def words(self, laid: Laid) -> Sequence[Span]:
        return laid.spans

    def encode(self, windows: Sequence[tuple[Laid, int]]) -> None:
        self.began.set()
        self.gate.wait(timeout=30)
        self.rounds.append([(laid.text, window) for laid, window in windows])
        for laid, window in windows:
            if "BOOM" in laid.text:
                raise RuntimeError("the model fails at this text")
            laid.encoded.add(window)

    def decode(self, laid: Sequence[Laid]) -> list[list[Entity]]:
        if any("BANG" in each.text for each in laid):
            raise RuntimeError("the decoder fails at this text")
        return [self._decode(each) for each in laid]

    def _decode(self, laid: Laid) -> list[Entity]:
        assert laid.encoded == set(range(len(laid.lengths))), "every window is encoded before"
        self.decoded.append(laid.text)
        return [
            Entity(span.start, span.end, "NAME", laid.text[span.start : span.end], 0.5)
            for span in laid.spans
            if laid.text[span.start].isupper()
        ]


def answer_to(text: str) -> Answer:
    """What a text is answered, all by itself."""
    stages = FakeStages()
    laid = stages.lay_out(text)
    stages.encode([(laid, number) for number in range(len(laid.lengths))])
    [entities] = stages.decode([laid])
    return Answer(laid.spans, entities)

"""What the batcher tells of its work, for whoever measures it."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What a request spends its time in."""

    QUEUE = "queue"
    LAYOUT = "layout"
    MODEL = "model"
    DECODE = "decode"


class Observer:
    """Hears everything and does nothing; subclasses measure. Called in the event loop."""

    def worked(self, stage: Stage, seconds: float) -> None:
        """A stage took this long, for one request (queue) or for all that shared it."""

    def passed(self, windows: int, pieces: int, padded: int) -> None:
        """The model read this many windows at once, with and without padding."""

"""Whose turn it is: requests stand in line, and each gets one window a turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ossamma.serving.stages import Answer

L = TypeVar("L")


@dataclass(slots=True, eq=False)
class Request(Generic[L]):
    """A request between acceptance and answer."""

    texts: Sequence[str]
    done: asyncio.Future[list[Answer]]
    since: float
    """When it was accepted, by `time.perf_counter`."""
    laid: list[L] = field(default_factory=list)
    """Those of its texts that are laid out."""
    lengths: list[Sequence[int]] = field(default_factory=list)
    """Pieces of each window of each of them."""
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """(text, window) that nobody has taken yet."""
    missing: list[int] = field(default_factory=list)
    """How many windows of each text were not taken yet."""
    answers: dict[int, Answer] = field(default_factory=dict)
    is_first: bool = True
    """None of its windows was read yet."""

    @property
    def characters(self) -> int:
        """Characters of all texts."""
        return sum(map(len, self.texts))

    def add(self, laid: L, lengths: Sequence[int]) -> int:
        """Let the windows of the next text wait, and return its number."""
        number = len(self.laid)
        self.laid.append(laid)
        self.lengths.append(lengths)
        self.missing.append(len(lengths))
        self.waiting.extend((number, window) for window in range(len(lengths)))
        return number


@dataclass(frozen=True, slots=True)
class Turn(Generic[L]):
    """A window that is taken."""

    request: Request[L]
    text: int
    window: int
    length: int
    completes: bool
    """It is the last of its text."""


class Line(Generic[L]):
    """Requests that have windows waiting, the next one first."""

    def __init__(self) -> None:
        self._ring: deque[Request[L]] = deque()
        self._standing: set[Request[L]] = set()

    def __len__(self) -> int:
        return len(self._ring)

    def join(self, request: Request[L]) -> None:
        """Stand at the end, unless it stands in line already or has nothing waiting."""
        if request.waiting and request not in self._standing:
            self._standing.add(request)
            self._ring.append(request)

    def remove(self, request: Request[L]) -> None:
        """Forget a request and its windows."""
        request.waiting.clear()
        if request in self._standing:
            self._standing.remove(request)
            self._ring.remove(request)

    def take(self, budget: float) -> list[Turn[L]]:
        """Take windows of at most `budget` pieces in all, but at least one if there is any.

        One of each request, then those that have more stand at the end again.
        """
        turns: list[Turn[L]] = []
        pieces = 0
        while self._ring:
            request = self._ring[0]
            text, window = request.waiting[0]
            length = request.lengths[text][window]
            if turns and pieces + length > budget:
                break
            self._ring.popleft()
            self._standing.remove(request)
            request.waiting.popleft()
            self.join(request)
            pieces += length
            request.missing[text] -= 1
            turns.append(Turn(request, text, window, length, request.missing[text] == 0))
        return turns

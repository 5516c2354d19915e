"""Deliveries between the broker and the work: a bounded number, each once, in small batches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable

from ossamma.ingestion.streaming.broker import Delivery

_REMEMBERED = 10_000
"""So many acknowledged positions are known, for copies of them that are on their way to us."""


class Inbox:
    """Holds what was taken until it is settled. Full, it lets the broker wait."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Delivery] = deque()
        self._open: set[str] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._is_closed = False

    @property
    def in_flight(self) -> int:
        """How many were taken and are not settled."""
        return len(self._open)

    @property
    def is_done(self) -> bool:
        """Whether it is closed and empty."""
        return self._is_closed and not self._waiting

    async def put(self, delivery: Delivery) -> None:
        """Take a delivery when there is room.

        One that is being worked on already, which the broker gave up on, is left to that work; one
        that comes after the end is left to the broker.
        """
        while len(self._open) >= self._capacity and not self._is_closed:
            self._settled.clear()
            await self._settled.wait()
        if self._is_closed or delivery.position in self._open or self.is_known(delivery):
            return
        self._open.add(delivery.position)
        self._waiting.append(delivery)
        self._arrived.set()

    async def collect(self, most: int, seconds: float, *, patience: float) -> list[Delivery]:
        """Return up to `most` deliveries: those that come within `seconds` of the first.

        Nothing comes within `patience` seconds, or the inbox is closed and empty: an empty list.
        """
        loop = asyncio.get_running_loop()
        found: list[Delivery] = []
        end = loop.time() + patience
        while len(found) < most and await self._has_any(end - loop.time()):
            if not found:
                end = loop.time() + seconds
            found.append(self._waiting.popleft())
        return found

    def settle(self, deliveries: Iterable[Delivery]) -> None:
        """Make room: the broker has these back, or will deliver them again."""
        self._open.difference_update(delivery.position for delivery in deliveries)
        self._settled.set()

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Settle what was acknowledged, and remember it for a while."""
        found = list(deliveries)
        self.settle(found)
        self._done.update((delivery.position, None) for delivery in found)
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)

    def is_known(self, delivery: Delivery) -> bool:
        """Whether this was acknowledged a short while ago, and need only be acknowledged again."""
        return delivery.position in self._done

    def close(self) -> None:
        """Take nothing more; what is here is still given out."""
        self._is_closed = True
        self._arrived.set()
        self._settled.set()

    def rest(self) -> list[Delivery]:
        """Return what nobody collected, and forget it."""
        found = list(self._waiting)
        self._waiting.clear()
        return found

    async def _has_any(self, seconds: float) -> bool:
        if not self._waiting and not self._is_closed and seconds > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), seconds)
            except TimeoutError:
                return bool(self._waiting)
        return bool(self._waiting)

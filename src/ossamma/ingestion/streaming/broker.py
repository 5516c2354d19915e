"""What every broker does, whichever is below."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """A message in our hands that the broker still answers for."""

    position: str
    """What tells it apart at its place, however often it is delivered."""
    name: str = ""
    """What tells it apart where its position changes with each delivery; empty: the position."""
    body: bytes = field(repr=False)
    """All of it, or its beginning where it is too large."""
    num_bytes: int
    deliveries: int = 1
    """How often it was delivered, this time included."""
    handle: Any = field(default=None, repr=False, compare=False)
    """What the broker needs to acknowledge it."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How many messages wait to be delivered, and how many to be acknowledged."""

    waiting: int
    unacknowledged: int

    @property
    def is_none(self) -> bool:
        """Whether everything was delivered and acknowledged."""
        return not self.waiting and not self.unacknowledged


Take = Callable[[Delivery], Awaitable[None]]
"""Is given each delivery, and returns when there is room for another."""


class Broker(Protocol):
    """A connection to a broker; every method but `is_reading` raises StreamError if it cannot."""

    async def start(self, take: Take | None) -> None:
        """Connect, and give deliveries to `take` from now on; None only sends."""
        ...

    def is_reading(self) -> bool:
        """Whether deliveries come, or will when the connection is there again."""
        ...

    async def pause(self) -> None:
        """Take no more deliveries."""
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are done."""
        ...

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give these back, so that they are delivered again."""
        ...

    async def send(self, name: str, key: str, content: bytes) -> None:
        """Send a message; the broker has it when this returns. `key` names it for whoever reads."""
        ...

    async def prepare(self, name: str) -> None:
        """Make sure that there is something of this name to send to."""
        ...

    async def lag(self) -> Lag:
        """Ask how far behind we are."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...

"""What all brokers share: encryption, patience, and errors told without secrets."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.schema.errors import StreamError

_logger = logging.getLogger(__name__)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
T = TypeVar("T")


def encryption(place: BrokerPlace) -> ssl.SSLContext | None:
    """Return what checks the broker's certificate, where the URL asks for encryption.

    SSL_CERT_FILE names other authorities than the system's.
    """
    return ssl.create_default_context() if place.is_encrypted else None


def told(error: BaseException) -> str:
    """Return an error as its type and the beginning of its message."""
    return f"{type(error).__name__}: {str(error)[:200]}"


@dataclass(frozen=True, slots=True)
class Faults:
    """Makes a client library's errors our own."""

    place: BrokerPlace
    kinds: tuple[type[Exception], ...]
    """What the library raises, and what the network does."""

    @asynccontextmanager
    async def told_as(self, what: str) -> AsyncIterator[None]:
        """Raise what is raised inside as a StreamError: the place, `what`, and the error."""
        try:
            yield
        except self.kinds as error:
            raise StreamError(f"{self.place.shown} {what}: {told(error)}") from error

    async def patiently(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        seconds: float,
        refusals: tuple[type[Exception], ...],
    ) -> T:
        """Return what `attempt` does, tried with longer and longer pauses.

        Args:
            attempt: connects.
            seconds: how long to try.
            refusals: errors after which nothing is tried again, such as a wrong password.

        Raises:
            StreamError: refused, or not connected in that time.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        pause = _FIRST_PAUSE
        while True:
            try:
                return await attempt()
            except refusals as error:
                raise StreamError(f"{self.place.shown} refused us: {told(error)}") from error
            except self.kinds as error:
                if loop.time() + pause > end:
                    raise StreamError(
                        f"cannot connect to {self.place.shown}: {told(error)}"
                    ) from error
                _logger.warning("%s: %s", self.place.shown, told(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

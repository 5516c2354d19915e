"""NATS JetStream: a durable pull consumer, acknowledged message by message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.security import NatsSecurity, NatsUserPassword
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from ossamma.ingestion.streaming.broker import Delivery, Lag, Take
from ossamma.ingestion.streaming.connecting import Faults, encryption, told
from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.schema.errors import StreamError

if TYPE_CHECKING:
    from nats.aio.client import Client

_logger = logging.getLogger(__name__)
_library = logging.getLogger(f"{__name__}.library")
_CLOSING_SECONDS = 0.1
"""The client closes a connection that was refused after it has told us of it."""
_SEND_SECONDS = 10.0
_PENDING_BYTES = 2**28
"""What the client holds before we look at it; a server allows 64 MiB in one message."""


class _NoTimeouts(logging.Filter):
    """Drops what the library says when no message came in time, as if that were an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to keep a record."""
        return not (record.exc_info and isinstance(record.exc_info[1], TimeoutError))


_NO_TIMEOUTS = _NoTimeouts()


class JetStreamBroker:
    """A subject of a JetStream; its stream is made where there is none."""

    def __init__(self, place: BrokerPlace, settings: StreamSettings) -> None:
        self._place = place
        self._settings = settings
        self._faults = Faults(place, (NatsError, OSError, TimeoutError))
        self._refused = asyncio.Event()
        self._error = ""
        context = encryption(place)
        security = (
            NatsUserPassword(place.username, place.password, ssl_context=context)
            if place.username or place.password
            else NatsSecurity(ssl_context=context) if context else None
        )  # fmt: skip
        self._broker = NatsBroker(
            f"{'tls' if context else 'nats'}://{place.host}:{place.port}",
            security=security,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=5,
            error_cb=self._on_error,
            logger=_library,
            log_level=logging.DEBUG,
            apply_types=False,
            graceful_timeout=1.0,
        )
        _library.addFilter(_NO_TIMEOUTS)
        self._stream = ""
        self._is_started = False
        self._connection: Client | None = None

    async def _on_error(self, error: Exception) -> None:
        self._error = told(error)
        _logger.warning("%s: %s", self._place.shown, self._error)
        if "authorization" in str(error).lower():
            self._refused.set()

    async def start(self, take: Take | None) -> None:
        """Connect; see `Broker.start`. A refused password is not tried again."""
        self._connection = await self._connected()
        async with self._faults.told_as("cannot be read"):
            if take is not None:
                await self._subscribe(take)
            await self._broker.start()
            self._is_started = True

    async def _connected(self) -> Client:
        connecting = asyncio.create_task(self._broker.connect())
        refused = asyncio.create_task(self._refused.wait())
        try:
            await asyncio.wait(
                {connecting, refused},
                timeout=self._settings.patience_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not connecting.done():
                await asyncio.sleep(_CLOSING_SECONDS)
                why = self._error or "no answer"
                raise StreamError(f"cannot connect to {self._place.shown}: {why}")
            async with self._faults.told_as("cannot be reached"):
                return await connecting
        finally:
            for task in (connecting, refused):
                task.cancel()
            await asyncio.gather(connecting, refused, return_exceptions=True)
        raise AssertionError

    async def _subscribe(self, take: Take) -> None:
        settings = self._settings
        self._stream = await self._ensure(self._place.name)
        await self._ensure(self._place.dead)

        async def whole(message: NatsMessage) -> NatsMessage:
            return message

        async def handle(message: NatsMessage) -> None:
            await take(self._delivery(message))

        subscriber = self._broker.subscriber(
            self._place.name,
            stream=JStream(self._stream, declare=False),
            durable=self._place.group,
            pull_sub=PullSub(
                batch_size=settings.batch_messages,
                timeout=max(settings.batch_milliseconds / 1000, 0.1),
            ),
            config=ConsumerConfig(
                ack_wait=settings.redeliver_seconds,
                max_ack_pending=settings.in_flight_messages,
            ),
            pending_bytes_limit=_PENDING_BYTES,
            ack_policy=AckPolicy.MANUAL,
            decoder=whole,
        )
        subscriber(handle)

    async def _ensure(self, subject: str) -> str:
        """Return the name of the stream that keeps a subject, made where there is none."""
        jetstream = self._client().jetstream()
        try:
            return str(await jetstream.find_stream_name_by_subject(subject))
        except NotFoundError:
            name = "".join(mark if mark.isalnum() or mark == "-" else "_" for mark in subject)
            await jetstream.add_stream(name=name, subjects=[subject])
            return name

    def _delivery(self, message: NatsMessage) -> Delivery:
        raw = message.raw_message
        body = raw.data
        if len(body) > self._settings.max_message_bytes:
            raw.data = message.body = body[: self._settings.max_dead_body_bytes]
        return Delivery(
            position=str(raw.metadata.sequence.stream),
            body=raw.data,
            num_bytes=len(body),
            deliveries=int(raw.metadata.num_delivered or 1),
            handle=message,
        )

    def is_reading(self) -> bool:
        """See `Broker.is_reading`."""
        return self._is_started and not self._client().is_closed

    async def pause(self) -> None:
        """See `Broker.pause`."""
        for subscriber in self._broker.subscribers:
            await subscriber.stop()

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Broker.acknowledge`. They are sent before this returns."""
        async with self._faults.told_as("took no acknowledgement"):
            for delivery in deliveries:
                await delivery.handle.ack()
            await self._client().flush(timeout=5)

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `Broker.release`."""
        async with self._faults.told_as("took nothing back"):
            for delivery in deliveries:
                await delivery.handle.nack()

    async def send(self, name: str, key: str, content: bytes) -> None:
        """See `Broker.send`. A key that JetStream has seen of late is not kept twice."""
        async with self._faults.told_as("took no message"):
            await (
                self._client()
                .jetstream()
                .publish(name, content, timeout=_SEND_SECONDS, headers={"Nats-Msg-Id": key})
            )

    async def prepare(self, name: str) -> None:
        """Make the stream of a subject that is sent to."""
        async with self._faults.told_as("has no stream"):
            await self._ensure(name)

    async def lag(self) -> Lag:
        """See `Broker.lag`."""
        async with self._faults.told_as("does not say how far behind we are"):
            jetstream = self._client().jetstream()
            told_us = await jetstream.consumer_info(self._stream, self._place.group)
            return Lag(int(told_us.num_pending or 0), int(told_us.num_ack_pending or 0))
        raise AssertionError

    async def close(self) -> None:
        """See `Broker.close`."""
        async with self._faults.told_as("was not left in peace"):
            await self._broker.stop()

    def _client(self) -> Client:
        assert self._connection is not None
        return self._connection

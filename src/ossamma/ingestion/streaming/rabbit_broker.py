"""RabbitMQ: a queue, a quorum queue where there was none, acknowledged message by message."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ProbableAuthenticationError,
)
from faststream.middlewares import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.security import BaseSecurity, SASLPlaintext

from ossamma.ingestion.streaming.broker import Delivery, Lag, Take
from ossamma.ingestion.streaming.connecting import Faults, encryption
from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.ingestion.streaming.settings import StreamSettings

if TYPE_CHECKING:
    from aio_pika import RobustConnection
    from aio_pika.abc import AbstractRobustChannel

_logger = logging.getLogger(__name__)
_SEND_SECONDS = 10.0


class RabbitQueueBroker:
    """A queue of RabbitMQ. Redelivery is the server's: as soon as a consumer's connection ends."""

    def __init__(self, place: BrokerPlace, settings: StreamSettings) -> None:
        self._place = place
        self._settings = settings
        self._faults = Faults(place, (AMQPError, ChannelInvalidStateError, OSError, TimeoutError))
        context = encryption(place)
        security = (
            SASLPlaintext(place.username, place.password, ssl_context=context)
            if place.username or place.password
            else BaseSecurity(ssl_context=context)
        )
        self._broker = RabbitBroker(
            f"amqp://{place.host}:{place.port}/",
            virtualhost=place.virtual_host,
            security=security,
            reconnect_interval=1.0,
            timeout=5.0,
            default_channel=Channel(prefetch_count=settings.in_flight_messages),
            logger=_logger,
            log_level=logging.DEBUG,
            apply_types=False,
            graceful_timeout=1.0,
        )
        self._numbers = count()
        self._connection: RobustConnection | None = None
        self._channel: AbstractRobustChannel | None = None

    async def start(self, take: Take | None) -> None:
        """Connect; see `Broker.start`. A refused password is not tried again."""
        self._connection = await self._faults.patiently(
            self._broker.connect,
            seconds=self._settings.patience_seconds,
            refusals=(AuthenticationError, ProbableAuthenticationError),
        )
        async with self._faults.told_as("cannot be read"):
            self._channel = await self._connection.channel(on_return_raises=True)
            if take is not None:
                await self._subscribe(take)
            await self._broker.start()

    async def _subscribe(self, take: Take) -> None:
        await self._ensure(self._place.name)
        await self._ensure(self._place.dead)

        async def whole(message: RabbitMessage) -> RabbitMessage:
            return message

        async def handle(message: RabbitMessage) -> None:
            await take(self._delivery(message))

        subscriber = self._broker.subscriber(
            RabbitQueue(self._place.name, declare=False),
            ack_policy=AckPolicy.MANUAL,
            decoder=whole,
        )
        subscriber(handle)

    async def _ensure(self, name: str) -> None:
        """Make a queue where there is none; one that is there stays as it is."""
        assert self._connection is not None
        probe = await self._connection.channel()
        try:
            await probe.declare_queue(name, passive=True, robust=False)
        except ChannelNotFoundEntity:
            await self._open().declare_queue(
                name, durable=True, arguments={"x-queue-type": "quorum"}, robust=False
            )
        else:
            await probe.close()

    def _delivery(self, message: RabbitMessage) -> Delivery:
        raw = message.raw_message
        body = raw.body
        num_bytes = len(body)
        name = raw.message_id or hashlib.sha256(body).hexdigest()
        if num_bytes > self._settings.max_message_bytes:
            raw.body = message.body = body = body[: self._settings.max_dead_body_bytes]
        before = raw.headers.get("x-delivery-count", int(bool(raw.redelivered)))
        return Delivery(
            position=f"{name} {next(self._numbers)}",
            name=name,
            body=body,
            num_bytes=num_bytes,
            deliveries=1 + (before if isinstance(before, int) else 0),
            handle=message,
        )

    def is_reading(self) -> bool:
        """See `Broker.is_reading`."""
        return self._connection is not None and not self._connection.is_closed

    async def pause(self) -> None:
        """See `Broker.pause`."""
        async with self._faults.told_as("goes on sending"):
            for subscriber in self._broker.subscribers:
                await subscriber.stop()

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Broker.acknowledge`."""
        async with self._faults.told_as("took no acknowledgement"):
            for delivery in deliveries:
                await delivery.handle.ack()

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """See `Broker.release`."""
        async with self._faults.told_as("took nothing back"):
            for delivery in deliveries:
                await delivery.handle.nack()

    async def send(self, name: str, key: str, content: bytes) -> None:
        """See `Broker.send`. The key is the message's id."""
        message = Message(content, message_id=key[:255], delivery_mode=DeliveryMode.PERSISTENT)
        async with self._faults.told_as("took no message"):
            await self._open().default_exchange.publish(
                message, routing_key=name, timeout=_SEND_SECONDS
            )

    async def prepare(self, name: str) -> None:
        """Make the queue that is sent to."""
        async with self._faults.told_as("has no queue"):
            await self._ensure(name)

    async def lag(self) -> Lag:
        """See `Broker.lag`. RabbitMQ does not say what others have not acknowledged."""
        async with self._faults.told_as("does not say how far behind we are"):
            # A robust queue would be remembered, with the count that it had at first.
            queue = await self._open().declare_queue(self._place.name, passive=True, robust=False)
            return Lag(int(queue.declaration_result.message_count or 0), 0)
        raise AssertionError

    async def close(self) -> None:
        """See `Broker.close`."""
        async with self._faults.told_as("was not left in peace"):
            await self._broker.stop()

    def _open(self) -> AbstractRobustChannel:
        assert self._channel is not None
        return self._channel

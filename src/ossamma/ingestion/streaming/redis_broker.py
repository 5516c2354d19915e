"""Redis Streams: a consumer group, and a second reader for what others left unacknowledged."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faststream.middlewares import AckPolicy
from faststream.redis import RedisBroker, RedisStreamMessage, StreamSub
from faststream.security import BaseSecurity, SASLPlaintext
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from ossamma.ingestion.streaming.broker import Delivery, Lag, Take
from ossamma.ingestion.streaming.connecting import Faults, encryption
from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.schema.errors import StreamError

if TYPE_CHECKING:
    from redis.asyncio import Redis

_logger = logging.getLogger(__name__)
_FIELD = b"message"
_FASTSTREAM_FIELD = b"__data__"
_READ_TOGETHER = 4
"""Entries that are read at once. Each may be as large as the server lets it be: four of 100 MB
need up to 1 GB."""
_POLL_MILLISECONDS = 200
_Parse = Callable[[Any], Awaitable[RedisStreamMessage]]


class RedisStreamBroker:
    """A stream of Redis, read by a consumer group that is made where there is none."""

    def __init__(self, place: BrokerPlace, settings: StreamSettings) -> None:
        self._place = place
        self._settings = settings
        self._faults = Faults(place, (RedisError, OSError, TimeoutError))
        context = encryption(place)
        security = (
            SASLPlaintext(place.username, place.password, ssl_context=context)
            if place.username or place.password
            else BaseSecurity(ssl_context=context) if context else None
        )  # fmt: skip
        self._broker = RedisBroker(
            f"{'rediss' if context else 'redis'}://{place.host}:{place.port}/{place.database}",
            security=security,
            logger=_logger,
            log_level=logging.DEBUG,
            apply_types=False,
            graceful_timeout=1.0,
            socket_connect_timeout=5.0,
        )
        self._client: Redis | None = None

    async def start(self, take: Take | None) -> None:
        """Connect; see `Broker.start`. A refused password is not tried again."""
        self._client = await self._connected()
        async with self._faults.told_as("cannot be read"):
            if take is not None:
                await self._subscribe(take)
            await self._broker.start()

    async def _connected(self) -> Redis:
        client = await self._broker.connect()
        await self._faults.patiently(
            client.ping,
            seconds=self._settings.patience_seconds,
            refusals=(AuthenticationError, NoPermissionError),
        )
        return client

    async def _subscribe(self, take: Take) -> None:
        place = self._place
        try:
            await self._open().xgroup_create(place.name, place.group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

        async def handle(message: RedisStreamMessage) -> None:
            await take(self._delivery(message, 1))

        async def handle_again(message: RedisStreamMessage) -> None:
            await take(self._delivery(message, await message.get_delivery_count()))

        fresh: StreamSub[Any] = StreamSub(
            place.name,
            group=place.group,
            consumer="ossamma",
            polling_interval=_POLL_MILLISECONDS,
            max_records=min(_READ_TOGETHER, self._settings.batch_messages),
        )
        left: StreamSub[Any] = StreamSub(
            place.name,
            group=place.group,
            consumer="ossamma",
            polling_interval=_POLL_MILLISECONDS,
            min_idle_time=int(1000 * self._settings.redeliver_seconds),
        )
        for stream, handler in ((fresh, handle), (left, handle_again)):
            subscriber = self._broker.subscriber(
                stream=stream, ack_policy=AckPolicy.MANUAL, parser=_unread, decoder=_whole
            )
            subscriber(handler)

    def _delivery(self, message: RedisStreamMessage, deliveries: int) -> Delivery:
        raw = message.raw_message
        body = _body(raw["data"], message.body)
        num_bytes = len(body)
        if num_bytes > self._settings.max_message_bytes:
            body = body[: self._settings.max_dead_body_bytes]
        return Delivery(
            position=raw["message_ids"][0].decode("ascii"),
            body=body,
            num_bytes=num_bytes,
            deliveries=deliveries,
        )

    def is_reading(self) -> bool:
        """See `Broker.is_reading`. A deleted stream or group ends its reader for good."""
        return all(subscriber.running for subscriber in self._broker.subscribers)

    async def pause(self) -> None:
        """See `Broker.pause`."""
        for subscriber in self._broker.subscribers:
            await subscriber.stop()

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """See `Broker.acknowledge`."""
        if not deliveries:
            return
        async with self._faults.told_as("took no acknowledgement"):
            ids = [delivery.position for delivery in deliveries]
            await self._open().xack(self._place.name, self._place.group, *ids)

    async def release(self, deliveries: Sequence[Delivery]) -> None:
        """Do nothing: what is not acknowledged is claimed when it was idle for long enough."""

    async def send(self, name: str, key: str, content: bytes) -> None:
        """See `Broker.send`."""
        async with self._faults.told_as("took no message"):
            await self._open().xadd(name, {b"message": content, b"key": key.encode("utf-8")})

    async def prepare(self, name: str) -> None:
        """Do nothing: a stream begins with its first entry."""

    async def lag(self) -> Lag:
        """See `Broker.lag`."""
        async with self._faults.told_as("does not say how far behind we are"):
            for group in await self._open().xinfo_groups(self._place.name):
                if group["name"] in {self._place.group, self._place.group.encode("utf-8")}:
                    return Lag(int(group.get("lag") or 0), int(group["pending"]))
        raise StreamError(f"{self._place.shown} has no group {self._place.group!r} any more")

    async def close(self) -> None:
        """See `Broker.close`."""
        async with self._faults.told_as("was not left in peace"):
            await self._broker.stop()

    def _open(self) -> Redis:
        assert self._client is not None
        return self._client


async def _unread(raw: Any, original: _Parse) -> RedisStreamMessage:  # noqa: ANN401
    """Parse an entry without a look at fields of no known form, which may hold any bytes."""
    kept = raw["data"].get(_FASTSTREAM_FIELD)
    message = await original({**raw, "data": {_FASTSTREAM_FIELD: kept or b"{}"}})
    message.raw_message = raw
    return message


async def _whole(message: RedisStreamMessage) -> RedisStreamMessage:
    return message


def _body(fields: Mapping[bytes, bytes], parsed: bytes) -> bytes:
    """Return the JSON of an entry: its field `message`, what FastStream sent, or the fields."""
    if _FIELD in fields:
        return fields[_FIELD]
    if _FASTSTREAM_FIELD in fields:
        return parsed
    plain = {_text(key): _text(value) for key, value in fields.items()}
    return json.dumps(plain).encode("utf-8", "backslashreplace")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")

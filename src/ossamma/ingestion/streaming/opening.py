"""The broker of a place, by its kind; only that kind's library is loaded."""

from __future__ import annotations

from importlib import import_module

from ossamma.ingestion.streaming.broker import Broker
from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.ingestion.streaming.settings import StreamSettings

_CLASSES = {
    "nats": ("nats_broker", "JetStreamBroker"),
    "redis": ("redis_broker", "RedisStreamBroker"),
    "rabbit": ("rabbit_broker", "RabbitQueueBroker"),
}


def broker_of(place: BrokerPlace, settings: StreamSettings) -> Broker:
    """Return the broker of a place, not connected yet. Call it inside of a running event loop."""
    module, name = _CLASSES[place.kind]
    made: Broker = getattr(import_module(f"{__package__}.{module}"), name)(place, settings)
    return made

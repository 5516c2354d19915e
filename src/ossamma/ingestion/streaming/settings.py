"""How many messages are taken at once, how large they may be, and how long anything may last."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ossamma.schema.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamSettings:
    """Sizes, limits and times of a stream."""

    batch_messages: int = 64
    """So many messages are recognised and written together, at most."""
    batch_milliseconds: int = 200
    """A batch is written so long after its first message, even if more could still come."""
    in_flight_messages: int = 128
    """So many are taken from the broker and not yet acknowledged, at most: the back-pressure."""
    max_message_bytes: int = 2**20
    """A larger message is a dead letter."""
    max_characters: int = 500_000
    """So is a longer text."""
    max_dead_body_bytes: int = 2**17
    """A dead letter carries no more of the message than this."""
    redeliver_seconds: float = 60.0
    """What was taken and not acknowledged for so long, the broker gives to another."""
    suspicious_deliveries: int = 3
    """What was delivered more often without an acknowledgement is worked on alone."""
    max_deaths: int = 3
    """What the process died of so often, being alone, is a dead letter."""
    patience_seconds: float = 300.0
    """A broker or sink that is away for longer ends the stream."""
    drain_seconds: float = 25.0
    """At the end, so long is what was taken still worked on; the rest goes back."""
    refresh_seconds: float = 60.0
    """How often a graph says anew which entities are one, if anything came."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigurationError(f"{field.name} must be positive, got {value}")
        if self.in_flight_messages < self.batch_messages:
            raise ConfigurationError(
                f"in_flight_messages must hold a batch of {self.batch_messages}, got "
                f"{self.in_flight_messages}"
            )


DEFAULT_STREAM = StreamSettings()

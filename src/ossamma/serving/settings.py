"""ServerSettings: limits of a request, deadlines, and who may ask from where."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ossamma.schema.errors import ConfigurationError
from ossamma.serving.batcher import BatcherSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSettings:
    """What one server allows; the defaults suit a machine with a few cores."""

    max_body_bytes: int = 8 << 20
    """Of a request; a stream may have `max_stream_bytes`."""
    max_stream_bytes: int = 64 << 20
    """Of a request to /v1/stream, which is read as a whole before it is answered bit by bit."""
    max_texts: int = 256
    """In a request."""
    max_text_characters: int = 100_000
    """In one text."""
    max_characters: int = 1_000_000
    """In all texts of a request."""
    section_characters: int = 20_000
    """A long text of a stream is cut into sections of about this many characters."""
    stream_requests: int = 4
    """Sections, or lines, of one stream that are worked on at a time."""
    deadline_seconds: float = 30.0
    """A request that is not answered by then is answered with 504."""
    drain_seconds: float = 0.0
    """After SIGTERM the server says that it is not ready for so long, but goes on answering."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may ask from a browser; none unless named."""
    log_texts: bool = False
    """Texts are written to the log. For debugging only: they are other people's."""
    batcher: BatcherSettings = field(default_factory=BatcherSettings)
    """Of each model."""

    def __post_init__(self) -> None:
        positive = (
            "max_body_bytes",
            "max_stream_bytes",
            "max_texts",
            "max_text_characters",
            "max_characters",
            "section_characters",
            "stream_requests",
            "deadline_seconds",
        )
        for name in positive:
            if not 0 < getattr(self, name) < math.inf:  # also refuses NaN
                raise ConfigurationError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.drain_seconds < math.inf:
            raise ConfigurationError(f"drain_seconds must be >= 0, got {self.drain_seconds}")
        if self.section_characters > self.max_text_characters:
            raise ConfigurationError(
                f"section_characters ({self.section_characters}) must not be above "
                f"max_text_characters ({self.max_text_characters})"
            )

"""The one exception family: every fault of input, data or use is an OssammaError.

A message says what was expected, what came, where, and what to do about it. Faults of our own
code are plain assertions, never these.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path


class OssammaError(Exception):
    """Something the caller can put right; the command line prints it and exits with 2."""


class SpanError(OssammaError, ValueError):
    """A span, entity or annotation that cannot exist in its text."""


class LabelError(OssammaError, ValueError):
    """A type or tag that the label set does not know, or that is malformed."""


class ProfileError(OssammaError):
    """A profile or label map that cannot be found, or says something inconsistent."""


class ConfigurationError(OssammaError, ValueError):
    """A setting that does not exist or has an impossible value."""


class FormatError(OssammaError):
    """Malformed input. Carries the file and line and says what was expected and what came."""

    def __init__(self, source: str | Path, line: int | None, *, expected: str, got: str) -> None:
        self.source = str(source)
        self.line = line
        self.expected = expected
        self.got = got
        where = self.source if line is None else f"{self.source}:{line}"
        super().__init__(f"{where}: expected {expected}, got {got}")

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the arguments: the default would not survive the way between processes."""
        rebuild = partial(type(self), expected=self.expected, got=self.got)
        return rebuild, (self.source, self.line)


class AnnotationError(OssammaError):
    """Annotations of one document that cannot be tagged, such as overlapping entities."""


class DataError(OssammaError):
    """A data set that cannot be trained or scored on as it stands."""


class TrainingError(OssammaError):
    """A training run that cannot start, or had to stop."""


class CheckpointError(OssammaError):
    """A checkpoint or run folder that is incomplete, mismatched or not where it should be."""


class BundleError(OssammaError):
    """A bundle that is not what its own metadata says it is."""


class GraphError(OssammaError):
    """A graph that cannot be read, or something that cannot be written to it."""


class StreamError(OssammaError):
    """A message broker that cannot be reached, or a sink that takes nothing any more."""


class EngineError(OssammaError):
    """Workers that cannot be started or reached, or that died again and again."""


class ServingError(OssammaError):
    """A request that the server does not answer with entities."""


class OverloadedError(ServingError):
    """The queue is full; `retry_after` is when to try again, in seconds."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class DeadlineError(ServingError):
    """The answer would have come too late."""


class UnavailableError(ServingError):
    """The model is not loaded yet, or the server is shutting down."""


class LimitError(ServingError):
    """More texts or characters than one request may have."""


class RequestError(ServingError):
    """A request that cannot be meant; `field` says where."""

    def __init__(self, message: str, *, field: str = "") -> None:
        self.field = field
        super().__init__(message)


class AccessError(ServingError):
    """No key, or, if `is_known`, one that does not allow this."""

    def __init__(self, message: str, *, is_known: bool = False) -> None:
        self.is_known = is_known
        super().__init__(message)

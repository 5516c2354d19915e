"""What a message must look like, and what becomes of one that does not: JSON in, JSON out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.schema.errors import DataError

_FIELDS: Final = frozenset({"id", "text", "metadata"})
_MAX_ID: Final = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """A text that came as a message, what it is called, and what its sender says of it."""

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_letter(body: bytes, settings: StreamSettings) -> Letter:
    """Read `{"id": ..., "text": ..., "metadata": {...}}`; metadata may be missing.

    Raises:
        DataError: it is anything else. The message is the reason of a dead letter.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {str(error)[:200]}") from error
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object, got {type(content).__name__}")
    unknown = sorted(set(content) - _FIELDS)
    if unknown:
        raise DataError(f"unknown fields: {', '.join(unknown)[:200]}")
    text = content.get("text")
    if not isinstance(text, str) or not text.strip():
        raise DataError("expected a field text with a visible character")
    if len(text) > settings.max_characters:
        raise DataError(f"expected at most {settings.max_characters} characters, got {len(text)}")
    metadata = content.get("metadata", {})
    if not isinstance(metadata, dict):
        raise DataError("expected metadata to be an object")
    return Letter(_id(content.get("id")), text, metadata)


def _id(value: object) -> str:
    named = isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip()
    if not named or len(str(value)) > _MAX_ID:
        raise DataError(f"expected a field id: a string of 1 to {_MAX_ID} characters or a number")
    return str(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A message that nothing can be done with, where it came from, and why."""

    reason: str
    source: str
    position: str
    deliveries: int
    num_bytes: int
    body: bytes
    """The message, or its beginning."""
    time: str

    def content(self, max_bytes: int) -> bytes:
        """Return it as JSON with at most so many bytes of the message."""
        kept = self.body[:max_bytes]
        fields: dict[str, object] = {
            "reason": self.reason,
            "source": self.source,
            "position": self.position,
            "deliveries": self.deliveries,
            "time": self.time,
            "bytes": self.num_bytes,
            "is_cut": len(kept) < self.num_bytes,
            "sha256": hashlib.sha256(kept).hexdigest(),
        }
        try:
            fields["body"] = kept.decode("utf-8")
        except UnicodeDecodeError:
            fields["body_base64"] = base64.b64encode(kept).decode("ascii")
        return json.dumps(fields).encode("utf-8")

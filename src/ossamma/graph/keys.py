"""Stable keys: the hash of what a thing is, so that writing it twice changes nothing."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_KEY_BYTES: Final = 16
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def content_key(*parts: str) -> str:
    """Return 32 hexadecimal digits that stand for these parts, in this order.

    Each part goes in with its length before it, so that no two different sequences share their
    bytes. 128 bits keep the chance of one collision among a billion keys below 1e-20.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()[:_KEY_BYTES].hex()


def text_key(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as `sha256sum` gives it of the file."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def storable(text: str) -> str:
    """Return a text that every store keeps: lone surrogates and NUL become U+FFFD, one for one.

    Offsets stay those of the original. Neither character can stand in UTF-8 text of a database.
    """
    return _LONE_SURROGATE.sub("\ufffd", text).replace("\0", "\ufffd")

"""API keys: only their hashes are kept, and comparing takes the same time whatever the key.

A key file has one line per key: name, role, SHA-256 of the key in hexadecimal. Role `admin` may
also reload models. Keys are random, so that a plain hash of them cannot be reversed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ossamma.schema.errors import ConfigurationError

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Role(StrEnum):
    """What a key allows."""

    USE = "use"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The hash of a key, and whose it is."""

    name: str
    role: Role
    digest: str

    @property
    def line(self) -> str:
        """Its line of a key file."""
        return f"{self.name} {self.role.value} {self.digest}"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of a server."""

    keys: Sequence[ApiKey]

    def holder(self, key: str) -> ApiKey | None:
        """Return whose key this is; every key of the ring is compared, whichever fits."""
        digest = _digest(key)
        found = None
        for each in self.keys:
            if hmac.compare_digest(each.digest, digest):
                found = each
        return found


def new_key(name: str, role: Role) -> tuple[str, ApiKey]:
    """Return a fresh random key, to be shown once, and what is kept of it.

    Raises:
        ConfigurationError: the name is not plain.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"expected a name of up to 64 letters, digits, '.', '_' or '-', got {name!r}"
        )
    key = secrets.token_urlsafe(32)
    return key, ApiKey(name, role, _digest(key))


def read_keys(path: Path) -> KeyRing:
    """Read a key file; empty lines and those that begin with # are skipped.

    Raises:
        ConfigurationError: naming file and line, but never showing what may be a key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the keys in {path}: {error}") from error
    keys = []
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != 3 or parts[1] not in list(Role) or not _HASH.fullmatch(parts[2]):
            raise ConfigurationError(
                f"{path}:{number}: expected a name, use or admin, and the SHA-256 of a key, got "
                "something else; make a line with `ossamma serve --new-key NAME`"
            )
        keys.append(ApiKey(parts[0], Role(parts[1]), parts[2]))
    if not keys:
        raise ConfigurationError(f"{path} has no keys, so nobody could ask anything; add one")
    return KeyRing(keys)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", errors="surrogatepass")).hexdigest()

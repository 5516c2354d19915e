"""What a file should be (size, SHA-256, git blob id), and what it turned out to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ossamma.data.streams import Readable, chunks


class Digest:
    """SHA-256 and size of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.num_bytes = 0
        """How many bytes there were so far."""

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(chunk)
        self.num_bytes += len(chunk)

    def drain(self, stream: Readable) -> None:
        """Take everything that a stream still has."""
        for chunk in chunks(stream):
            self.update(chunk)

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, in lower-case hex."""
        return self._hash.hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What is known beforehand about the content of a file; None where nothing is."""

    sha256: str | None = None
    """SHA-256 in lower-case hex."""
    num_bytes: int | None = None
    """Size in bytes."""
    git_blob_sha1: str | None = None
    """The id that git gives the content; looked at only where there is no SHA-256."""

    @property
    def is_pinned(self) -> bool:
        """Whether a hash says exactly which content it must be."""
        return self.sha256 is not None or self.git_blob_sha1 is not None

    def problem(self, path: Path, digest: Digest) -> str | None:
        """Say what differs between the expectation and a file with this digest; None if nothing."""
        if self.num_bytes is not None and digest.num_bytes != self.num_bytes:
            return f"expected {self.num_bytes} bytes, got {digest.num_bytes}"
        if self.sha256 is not None:
            same = digest.sha256 == self.sha256
            return None if same else f"expected SHA-256 {self.sha256}, got {digest.sha256}"
        if self.git_blob_sha1 is not None:
            blob = git_blob_sha1(path)
            same = blob == self.git_blob_sha1
            return None if same else f"expected git blob {self.git_blob_sha1}, got {blob}"
        return None


def digest_of(path: Path) -> Digest:
    """Read a file and return its digest."""
    digest = Digest()
    with path.open("rb") as file:
        digest.drain(file)
    return digest


def git_blob_sha1(path: Path) -> str:
    """Return the id that git gives a file: SHA-1 of `blob <size>`, a NUL and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        for chunk in chunks(file):
            digest.update(chunk)
    return digest.hexdigest()

"""The record of a fetched data set, `fetched.json`: what each file is, whence and since when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.data.catalog import RECORD_NAME
from ossamma.schema.atomic import atomic_write

_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFile:
    """One line of the record."""

    path: str
    """Path inside the data set."""
    origin: str
    """Where it came from when it was put there."""
    url: str | None
    """The address it was downloaded from; None if it came from a disk."""
    sha256: str
    """SHA-256 of its content."""
    num_bytes: int
    """Its size."""
    when: str
    """When it was put there: ISO 8601, UTC."""


def read_record(folder: Path) -> dict[str, RecordedFile]:
    """Read the record of a folder, by path. Nothing in it is trusted beyond its own files.

    An absent or damaged record is an empty one: files without a known checksum are fetched again.
    """
    try:
        content = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        entries = content["files"] if content["version"] == _VERSION else {}
        return {
            path: RecordedFile(
                path=path,
                origin=str(entry["origin"]),
                url=None if entry["url"] is None else str(entry["url"]),
                sha256=str(entry["sha256"]),
                num_bytes=int(entry["bytes"]),
                when=str(entry["when"]),
            )
            for path, entry in entries.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def write_record(folder: Path, dataset: str, files: Iterable[RecordedFile]) -> None:
    """Write the record of a folder as a whole, sorted by path."""
    entries = {
        file.path: {
            "origin": file.origin,
            "url": file.url,
            "sha256": file.sha256,
            "bytes": file.num_bytes,
            "when": file.when,
        }
        for file in sorted(files, key=lambda file: file.path)
    }
    content = {"version": _VERSION, "dataset": dataset, "files": entries}
    with atomic_write(folder / RECORD_NAME) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")

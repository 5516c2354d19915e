"""Fingerprints of what goes into a phase and of what comes out of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ossamma.data.checksum import digest_of
from ossamma.schema.errors import DataError

ABSENT: Final = "absent"


def of_values(values: object) -> str:
    """Return a SHA-256 of plain JSON values; the order of keys does not matter."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def of_path(path: Path) -> str:
    """Return a SHA-256 of a file, or of a folder: of the names and bytes of all files in it.

    `ABSENT` where nothing is.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if path.is_dir():
            return of_values(
                {
                    each.relative_to(path).as_posix(): digest_of(each).sha256
                    for each in sorted(path.rglob("*"))
                    if each.is_file()
                }
            )
        return digest_of(path).sha256 if path.exists() else ABSENT
    except OSError as error:
        raise DataError(
            f"cannot read {error.filename or path}: {error.strerror}; it is an input or output of "
            "the run, and must be readable"
        ) from error


def of_paths(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the fingerprint of each."""
    return {name: of_path(path) for name, path in paths.items()}


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names under which something differs."""
    return sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k))

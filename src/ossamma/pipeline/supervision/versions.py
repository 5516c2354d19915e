"""Numbered folders for runs, `models/ner11_v1`, `_v2`, ...: none is ever written twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ossamma.schema.errors import CheckpointError

_VERSION: Final = re.compile(r"_v([1-9]\d*)$")


def versions_of(out: Path) -> list[Path]:
    """Return the versions that there are, in ascending order."""
    if not out.parent.is_dir():
        return []
    found = {
        int(match[1]): path
        for path in out.parent.glob(f"{_escaped(out.name)}_v*")
        if path.is_dir()
        and (match := _VERSION.search(path.name))
        and path.name == f"{out.name}_v{match[1]}"
    }
    return [found[number] for number in sorted(found)]


def claim_version(out: Path) -> Path:
    """Make the next version's folder; of two processes at once each gets its own.

    Raises:
        CheckpointError: it cannot be made.
    """
    existing = versions_of(out)
    number = int(_number(existing[-1])) + 1 if existing else 1
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        while True:
            path = out.with_name(f"{out.name}_v{number}")
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
            else:
                return path
    except OSError as error:
        raise CheckpointError(f"cannot make a folder {out}_v{number}: {error.strerror}") from error


def latest_version(out: Path) -> Path:
    """Return the version to resume: the folder itself if it is one, else the newest.

    Raises:
        CheckpointError: there is none.
    """
    if _VERSION.search(out.name) and out.is_dir():
        return out
    existing = versions_of(out)
    if not existing:
        raise CheckpointError(f"there is no run {out}_v1 to resume; leave --resume out")
    return existing[-1]


def _number(path: Path) -> str:
    match = _VERSION.search(path.name)
    assert match is not None, path
    return match[1]


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)

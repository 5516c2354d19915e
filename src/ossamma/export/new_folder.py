"""A folder that takes its name when it is complete, or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE_MODE = 0o644
_FOLDER_MODE = 0o755


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the name `folder` at the end, complete or not at all.

    Everyone may read its files, whatever the library that wrote them thought.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = _beside(folder)
    try:
        fresh.mkdir()
        yield fresh
        for path in fresh.iterdir():
            path.chmod(_FILE_MODE)
            _to_disk(path)
        fresh.chmod(_FOLDER_MODE)
        _to_disk(fresh)
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _beside(folder: Path) -> Path:
    """Return a fresh hidden name on the same file system, so that a rename is enough."""
    return folder.parent / f".{folder.name}.{uuid.uuid4().hex}"


def _replace(folder: Path, fresh: Path) -> None:
    """Put `fresh` in the place of `folder`: between the renames is none, never half of one."""
    old = _beside(folder)
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    _to_disk(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

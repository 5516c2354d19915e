"""Which files a path stands for: itself, or all of a folder; never what lies outside of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ossamma.schema.errors import DataError

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, and what it is called: the way to it from the folder that was given."""

    path: Path
    name: str


def find_files(paths: Sequence[Path]) -> Iterator[SourceFile]:
    """Yield the files at paths, those of a folder in the order of their names.

    Hidden files are passed over, and so are links that lead out of their folder.

    Raises:
        DataError: a path is not there.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        elif path.is_file():
            yield SourceFile(path, path.name)
        else:
            raise DataError(f"cannot read {path}: no such file or folder")


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _below(folder: Path) -> Iterator[SourceFile]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        way = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in way.parts)
        if path.is_file() and not is_hidden and root in path.resolve().parents:
            yield SourceFile(path, f"{root.name}/{way.as_posix()}")

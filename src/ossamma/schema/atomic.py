"""Write a file as a whole or not at all: a crash leaves the old file or the new one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Literal, TextIO, cast, overload

from ossamma.schema.errors import DataError


@overload
def atomic_write(
    path: str | Path, *, binary: Literal[False] = False
) -> AbstractContextManager[TextIO]: ...
@overload
def atomic_write(
    path: str | Path, *, binary: Literal[True]
) -> AbstractContextManager[BinaryIO]: ...
def atomic_write(
    path: str | Path, *, binary: bool = False
) -> AbstractContextManager[TextIO] | AbstractContextManager[BinaryIO]:
    r"""Open a file under a temporary name in the folder of `path` and rename it at the end.

    The content is on the disk (fsync) before the name changes hands. If the block raises, `path`
    stays as it was and nothing is left behind. Text is UTF-8 with "\n" line ends. Of two writers
    at once the last to finish wins; the file is never a mixture. A symbolic link is followed.

    Raises:
        DataError: the folder does not exist or cannot be written, or `path` is a folder.
    """
    opened = _replace_at_end(Path(path), binary=binary)
    return cast("AbstractContextManager[TextIO] | AbstractContextManager[BinaryIO]", opened)


@contextmanager
def _replace_at_end(path: Path, *, binary: bool) -> Iterator[IO[str] | IO[bytes]]:
    target = _resolve(path)
    # A fresh short name: the target's own name may already be as long as the file system allows.
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        file = _create(temporary, binary=binary)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror}; choose a folder that you may write to"
        ) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _resolve(path: Path) -> Path:
    """Follow links, and refuse early what the rename would refuse late."""
    try:
        target = Path(os.path.realpath(path))
        is_folder, has_parent = target.is_dir(), target.parent.is_dir()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(f"cannot write {str(path)!r}: {error}; choose another name") from error
    if is_folder:
        raise DataError(f"cannot write {path}: it is a folder; give the name of a file in it")
    if not has_parent:
        raise DataError(
            f"cannot write {path}: the folder {target.parent} does not exist; create it first"
        )
    return target


def _create(path: Path, *, binary: bool) -> IO[str] | IO[bytes]:
    # "x": never follow a link or reuse a file that someone else put under the temporary name.
    # The mode is the usual one under the user's umask, which tempfile's private 0600 is not.
    if binary:
        return path.open("xb")
    return path.open("x", encoding="utf-8", newline="\n")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable. Only POSIX can open a folder for this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

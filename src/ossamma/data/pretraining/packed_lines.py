"""Lines of text files that may be compressed (gzip, xz, bzip2, zstd), with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ossamma.data.archives import ArchiveKind, archive_kind, open_compressed
from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.readers.lines import shown
from ossamma.data.streams import BoundedStream, Readable, chunks
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

PACKED_ENDINGS: Final = (".gz", ".xz", ".bz2", ".zst")
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BOM: Final = b"\xef\xbb\xbf"
_WIDE_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTAINERS: Final = frozenset(
    {ArchiveKind.ZIP, ArchiveKind.TAR, ArchiveKind.RAR, ArchiveKind.SEVEN_ZIP}
)


@contextmanager
def open_packed(path: Path, limits: CorpusLimits) -> Iterator[Readable]:
    """Open the content of a file that may be compressed; its kind is its content's.

    Raises:
        DataError: no such file, an archive of several files, or (on reading) one that is broken,
            cut off or swells too much.
        ConfigurationError: the file is zstd and pyarrow, which unpacks it, is not installed.
    """
    kind = archive_kind(path)
    if kind in _CONTAINERS:
        raise DataError(f"{path}: a {kind} archive, expected a single file; unpack it first")
    if kind is None and _head(path) == _ZSTD:
        with _open_zstd(path, limits) as stream:
            yield stream
    else:
        with open_compressed(path, limits.packed) as stream:
            yield stream


def packed_lines(file: CorpusFile) -> Iterator[tuple[int, bytes]]:
    r"""Yield the lines of a file with their numbers, undecoded, without "\n" or "\r\n".

    Raises:
        FormatError: a line that is too long, or a byte-order mark of UTF-16 or UTF-32.
        DataError: as `open_packed`.
    """
    limit = file.limits.max_line_bytes
    with open_packed(file.path, file.limits) as stream:
        number = 0
        held = bytearray()
        for chunk in chunks(stream):
            first, *others = chunk.split(b"\n")
            held += first
            if len(held) > limit:
                raise _too_long(file, number + 1)
            for line in others:
                yield (number := number + 1), _content(file, number, bytes(held))
                held = bytearray(line)
                if len(held) > limit:
                    raise _too_long(file, number + 1)
        if held:
            yield number + 1, _content(file, number + 1, bytes(held))


def decoded_lines(file: CorpusFile, left_out: LeftOutCounts) -> Iterator[tuple[int, str | None]]:
    """Yield the lines of a file as text; None, and a fault, for one that is no UTF-8 or has a NUL.

    Raises:
        DataError, FormatError: as `packed_lines`.
    """
    for number, raw in packed_lines(file):
        fault = None
        if b"\0" in raw:
            fault = "a NUL: binary data, or another encoding"
        else:
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError:
                fault = "not UTF-8"
        if fault is not None:
            left_out.fault(fault, f"{file.path}:{number}")
            yield number, None


def files_below(root: Path, endings: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Yield the files with one of these endings, packed or not, each with a name for its documents.

    A single file is itself, whatever it is called. Folders are walked in the order of their names;
    hidden entries are passed over, and links to folders are not followed. A file's name is its
    path below the root without endings.

    Raises:
        DataError: the root is neither a file nor a folder that can be read.
    """
    if root.is_file():
        yield root, _bare(root.name, endings)
        return
    for path in walk(root):
        name = _unpacked(path.name)
        if any(name.endswith(ending) for ending in endings):
            below = path.relative_to(root).parent / _bare(path.name, endings)
            yield path, below.as_posix()


def walk(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, sorted folder by folder. Raises DataError as `files_below`.

    The memory is that of the names in one folder.
    """
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        raise DataError(
            f"{folder}: expected a file or folder, got: {error.strerror}; check the name"
        ) from error
    for name, is_folder in names:
        path = folder / name
        if is_folder:
            yield from walk(path)
        elif path.is_file():
            yield path


def _unpacked(name: str) -> str:
    """Return the name of what a compressed file holds."""
    for ending in PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return name


def _bare(name: str, endings: tuple[str, ...]) -> str:
    name = _unpacked(name)
    found = max((ending for ending in endings if name.endswith(ending)), key=len, default="")
    return name.removesuffix(found) or name


def _content(file: CorpusFile, number: int, line: bytes) -> bytes:
    """Return a line without its end; the first one is looked at for a byte-order mark."""
    if number == 1:
        if line.startswith(_WIDE_BOMS):
            raise FormatError(
                file.path,
                1,
                expected="UTF-8 text",
                got="a byte-order mark of UTF-16 or UTF-32; convert the file (iconv -t UTF-8)",
            )
        line = line.removeprefix(_BOM)
    return line.removesuffix(b"\r")


def _too_long(file: CorpusFile, number: int) -> FormatError:
    limit = file.limits.max_line_bytes
    return FormatError(
        file.path, number, expected=f"a line of at most {limit} bytes", got="a longer one"
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ZSTD))


@contextmanager
def _open_zstd(path: Path, limits: CorpusLimits) -> Iterator[Readable]:
    """Unpack zstd by pyarrow, which Parquet needs anyway."""
    try:
        arrow: Any = import_module("pyarrow")
    except ImportError as error:
        raise ConfigurationError(
            f"{path}: zstd needs pyarrow: install it with pip install 'ossamma[data]'"
        ) from error
    budget = limits.packed.budget(path.stat().st_size)
    with arrow.OSFile(str(path)) as raw, arrow.CompressedInputStream(raw, "zstd") as stream:
        yield _ArrowStream(path, BoundedStream(stream, budget, str(path)))


class _ArrowStream:
    """Names the file in what pyarrow raises over broken data."""

    def __init__(self, path: Path, stream: Readable) -> None:
        self._path = path
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, ValueError) as error:
            what = shown(str(error))
            raise DataError(f"{self._path}: broken or cut off: {what}; fetch it again") from error

"""Archives to folders, safely: nothing leaves the folder, nothing swells, nothing half-written.

A folder or file appears whole under its name, or not at all. What a member may be is a short list
(a plain file or a folder below the target); everything else refuses the whole archive.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import stat
import struct
import tarfile
import uuid
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from ossamma.data.streams import BoundedStream, Readable, TarSource, XzStream, chunks
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, DataError

_TAR_MAGIC_AT: Final = 257
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (
    ArithmeticError, EOFError, LookupError, OSError, RuntimeError, ValueError,
    lzma.LZMAError, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class ArchiveKind(StrEnum):
    """What the first bytes of a file say it is."""

    ZIP = "zip"
    GZIP = "gzip"
    XZ = "xz"
    BZIP2 = "bzip2"
    TAR = "tar"
    RAR = "RAR"
    SEVEN_ZIP = "7z"


_MAGIC: Final = (
    (b"PK\x03\x04", ArchiveKind.ZIP),
    (b"PK\x05\x06", ArchiveKind.ZIP),
    (b"\x1f\x8b", ArchiveKind.GZIP),
    (b"\xfd7zXZ\x00", ArchiveKind.XZ),
    (b"BZh", ArchiveKind.BZIP2),
    (b"Rar!\x1a\x07", ArchiveKind.RAR),
    (b"7z\xbc\xaf\x27\x1c", ArchiveKind.SEVEN_ZIP),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold. The defaults are far above any honest corpus."""

    max_members: int = 100_000
    """Number of files and folders."""
    max_bytes: int = 16 * 2**30
    """Bytes of all files together, unpacked."""
    max_ratio: int = 200
    """Unpacked bytes for each byte of the archive; text packs 5 to 20 times."""
    free_bytes: int = 2**24
    """Up to this many unpacked bytes the ratio does not matter: they harm nobody."""

    def __post_init__(self) -> None:
        for name in ("max_members", "max_bytes", "max_ratio"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.free_bytes < 0:
            raise ConfigurationError(f"free_bytes must be >= 0, got {self.free_bytes}")

    def budget(self, packed_bytes: int) -> int:
        """Bytes that an archive of this size may unpack to."""
        return min(self.max_bytes, max(self.free_bytes, self.max_ratio * packed_bytes))


DEFAULT_LIMITS: Final = ArchiveLimits()


def archive_kind(path: str | Path) -> ArchiveKind | None:
    """Tell an archive by its first bytes; None if it is none. Raises DataError if unreadable."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return ArchiveKind.TAR if _is_tar(head) else None


def check_kind(archive: Path, folder: Path) -> ArchiveKind:
    """Return the kind of an archive that `unpack` reads; the folder is where it would go.

    Raises:
        DataError: another kind, with the command that unpacks it, or no archive at all.
    """
    kind = archive_kind(archive)
    if kind in {ArchiveKind.RAR, ArchiveKind.SEVEN_ZIP}:
        raise DataError(
            f"{archive}: a {kind} archive, which no library here opens; unpack it yourself: "
            f"mkdir -p {folder} && bsdtar -xf {archive} -C {folder}"
        )
    if kind is None:
        raise DataError(f"{archive}: expected a zip or tar archive, got none by its content")
    return kind


def safe_path(name: str) -> PurePosixPath | None:
    """Return the normalised relative path of a name from outside, or None if it may not be used.

    Refused: absolute paths, `..`, backslashes, drive letters, control characters, empty names.
    """
    path = PurePosixPath(name)
    harmless = name.isprintable() and "\\" not in name and name[1:2] != ":"
    if not harmless or path.is_absolute() or not path.parts or ".." in path.parts:
        return None
    return path


def unpack(
    archive: str | Path, folder: str | Path, limits: ArchiveLimits = DEFAULT_LIMITS
) -> tuple[Path, ...]:
    """Unpack a zip or tar (plain, gzip, xz, bzip2) into a new folder; its kind is its content's.

    Returns:
        The paths of the files, in the order of the archive.

    Raises:
        DataError: the folder exists, or the archive is broken, too large, encrypted, of a kind
            that is not read here (RAR, 7z), or has a member that is not a plain file or folder
            below the target. Nothing is left behind.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        raise DataError(f"cannot unpack {archive}: {folder} exists; remove it or choose another")
    if not folder.parent.is_dir():
        raise DataError(f"cannot unpack {archive}: the folder {folder.parent} does not exist")
    kind = check_kind(archive, folder)
    temporary = folder.with_name(f".{uuid.uuid4().hex}.unpacking")
    try:
        temporary.mkdir()
        with _faults_of(archive):
            target = _Target(archive, temporary, limits)
            paths = _unzip(target) if kind is ArchiveKind.ZIP else _untar(target)
        temporary.rename(folder)
    except OSError as error:
        raise DataError(f"cannot unpack {archive} into {folder}: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return tuple(folder / path for path in paths)


def unpack_file(
    source: str | Path, target: str | Path, limits: ArchiveLimits = DEFAULT_LIMITS
) -> None:
    """Unpack a single compressed file (gzip, xz, bzip2). Raises DataError as `unpack` does."""
    try:
        with open_compressed(source, limits) as stream, atomic_write(target, binary=True) as file:
            file.writelines(chunks(stream))
    except OSError as error:
        raise DataError(f"cannot unpack {source} to {target}: {error}") from error


@contextmanager
def open_compressed(path: str | Path, limits: ArchiveLimits = DEFAULT_LIMITS) -> Iterator[Readable]:
    """Open the content of a file that may be compressed (gzip, xz, bzip2), within the limits.

    Raises:
        DataError: on opening or reading, if the file is broken, cut off or swells too much.
    """
    path = Path(path)
    kind = archive_kind(path)
    with _faults_of(path), path.open("rb") as file, _inflated(file, kind) as stream:
        yield BoundedStream(stream, _budget(path, limits), str(path))


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an archive goes, and what it may be."""

    archive: Path
    folder: Path
    limits: ArchiveLimits

    def place(self, name: str) -> Path:
        """Where a member goes. Raises DataError for one that would leave the folder."""
        path = safe_path(name)
        if path is None:
            raise self.fault(name, "it would lie outside the folder, or has an unusable name")
        return self.folder.joinpath(path)

    def write(self, name: str, stream: Readable, room: int) -> int:
        """Write a member, at most `room` bytes of it; return its size."""
        path = self.place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        try:
            # "x": a name that comes twice must not replace what was unpacked first.
            with path.open("xb") as file:
                for chunk in chunks(stream):
                    size += len(chunk)
                    if size > room:
                        raise self.too_large()
                    file.write(chunk)
        except FileExistsError:
            raise self.fault(name, "the name occurs twice") from None
        return size

    def fault(self, name: str, why: str) -> DataError:
        return DataError(f"{self.archive}: refused for its member {name!r}: {why}")

    def too_large(self) -> DataError:
        budget = _budget(self.archive, self.limits)
        return DataError(
            f"{self.archive}: refused: it unpacks to more than {budget} bytes, the most for an "
            "archive of its size; raise the limits if you trust it"
        )

    def too_many(self) -> DataError:
        return DataError(
            f"{self.archive}: refused: it has more than {self.limits.max_members} members"
        )


def _unzip(target: _Target) -> list[PurePosixPath]:
    """Unpack a zip; every member is looked at before the first is written."""
    with zipfile.ZipFile(target.archive) as archive:
        members = archive.infolist()
        if len(members) > target.limits.max_members:
            raise target.too_many()
        for member in members:
            target.place(member.orig_filename)  # the other name ends at a NUL
            mode = stat.S_IFMT(member.external_attr >> 16)
            if member.flag_bits & _ENCRYPTED:
                raise target.fault(member.filename, "it is encrypted")
            if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise target.fault(member.filename, "it is a link or a device")
        room = _budget(target.archive, target.limits)
        paths = []
        for member in members:
            if member.is_dir():
                target.place(member.filename).mkdir(parents=True, exist_ok=True)
                continue
            with archive.open(member) as stream:
                # What the directory says of a size may be a lie: what is read counts.
                room -= target.write(member.filename, stream, room)
            paths.append(PurePosixPath(member.filename))
    return paths


def _untar(target: _Target) -> list[PurePosixPath]:
    """Unpack a tar in one pass; whatever is written before a refusal is thrown away."""
    paths: list[PurePosixPath] = []
    with open_compressed(target.archive, target.limits) as stream:
        source = TarSource(stream)
        with tarfile.open(fileobj=cast("BinaryIO", source), mode="r:") as archive:
            count = 0
            while (member := archive.next()) is not None:
                count += 1
                if count > target.limits.max_members:
                    raise target.too_many()
                if path := _place_member(target, archive, member):
                    paths.append(path)
        if not source.at_end_mark:  # tarfile takes a damaged header for the end
            raise EOFError("no end mark where a member should begin")
        deque(chunks(stream), maxlen=0)  # on to the checksum of the compressed data
    return paths


def _place_member(
    target: _Target, archive: tarfile.TarFile, member: tarfile.TarInfo
) -> PurePosixPath | None:
    """Write a file of a tar and return its path; make a folder and return None."""
    if member.isdir():
        if PurePosixPath(member.name).parts:  # not "./", the target itself
            target.place(member.name).mkdir(parents=True, exist_ok=True)
        return None
    content = archive.extractfile(member) if _is_plain(member) else None
    if content is None:
        raise target.fault(member.name, "it is a link, a device or a sparse file")
    with content:
        target.write(member.name, content, _budget(target.archive, target.limits))
    return PurePosixPath(member.name)


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse()


@contextmanager
def _inflated(file: BinaryIO, kind: ArchiveKind | None) -> Iterator[Readable]:
    if kind is ArchiveKind.GZIP:
        with gzip.GzipFile(fileobj=file) as stream:
            yield stream
    elif kind is ArchiveKind.BZIP2:
        with bz2.BZ2File(file) as unpacked:
            yield unpacked
    elif kind is ArchiveKind.XZ:
        yield XzStream(file)
    else:
        yield file


@contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    """Turn what the decoders raise over a broken file into one error with its name."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the archive
        raise DataError(f"{path}: broken or cut off: {error}; fetch it again") from error


def _budget(path: Path, limits: ArchiveLimits) -> int:
    return limits.budget(path.stat().st_size)


def _is_tar(head: bytes) -> bool:
    return head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar"

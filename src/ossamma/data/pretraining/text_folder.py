"""Folders and tars of text files, one document a file: nested folders, and tars of packed tars."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from ossamma.data.archives import ArchiveKind, archive_kind, open_compressed, safe_path
from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.packed_lines import PACKED_ENDINGS, open_packed, walk
from ossamma.data.streams import BoundedStream, Readable, TarSource, XzStream, chunks
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document, Provenance

_BYTES_PER_CHARACTER: Final = 4
_TAR_ENDINGS: Final = (".tar", ".tgz", ".tbz2", ".txz", "_data.xz")
_XZ: Final = b"\xfd7zXZ\x00"
_MAX_DEPTH: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFolder:
    """Which files are texts."""

    ending: str = ".txt"
    """How the names of the texts end; they may be packed (`.gz`, `.xz`, `.bz2`, `.zst`)."""

    def __post_init__(self) -> None:
        if not self.ending.startswith("."):
            raise ConfigurationError(f"ending must begin with a dot, got {self.ending!r}")


def read_text_folder(
    root: CorpusFile, settings: TextFolder, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the texts below a folder, or of one tar, sorted folder by folder; a tar in its order.

    Tars may be packed and stand in the folder or in another tar (OpenWebText is released so, as a
    tar of `..._data.xz`). Documents are called by their path without the ending. Files of other
    endings, links and devices are skipped; nothing is written anywhere. A text that is no UTF-8 or
    has a NUL is a fault.

    Raises:
        DataError: no such folder, or a broken archive, when it is reached.
    """
    if root.path.is_file():
        yield from _tar_file(root.path, "", root, settings, left_out)
        return
    for path in walk(root.path):
        below = path.relative_to(root.path).as_posix()
        if _is_tar_name(below):
            yield from _tar_file(path, f"{below}/", root, settings, left_out)
        elif (name := _text_name(below, settings)) is None:
            left_out.skip(f"no {settings.ending}", str(path))
        else:
            with open_packed(path, root.limits) as stream:
                content = _content(stream, root)
            text = _decoded(content, str(path), root, left_out)
            if text is not None:
                yield Document(id=name, text=text, provenance=Provenance(str(path)))


def _tar_file(
    path: Path, prefix: str, root: CorpusFile, settings: TextFolder, left_out: LeftOutCounts
) -> Iterator[Document]:
    if archive_kind(path) is ArchiveKind.ZIP:
        raise DataError(f"{path}: a zip archive, expected a tar or folder; unpack it first")
    with open_compressed(path, root.limits.packed) as stream:
        reader = _TarReader(root, settings, left_out)
        yield from reader.texts(stream, str(path), prefix, depth=1)


class _TarReader:
    """Reads the texts of a tar in one pass, with the memory of one of them."""

    def __init__(self, root: CorpusFile, settings: TextFolder, left_out: LeftOutCounts) -> None:
        self._root = root
        self._settings = settings
        self._left_out = left_out

    def texts(self, stream: Readable, place: str, prefix: str, *, depth: int) -> Iterator[Document]:
        source = TarSource(stream)
        with _tar_faults(place):
            archive = tarfile.open(  # noqa: SIM115  closed below
                fileobj=cast("BinaryIO", source), mode="r:"
            )
        with archive:
            while (member := _next(archive, place)) is not None:
                where = f"{place}, member {member.name!r}"
                if member.isdir():
                    continue
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.issparse() or safe_path(member.name) is None:
                    self._left_out.skip("a link, a device or an unusable name", where)
                    continue
                with content:
                    yield from self._member(content, where, prefix + member.name, depth=depth)
        if not source.at_end_mark:
            raise DataError(f"{place}: broken or cut off: no end mark; fetch it again")

    def _member(
        self, content: Readable, where: str, name: str, *, depth: int
    ) -> Iterator[Document]:
        if _is_tar_name(name):
            if depth == _MAX_DEPTH:
                self._left_out.skip("an archive inside an archive of archives", where)
            else:
                yield from self.texts(self._unpacked(content, where), where, "", depth=depth + 1)
            return
        text_name = _text_name(name, self._settings)
        if text_name is None or name.endswith(PACKED_ENDINGS):
            self._left_out.skip(f"no {self._settings.ending}", where)
            return
        text = _decoded(_content(content, self._root), where, self._root, self._left_out)
        if text is not None:
            yield Document(id=text_name, text=text, provenance=Provenance(where))

    def _unpacked(self, content: Readable, where: str) -> Readable:
        """Return the content of a tar in a tar, which is plain or xz."""
        head = content.read(len(_XZ))
        whole = _Joined(head, content)
        if head != _XZ:
            return whole
        return BoundedStream(XzStream(whole), self._root.limits.packed.max_bytes, where)


class _Joined:
    """A stream of which the first bytes were read already."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        content, self._head = self._head[:size], self._head[size:]
        while len(content) < size and (more := self._rest.read(size - len(content))):
            content += more
        return content


@contextmanager
def _tar_faults(place: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise DataError(f"{place}: broken or cut off: {error}; fetch it again") from error


def _next(archive: tarfile.TarFile, place: str) -> tarfile.TarInfo | None:
    """Return the next member; `tarfile` would remember all of them."""
    with _tar_faults(place):
        member = archive.next()
    vars(archive)["members"] = []
    return member


def _is_tar_name(name: str) -> bool:
    for ending in PACKED_ENDINGS:
        if name.endswith(f".tar{ending}"):
            return True
    return name.endswith(_TAR_ENDINGS)


def _text_name(name: str, settings: TextFolder) -> str | None:
    """Return the id of a text by its path; None if it is none."""
    for ending in PACKED_ENDINGS:
        name = name.removesuffix(ending)
    return name.removesuffix(settings.ending) if name.endswith(settings.ending) else None


def _content(stream: Readable, root: CorpusFile) -> bytes | None:
    """Read a stream to its end; None if it is longer than a document may be."""
    limit = _BYTES_PER_CHARACTER * root.limits.max_document_characters
    content = bytearray()
    for chunk in chunks(stream):
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)


def _decoded(
    content: bytes | None, where: str, root: CorpusFile, left_out: LeftOutCounts
) -> str | None:
    if content is None:
        left_out.skip(f"longer than {root.limits.max_document_characters} characters", where)
    elif b"\0" in content:
        left_out.fault("a NUL: binary data, or another encoding", where)
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            left_out.fault("not UTF-8", where)
    return None

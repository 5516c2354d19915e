"""Zip containers (DOCX, EPUB) opened within limits: no bomb unpacks, no entity expands."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ossamma.data.text.extracted import TextSettings
from ossamma.schema.errors import DataError, FormatError

# All that zipfile raises for a broken or unusual archive.
BROKEN_ARCHIVE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
)
_MAX_RATIO: Final = 300  # deflate reaches 1000 on zeros; real XML stays below 50
_RATIO_FREE_BYTES: Final = 2**20


class Archive:
    """The members of one zip container, all of whose sizes were found to be in bounds."""

    def __init__(self, path: str | Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._file = file
        self.names = frozenset(file.namelist())

    def read(self, name: str) -> bytes:
        """Read one member.

        Raises:
            FormatError: it is missing, encrypted or damaged.
        """
        if name not in self.names:
            raise self.fault(f"a member {name!r}", "an archive without it")
        try:
            return self._file.read(name)
        except BROKEN_ARCHIVE as error:
            raise self.fault(f"a readable member {name!r}", str(error) or "damage") from error

    def read_xml(self, name: str) -> Element:
        """Parse one member as XML without a document type: nothing is expanded or fetched.

        Raises:
            FormatError: it is missing, damaged, not XML, or declares a document type with entities.
        """
        raw = self.read(name)
        try:
            # Some books name a document type; entities are what must not be.
            root: Element = fromstring(raw)
        except DefusedXmlException as error:
            kind = type(error).__name__
            raise self.fault(f"XML without entities in {name!r}", kind) from error
        except (ParseError, ValueError, LookupError) as error:
            raise self.fault(f"XML in {name!r}", f"broken XML: {error}") from error
        return root

    def fault(self, expected: str, got: str) -> FormatError:
        """Make the exception that names the container."""
        return FormatError(self.path, None, expected=expected, got=got)


@contextmanager
def open_archive(path: str | Path, raw: bytes, settings: TextSettings) -> Iterator[Archive]:
    """Open a zip container that is within the settings' limits.

    The sizes are those of the directory; reading a member stops at its stated size.

    Raises:
        FormatError: it is no zip container, or a damaged one.
        DataError: too many members, too large once unpacked, or packed too well to be true.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(raw))
    except BROKEN_ARCHIVE as error:
        raise FormatError(
            path, None, expected="a whole zip container", got=f"a damaged one: {error}"
        ) from error
    with file:
        _check_limits(path, file.infolist(), settings)
        yield Archive(path, file)


def _check_limits(path: str | Path, members: list[zipfile.ZipInfo], settings: TextSettings) -> None:
    if len(members) > settings.max_archive_members:
        raise DataError(
            f"{path}: expected at most {settings.max_archive_members} members, got "
            f"{len(members)}; is this an ordinary document?"
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > settings.max_unpacked_bytes:
        raise DataError(
            f"{path}: expected at most {settings.max_unpacked_bytes} bytes once unpacked, got "
            f"{unpacked}; raise max_unpacked_bytes if you trust the file"
        )
    for member in members:
        limit = max(_RATIO_FREE_BYTES, member.compress_size * _MAX_RATIO)
        if member.file_size > limit:
            raise DataError(
                f"{path}: member {member.filename!r} unpacks {member.compress_size} bytes to "
                f"{member.file_size}; this looks like a zip bomb and is not opened"
            )

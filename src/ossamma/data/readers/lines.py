"""Files to numbered lines of text: UTF-8, any line end, with every unreadable line named."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ossamma.schema.errors import DataError, FormatError

_BOM: Final = b"\xef\xbb\xbf"
_WIDE_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line (1-based)."""

    line: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"expected {self.expected}, got {self.got}"

    def error(self, source: str | Path) -> FormatError:
        """Make the exception that names the file too."""
        return FormatError(source, self.line, expected=self.expected, got=self.got)


@dataclass(frozen=True, slots=True)
class TextLines:
    r"""The lines of a file without their ends; None where a line could not be read.

    Only "\n" ends a line, and "\r" before it is dropped; another "\r" is a fault, for nobody knows
    whether it ends a line. U+2028, U+0085 and the like are characters of words.
    """

    lines: tuple[str | None, ...]
    faults: tuple[Fault, ...]


def read_bytes(path: Path) -> bytes:
    """Read a whole file. Raises DataError, with advice, where there is nothing to read."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise DataError(_advice(path, error)) from error
    if not content.strip():
        raise DataError(f"{path}: the file is empty; give a file with at least one document")
    return content


def read_lines(path: Path, *, max_line_bytes: int) -> TextLines:
    """Read a file as lines of text.

    Raises:
        DataError: no such file, a folder, no permission, or an empty file.
        FormatError: the file begins with a byte-order mark of UTF-16 or UTF-32.
    """
    content = read_bytes(path)
    if content.startswith(_WIDE_BOMS):
        raise FormatError(
            path,
            1,
            expected="UTF-8 text",
            got="a byte-order mark of UTF-16 or UTF-32; convert the file (iconv -t UTF-8)",
        )
    lines: list[str | None] = []
    faults: list[Fault] = []
    for number, raw in enumerate(content.removeprefix(_BOM).split(b"\n"), start=1):
        line = _decode(raw, number, max_line_bytes=max_line_bytes)
        if not isinstance(line, Fault):
            line = _without_return(line, number)
        if isinstance(line, Fault):
            faults.append(line)
            lines.append(None)
        else:
            lines.append(line)
    return TextLines(tuple(lines), tuple(faults))


@dataclass(frozen=True, slots=True)
class LineRange:
    """Whole lines of a file: its bytes [begin, end), and the number of the first line there."""

    begin: int = 0
    end: int | None = None
    first: int = 1


WHOLE_FILE: Final = LineRange()


def stream_lines(
    path: Path,
    *,
    max_line_bytes: int,
    keep_nul: bool = False,
    part: LineRange = WHOLE_FILE,
) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, holding one at a time.

    Args:
        path: the file.
        max_line_bytes: a longer line is refused.
        keep_nul: hand out lines with a NUL, for a caller who decides what becomes of them.
        part: which of its lines.

    Raises:
        DataError: no such file, a folder, no permission.
        FormatError: a line that is too long, has a NUL or is not UTF-8, when it is reached.
    """
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise DataError(_advice(path, error)) from error
    with file:
        file.seek(part.begin)
        number = part.first - 1
        while raw := _next_line(file, part.end, max_line_bytes + 2):
            number += 1
            content = raw.removesuffix(b"\n")
            line = _decode(
                content.removeprefix(_BOM) if number == 1 else content,
                number,
                max_line_bytes=max_line_bytes,
                keep_nul=keep_nul,
            )
            if isinstance(line, Fault):
                raise line.error(path)
            yield number, line.rstrip("\r")


def _next_line(file: BinaryIO, end: int | None, limit: int) -> bytes:
    return b"" if end is not None and file.tell() >= end else file.readline(limit)


def _without_return(line: str, number: int) -> str | Fault:
    """Drop carriage returns at the end; one inside the line would part columns as a space does."""
    line = line.rstrip("\r")
    if "\r" not in line:
        return line
    return Fault(
        number,
        "lines that end in \\n or \\r\\n",
        "a carriage return inside the line; convert line ends of old Macs (tr '\\r' '\\n')",
    )


def shown(text: str) -> str:
    """Quote a text for a message, cut to a length that still fits a terminal."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}..."


def _decode(raw: bytes, number: int, *, max_line_bytes: int, keep_nul: bool = False) -> str | Fault:
    if len(raw) > max_line_bytes:
        return Fault(number, f"a line of at most {max_line_bytes} bytes", f"{len(raw)} bytes")
    if b"\0" in raw and not keep_nul:
        at = raw.index(b"\0") + 1
        return Fault(number, "text", f"a NUL byte at byte {at}: this looks like a binary file")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        at = error.start
        return Fault(
            number,
            "UTF-8 text",
            f"byte 0x{raw[at]:02x} at byte {at + 1} of the line ({error.reason}); "
            f"convert the file to UTF-8",
        )


def _advice(path: Path, error: OSError | ValueError) -> str:
    """Say what hinders and what to do, in one line."""
    name = str(path) if str(path).isprintable() else repr(str(path))
    if isinstance(error, FileNotFoundError):
        return f"{name}: no such file; {_nearest(path)}"
    if isinstance(error, IsADirectoryError):
        return f"{name}: this is a folder; give one file of it"
    if isinstance(error, PermissionError):
        return f"{name}: no permission to read it; check its owner and mode"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{name}: cannot be read ({reason}); check the name"


def _nearest(path: Path) -> str:
    """Offer the most similar names of the folder, or say that the folder is missing."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return f"the folder {path.parent} does not exist or cannot be read either"
    near = difflib.get_close_matches(path.name, names, n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"look into {path.parent}"

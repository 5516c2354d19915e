"""What a file may measure, and its content as lines or as one text within these limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ossamma.data.readers.lines import read_bytes, read_lines
from ossamma.schema.errors import ConfigurationError, FormatError


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLimits:
    """What a file may measure before it is refused."""

    max_file_bytes: int = 2**29
    """A larger file is refused before it is read."""
    max_line_bytes: int = 2**24
    """A longer line is refused, in formats that are made of lines."""
    max_annotations: int = 100_000
    """More marks than this in one document are refused."""

    def __post_init__(self) -> None:
        for name in ("max_file_bytes", "max_line_bytes", "max_annotations"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")


def check_size(path: Path, limits: ReadLimits) -> None:
    """Refuse a file that is too large, before it is read."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        size = 0  # reading will say what is wrong
    if size > limits.max_file_bytes:
        raise FormatError(
            path,
            None,
            expected=f"a file of at most {limits.max_file_bytes} bytes (max_file_bytes)",
            got=f"{size} bytes",
        )


def check_number(number: int, limits: ReadLimits, *, path: Path, line: int) -> None:
    """Refuse a document with too many marks; readers ask as soon as they know how many."""
    if number > limits.max_annotations:
        expected = f"at most {limits.max_annotations} marks in a document (max_annotations)"
        raise FormatError(path, line, expected=expected, got=f"{number}")


def lines_within(path: Path, limits: ReadLimits) -> tuple[str, ...]:
    """Read a file as lines and refuse it at the first that cannot be read."""
    check_size(path, limits)
    text = read_lines(path, max_line_bytes=limits.max_line_bytes)
    if text.faults:
        raise text.faults[0].error(path)
    return tuple(line for line in text.lines if line is not None)


def text_within(path: Path, limits: ReadLimits, *, encoding: str = "utf-8") -> str:
    """Read a file as one text in which nothing is changed, line ends and byte-order mark included.

    Raises:
        FormatError: a NUL, or bytes of another encoding, by their line.
    """
    check_size(path, limits)
    content = read_bytes(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        got = "a byte-order mark of UTF-16 or UTF-32; convert the file (iconv -t UTF-8)"
        raise FormatError(path, 1, expected=f"text in {encoding}", got=got)
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise FormatError(path, line, expected="text", got="a NUL byte: this is no text file")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{content[error.start]:02x} ({error.reason}); convert the file to UTF-8"
        raise FormatError(path, line, expected=f"text in {encoding}", got=got) from None

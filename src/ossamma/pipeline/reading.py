"""Unlabelled input for extraction: files, standard input, lines, or documents."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ossamma.data.readers.detect import read_documents
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document

STANDARD_INPUT = "-"


def texts_in(files: Sequence[Path], *, by_line: bool = False) -> Iterator[Document]:
    """Yield one document per file, or per line; standard input if no file is given.

    Offsets count the characters of the decoded file: line ends and a byte-order mark stay as they
    are.

    Raises:
        DataError: a file cannot be read.
        FormatError: a file is not UTF-8; says at which line and byte.
    """
    for path in files or [Path(STANDARD_INPUT)]:
        name, text = _read_text(path)
        if not by_line:
            yield Document(id=name, text=text)
            continue
        for number, line in enumerate(text.split("\n")[: _num_lines(text)], start=1):
            yield Document(id=f"{name}:{number}", text=line)


def documents_in(files: Sequence[Path]) -> Iterator[Document]:
    """Yield the documents of CoNLL or JSONL files with their own words; labels are not used."""
    if not files:
        raise DataError("--documents needs at least one file")
    for path in files:
        yield from read_documents(path).documents


def _num_lines(text: str) -> int:
    """Lines as `wc -l` counts them, and one more if the last does not end."""
    return text.count("\n") + (not text.endswith("\n") and bool(text))


def _read_text(path: Path) -> tuple[str, str]:
    from_stdin = str(path) == STANDARD_INPUT
    name = "stdin" if from_stdin else str(path)
    try:
        content = sys.stdin.buffer.read() if from_stdin else path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        return name, content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FormatError(
            name,
            line,
            expected="UTF-8 text",
            got=f"byte 0x{content[error.start]:02x} at position {error.start}; convert the file, "
            "for instance with iconv",
        ) from error

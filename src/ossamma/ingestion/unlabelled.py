"""Unlabelled input for extraction: files, standard input, lines, or documents."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ossamma.data.readers.detect import read_documents
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document

STANDARD_INPUT = Path("-")


def texts_in(files: Sequence[Path], *, by_line: bool = False) -> Iterator[Document]:
    """Return one document per file, or per line; standard input for `-` or if no file is given.

    A file that is not there is refused at once, one that is not UTF-8 when it is reached. Offsets
    count the characters of the decoded file: line ends and a byte-order mark stay as they are.

    Raises:
        DataError: a file cannot be read.
        FormatError: a file is not UTF-8; says at which line and byte.
    """
    chosen = files or [STANDARD_INPUT]
    refuse_unreadable(chosen)
    return _texts(chosen, by_line=by_line)


def documents_in(files: Sequence[Path]) -> Iterator[Document]:
    """Return the documents of CoNLL or JSONL files with their own words; labels are not used.

    Raises:
        DataError: no file is given, or one cannot be read.
        FormatError: a file is not what it seems to be.
    """
    if not files:
        raise DataError("--documents needs at least one file")
    refuse_unreadable(files)
    return (document for path in files for document in read_documents(path).documents)


def refuse_unreadable(files: Sequence[Path]) -> None:
    """Look before anything is read: opening a pipe to try it would break it.

    Raises:
        DataError: one is not there, a folder, or not ours to read.
    """
    for path in files:
        if path == STANDARD_INPUT:
            continue
        if not path.exists():
            raise DataError(f"cannot read {path}: no such file")
        if path.is_dir():
            raise DataError(f"cannot read {path}: it is a folder; give the files in it")
        if not os.access(path, os.R_OK):
            raise DataError(f"cannot read {path}: no permission")


def _texts(files: Sequence[Path], *, by_line: bool) -> Iterator[Document]:
    for path in files:
        name, text = _read_text(path)
        if not by_line:
            yield Document(id=name, text=text)
            continue
        yield from line_documents(name, text)


def line_documents(name: str, text: str, *, first: int = 1) -> Iterator[Document]:
    """Yield a document for each line of a text whose first line has the number `first`."""
    for number, line in enumerate(text.split("\n")[: _num_lines(text)], start=first):
        yield Document(id=f"{name}:{number}", text=line)


def _num_lines(text: str) -> int:
    """Lines as `wc -l` counts them, and one more if the last does not end."""
    return text.count("\n") + (not text.endswith("\n") and bool(text))


def _read_text(path: Path) -> tuple[str, str]:
    from_stdin = path == STANDARD_INPUT
    name = "stdin" if from_stdin else str(path)
    try:
        content = sys.stdin.buffer.read() if from_stdin else path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {name}: {error.strerror}") from error
    return name, decoded(name, content)


def decoded(name: str, content: bytes, *, first: int = 1) -> str:
    """Decode a file, or a part of it that begins with the line number `first`.

    Raises:
        FormatError: it is not UTF-8; says at which line and byte.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + first
        raise FormatError(
            name,
            line,
            expected="UTF-8 text",
            got=f"byte 0x{content[error.start]:02x} at position {error.start}; convert the file, "
            "for instance with iconv",
        ) from error

"""The one door to a data file: find out its format by its content and read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.conll import DEFAULT_CONLL, ConllFormat, read_conll
from ossamma.data.readers.corpus import Corpus, ReadReport, Remark
from ossamma.data.readers.jsonl import parse_object, read_jsonl
from ossamma.data.readers.layout import split_columns
from ossamma.data.readers.lines import read_bytes
from ossamma.schema.encoding import split_tag
from ossamma.schema.errors import ConfigurationError, LabelError

__all__ = ["Corpus", "ReadReport", "Remark", "detect_format", "read_documents"]

FileFormat = Literal["conll", "jsonl"]
_BOM: Final = b"\xef\xbb\xbf"
_FIRST_KEY: Final = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:')


def read_documents(
    path: str | Path,
    *,
    format: FileFormat | Literal["auto"] = "auto",  # noqa: A002 (the word users know)
    conll: ConllFormat = DEFAULT_CONLL,
) -> Corpus:
    """Read a file of documents.

    Args:
        path: one file.
        format: "auto" decides by the content (see `detect_format`).
        conll: how to read column files; not used for others.

    Raises:
        FormatError: a malformed line, with file and number.
        DataError: no such file, a folder, no permission, an empty file.
        ConfigurationError: settings that do not exist or do not fit the file.
    """
    path = Path(path)
    if format not in {"auto", "conll", "jsonl"}:
        raise ConfigurationError(f"format must be 'auto', 'conll' or 'jsonl', got {format!r}")
    chosen = detect_format(path) if format == "auto" else format
    return read_jsonl(path) if chosen == "jsonl" else read_conll(path, conll)


def detect_format(path: str | Path) -> FileFormat:
    """Tell JSON lines from column files by the first line that is not blank.

    It is JSON lines if that line is a JSON object, or begins as one and cannot be a token line:
    a broken first line shall be reported as broken JSON. (In a column file "{" may be a word.)
    A JSON list is taken for JSON lines too: the reader says what should have been there.

    Raises:
        DataError: no such file, a folder, no permission, an empty file.
    """
    return format_of_line(read_bytes(Path(path)).removeprefix(_BOM).lstrip().split(b"\n", 1)[0])


def format_of_line(first: bytes) -> FileFormat:
    """Tell the format by the first line of a file that is not blank. See `detect_format`."""
    content = first.removeprefix(_BOM).lstrip()
    if not content.startswith((b"{", b"[")):
        return "conll"
    line = content.decode("utf-8", errors="replace")
    try:
        return "jsonl" if isinstance(parse_object(line), dict | list) else "conll"
    except ValueError:
        broken_json = _FIRST_KEY.match(line) and not _ends_in_tag(line)
        return "jsonl" if broken_json else "conll"


def _ends_in_tag(line: str) -> bool:
    try:
        split_tag(split_columns(line.rstrip("\r"))[-1])
    except LabelError:
        return False
    return True

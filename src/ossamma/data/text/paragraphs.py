"""Text files that hold many documents, one blank line between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ossamma.data.readers.lines import stream_lines
from ossamma.schema.spans import Document, Provenance

_MAX_LINE_BYTES: Final = 2**24


def iter_paragraph_documents(path: str | Path) -> Iterator[Document]:
    """Read the documents of a file one by one, unlabelled; each is a group of its own.

    Documents are called `<file stem>-<n>`, n from 1. Their lines keep their ends; the blank lines
    between documents are left out.

    Raises:
        DataError: no such file.
        FormatError: a line that is not UTF-8, or of more than 16 MiB, when it is reached.
    """
    path = Path(path)
    lines: list[str] = []
    first = number = 0
    for line, content in stream_lines(path, max_line_bytes=_MAX_LINE_BYTES):
        if content.strip():
            first = first if lines else line
            lines.append(content)
        elif lines:
            number += 1
            yield _document(path, number, first, lines)
            lines = []
    if lines:
        yield _document(path, number + 1, first, lines)


def _document(path: Path, number: int, first: int, lines: list[str]) -> Document:
    return Document(
        id=f"{path.stem}-{number}",
        text="\n".join(lines),
        provenance=Provenance(str(path), first),
    )

"""Text files that hold many documents, one blank line between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import LeftOut, ReadReport
from ossamma.data.readers.lines import stream_lines
from ossamma.data.text.plain import find_nul
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document, Provenance

_MAX_LINE_BYTES: Final = 2**24


class ParagraphStream(Iterator[Document]):
    """The documents of a file, one at a time, in order; `report` counts those read so far.

    Documents are unlabelled, and each is a group of its own. They are called `<file stem>-<n>`, n
    from 1; their lines are joined by a line feed, and the blank lines between them are left out.

    A document with a NUL is left out and listed in the report with its line (see `plain.py`). It
    keeps its number, so that the names of the others do not depend on it.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._left_out = LeftOut()
        self._num_documents = 0
        self._documents = self._read()

    def __next__(self) -> Document:
        """Return the next document. Raises StopIteration at the end.

        Raises:
            DataError: no such file, or one of which every document is left out.
            FormatError: a line that is not UTF-8, or of more than 16 MiB, when it is reached: then
                the whole file is in another encoding, or is no text.
        """
        document = next(self._documents)
        self._num_documents += 1
        return document

    @property
    def report(self) -> ReadReport:
        """What was read so far; complete when the stream has ended."""
        return ReadReport(
            documents=self._num_documents,
            sentences=0,
            words=0,
            entities=0,
            skipped=self._left_out.in_order(),
        )

    def _read(self) -> Iterator[Document]:
        for number, (first, text) in enumerate(_paragraphs(self._path), start=1):
            fault = find_nul(text, first)
            if fault is not None:
                self._left_out.add(fault.line, f"document {number} (from line {first}): {fault}")
                continue
            yield Document(
                id=f"{self._path.stem}-{number}",
                text=text,
                provenance=Provenance(str(self._path), first),
            )
        left_out = self._left_out.in_order()
        if left_out and not self._num_documents:
            raise DataError(f"{self._path}: every document was left out; {left_out[0]}")


def _paragraphs(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each run of lines that are not blank, with the number of its first line."""
    lines: list[str] = []
    first = 0
    for line, content in stream_lines(path, max_line_bytes=_MAX_LINE_BYTES, keep_nul=True):
        if content.strip():
            first = first if lines else line
            lines.append(content)
        elif lines:
            yield first, "\n".join(lines)
            lines = []
    if lines:
        yield first, "\n".join(lines)

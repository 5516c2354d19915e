"""What WikiExtractor writes: `<doc ...>` blocks, or JSON lines with its `--json`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.packed_lines import decoded_lines
from ossamma.data.pretraining.text_json import json_records, text_field
from ossamma.data.readers.lines import shown
from ossamma.schema.errors import FormatError
from ossamma.schema.spans import Document, Provenance

_START: Final = re.compile(r'<doc id="([^"]{1,40})"[^>]*>\s*')
_END: Final = "</doc>"


@dataclass(frozen=True, kw_only=True, slots=True)
class WikiExtractor:
    """What of the articles is read."""

    titles: bool = True
    """Whether a text begins with the title of its article."""


def read_wikiextractor(
    file: CorpusFile, settings: WikiExtractor, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the articles, called `wikipedia-<id>`, of either form; the first line tells which.

    Raises:
        FormatError: text outside the blocks.
        DataError: as `packed_lines`.
    """
    first = next((line for _, line in decoded_lines(file, LeftOutCounts()) if line), "")
    if first.lstrip().startswith("{"):
        yield from _from_json(file, settings, left_out)
    else:
        yield from _from_blocks(file, settings, left_out)


def _from_json(
    file: CorpusFile, settings: WikiExtractor, left_out: LeftOutCounts
) -> Iterator[Document]:
    for line, record in json_records(file, left_out):
        text = text_field(record, "text", f"{file.path}:{line}", left_out)
        if text is None:
            continue
        title = record.get("title")
        lines = [part for part in html.unescape(text).split("\n") if part.strip()]
        if settings.titles and isinstance(title, str):
            lines.insert(0, title)
        yield Document(
            id=f"wikipedia-{record.get('id', line)}",
            text="\n".join(lines),
            provenance=Provenance(str(file.path), line),
        )


def _from_blocks(
    file: CorpusFile, settings: WikiExtractor, left_out: LeftOutCounts
) -> Iterator[Document]:
    block: _Block | None = None
    for number, line in decoded_lines(file, left_out):
        start = _START.fullmatch(line) if line is not None else None
        if start is not None:
            if block is not None:
                left_out.fault("a block without </doc>", f"{file.path}:{block.line}")
            block = _Block(file, number, start[1])
        elif block is None:
            if line is None or line.strip():
                raise FormatError(
                    file.path, number, expected='a line <doc id="...">', got=shown(line or "")
                )
        elif line is not None and line.strip() == _END:
            yield from block.documents(settings, left_out)
            block = None
        else:
            block.add(line)
    if block is not None:
        left_out.fault("a block without </doc>", f"{file.path}:{block.line}")


class _Block:
    """The lines of an article, the first of which is its title."""

    def __init__(self, file: CorpusFile, line: int, identifier: str) -> None:
        self.line = line
        self._file = file
        self._identifier = identifier
        self._lines: list[str] = []
        self._size = 0
        self._is_damaged = False

    def add(self, line: str | None) -> None:
        """Add a line; None: one that could not be read, which costs the article."""
        self._is_damaged = self._is_damaged or line is None
        if line and line.strip():
            self._size += len(line)
            # What is too long is given up by the stream of documents: here it must only not grow.
            if self._size <= 2 * self._file.limits.max_document_characters:
                self._lines.append(line)

    def documents(self, settings: WikiExtractor, left_out: LeftOutCounts) -> Iterator[Document]:
        """Yield the article, or nothing."""
        lines = self._lines if settings.titles else self._lines[1:]
        if len(self._lines) < 2:
            left_out.skip("a title alone", f"{self._file.path}:{self.line}")
        elif not self._is_damaged:
            yield Document(
                id=f"wikipedia-{self._identifier}",
                text=html.unescape("\n".join(lines)),
                provenance=Provenance(str(self._file.path), self.line),
            )

"""Text files, packed or not, with blank lines between documents or between paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.packed_lines import decoded_lines
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraphs:
    """How lines become documents."""

    join_characters: int = 0
    """Successive paragraphs, a line feed between them, are one document until it has so many
    characters; 0: each is a document. For files whose blank lines stand between paragraphs."""
    max_lines: int = 0
    """A document ends after so many lines, for files of sentences without blank lines; 0: never."""

    def __post_init__(self) -> None:
        for name in ("join_characters", "max_lines"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")


class _Part(NamedTuple):
    """A run of lines from `line` on; None if one of them could not be read."""

    line: int
    text: str | None


def read_paragraphs(
    file: CorpusFile, settings: Paragraphs, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the documents, called `<name>-<n>`, n from 1 and counted before anything is left out.

    A line that is no UTF-8 or has a NUL costs its paragraph. See `text/paragraphs.py` for the same
    on a plain file, where a line in another encoding ends the reading.

    Raises:
        DataError, FormatError: as `packed_lines`.
    """
    parts = _joined(_runs(file, settings, left_out), settings.join_characters)
    for number, part in enumerate(parts, start=1):
        if part.text is not None:
            yield Document(
                id=f"{file.name}-{number}",
                text=part.text,
                provenance=Provenance(str(file.path), part.line),
            )


def _runs(file: CorpusFile, settings: Paragraphs, left_out: LeftOutCounts) -> Iterator[_Part]:
    """Yield each run of lines that are not blank; too long a run is given up, not kept."""
    limit = file.limits.max_document_characters
    lines: list[str] = []
    first = size = 0
    damaged = False
    for number, line in decoded_lines(file, left_out):
        is_blank = line is not None and not line.strip()
        if size and (is_blank or len(lines) == settings.max_lines > 0):
            yield _Part(first, None if damaged else "\n".join(lines))
            lines, size, damaged = [], 0, False
        if is_blank:
            continue
        first = first if size else number
        damaged = damaged or line is None
        size += len(line or "") + 1
        if size <= limit:
            lines.append(line or "")
        elif not damaged:
            left_out.skip(f"longer than {limit} characters", f"{file.path}:{first}")
            lines, damaged = [], True
    if size:
        yield _Part(first, None if damaged else "\n".join(lines))


def _joined(parts: Iterator[_Part], join_characters: int) -> Iterator[_Part]:
    """Join successive parts; a damaged one ends what stands before it."""
    if not join_characters:
        yield from parts
        return
    texts: list[str] = []
    first = size = 0
    for part in parts:
        if part.text is not None:
            first = first if texts else part.line
            texts.append(part.text)
            size += len(part.text)
        if texts and (part.text is None or size >= join_characters):
            yield _Part(first, "\n".join(texts))
            texts, size = [], 0
    if texts:
        yield _Part(first, "\n".join(texts))

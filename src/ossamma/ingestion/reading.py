"""One file to texts: the work that a process of its own does, under limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ossamma.data.text.extract import extract_text
from ossamma.data.text.extracted import TextSettings
from ossamma.ingestion.records import RECORD_ENDINGS, read_records
from ossamma.ingestion.settings import IngestSettings
from ossamma.schema.errors import DataError


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A text of a file. `part` tells several of one file apart; `pages` are where pages begin."""

    part: str
    text: str
    pages: tuple[tuple[int, str], ...] = ()
    warnings: tuple[str, ...] = ()


def read_file(path: Path, settings: IngestSettings) -> list[IncomingText]:
    """Return the texts in a file: one of a document, one for each record of JSON, CSV or STIX.

    Raises:
        DataError: too large, or without a visible character.
        FormatError: damaged, encrypted, or of a kind that nothing here reads.
    """
    size = path.stat().st_size
    if size > settings.max_file_bytes:
        raise DataError(f"expected at most {settings.max_file_bytes} bytes, got {size}")
    if path.suffix.lower() in RECORD_ENDINGS:
        texts: list[IncomingText] = []
        for name, text in read_records(path, path.read_bytes()):
            texts.append(IncomingText(name, text))
            if len(texts) > settings.max_records:
                raise DataError(f"expected at most {settings.max_records} records, got more")
    else:
        limits = TextSettings(
            max_file_bytes=settings.max_file_bytes,
            max_unpacked_bytes=settings.max_unpacked_bytes,
            max_seconds=settings.max_seconds,
        )
        found = extract_text(path, limits)
        pages = tuple((part.start, part.name) for part in found.parts)
        texts = [IncomingText("", found.text, pages, found.warnings)]
    length = sum(len(text.text) for text in texts)
    if length > settings.max_characters:
        raise DataError(f"expected at most {settings.max_characters} characters, got {length}")
    texts = [text for text in texts if text.text.strip()]
    if not texts:
        raise DataError("expected a text, got no visible character")
    return texts

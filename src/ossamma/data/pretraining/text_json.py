"""JSON lines with a text field, packed or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.packed_lines import decoded_lines
from ossamma.data.readers.jsonl import parse_object
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document, Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class TextJson:
    """Which fields of a record are read."""

    text: str = "text"
    """The field of the text."""
    title: str = ""
    """The field of a title that stands on a line of its own before the text; empty: none."""
    id: str = "id"
    """The field of the id, a string or an integer; a record without it is called `<name>-<line>`.
    Empty: none is read."""

    def __post_init__(self) -> None:
        if not self.text:
            raise ConfigurationError("text must name a field, got an empty name")


def read_text_json(
    file: CorpusFile, settings: TextJson, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the texts of the records. A record without a text is a fault.

    Raises:
        DataError, FormatError: as `packed_lines`.
    """
    for line, record in json_records(file, left_out):
        text = text_field(record, settings.text, f"{file.path}:{line}", left_out)
        if text is None:
            continue
        title = record.get(settings.title) if settings.title else None
        if isinstance(title, str) and title.strip():
            text = f"{title.strip()}\n{text}"
        identifier = record.get(settings.id) if settings.id else None
        is_given = isinstance(identifier, str | int) and not isinstance(identifier, bool)
        yield Document(
            id=str(identifier) if is_given and identifier != "" else f"{file.name}-{line}",
            text=text,
            provenance=Provenance(str(file.path), line),
        )


def json_records(
    file: CorpusFile, left_out: LeftOutCounts
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a file with their lines; any other line that is not blank is a fault.

    Raises:
        DataError, FormatError: as `packed_lines`.
    """
    for line, content in decoded_lines(file, left_out):
        if content is None or not content.strip():
            continue
        try:
            record = parse_object(content)
        except ValueError as error:
            left_out.fault("bad JSON", f"{file.path}:{line}: {error}")
            continue
        if isinstance(record, dict):
            yield line, record
        else:
            left_out.fault("no JSON object", f"{file.path}:{line}")


def text_field(
    record: Mapping[str, Any], name: str, place: str, left_out: LeftOutCounts
) -> str | None:
    """Return a field that must be a string; None, and a fault, if it is not."""
    value = record.get(name)
    if isinstance(value, str):
        return value
    left_out.fault(f"no string {name!r}", place)
    return None

"""Texts in files of records: JSON, JSON lines, CSV, and STIX bundles, one text for each record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ossamma.data.text.plain import decode_text
from ossamma.schema.errors import FormatError

RECORD_ENDINGS: Final = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
"""Names of files that hold records."""
_TITLES: Final = ("title", "name", "headline")
_TEXTS: Final = ("text", "content", "body", "description", "abstract", "summary", "message")
_KEYS: Final = ("id", "uuid", "url")
_MAX_FIELD: Final = 2**24


def read_records(path: Path, raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the records in a file that have any text.

    A record's text is what stands in its fields text, content, body, description, abstract,
    summary and message, below its title or name. Records are called by their id or number.

    Raises:
        FormatError: the file is not what its name says, or no record has such a field.
    """
    content = decode_text(raw, source=path)
    ending = path.suffix.lower()
    try:
        records = _TABLES[ending](content) if ending in _TABLES else _json(ending, content)
        found = False
        for number, record in enumerate(records, start=1):
            text = _text(record)
            if text:
                found = True
                yield _name(record, number), text
    except (ValueError, RecursionError, csv.Error) as error:
        raise FormatError(path, None, expected=f"records ({ending})", got=str(error)) from error
    if not found:
        raise FormatError(
            path, None, expected=f"records with a field {', '.join(_TEXTS)}", got="none with any"
        )


def _json(ending: str, content: str) -> Iterator[Any]:
    if ending != ".json":
        lines = (line for line in content.split("\n") if line.strip())
        yield from map(json.loads, lines)
        return
    whole = json.loads(content)
    if isinstance(whole, Mapping) and isinstance(whole.get("objects"), list):
        yield from whole["objects"]  # a STIX bundle
    elif isinstance(whole, list):
        yield from whole
    else:
        yield whole


def _csv(content: str) -> Iterator[Any]:
    yield from _table(content, ",")


def _tsv(content: str) -> Iterator[Any]:
    yield from _table(content, "\t")


def _table(content: str, delimiter: str) -> Iterator[Any]:
    before = csv.field_size_limit(_MAX_FIELD)
    try:
        yield from csv.DictReader(io.StringIO(content), delimiter=delimiter)
    finally:
        csv.field_size_limit(before)


_TABLES: Final = {".csv": _csv, ".tsv": _tsv}


def _text(record: object) -> str:
    if not isinstance(record, Mapping):
        return ""
    folded = {str(key).lower(): value for key, value in record.items()}
    bodies = [_string(folded, key) for key in _TEXTS]
    titles = [_string(folded, key) for key in _TITLES]
    if not any(bodies):
        return ""
    return "\n\n".join([*filter(None, titles[:2]), *dict.fromkeys(filter(None, bodies))])


def _string(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value.strip() if isinstance(value, str) else ""


def _name(record: Mapping[str, Any], number: int) -> str:
    for key in _KEYS:
        value = record.get(key)
        if isinstance(value, str | int) and str(value).strip():
            return str(value)[:200]
    return str(number)

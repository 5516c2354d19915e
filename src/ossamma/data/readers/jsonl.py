"""JSON Lines to documents and back: one object per line, as `record.py` describes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import Corpus, ReadReport, count_labels
from ossamma.data.readers.lines import WHOLE_FILE, LineRange, read_lines, shown, stream_lines
from ossamma.data.readers.record import (
    document_from_json,
    document_to_json,
    prediction_from_json,
    text_from_json,
)
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Entity, Provenance

__all__ = [
    "document_from_json",
    "document_to_json",
    "jsonl_line",
    "parse_object",
    "read_jsonl",
    "read_predictions_jsonl",
    "stream_jsonl",
    "stream_texts",
    "write_jsonl",
]

# A line holds a whole document, which may be a book; beyond this it is not a line of JSON.
MAX_LINE_BYTES: Final = 64 * 2**20
# JSON writes a character beyond U+FFFF as two surrogates, so two that stand side by side in a
# Python string would come back as one character and shift every offset behind them.
_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def read_jsonl(path: str | Path) -> Corpus:
    """Read documents. A record without an id is called `<file stem>-<line>`.

    Raises:
        FormatError: a faulty line, by its number and, for bad JSON, its column; or an id that an
            earlier line has.
        DataError: a file that is not there, or has no document.
    """
    path = Path(path)
    documents: list[Document] = []
    ids = _UniqueIds(path)
    for line, record in _records(path):
        document = document_from_json(
            record, place=Provenance(str(path), line), default_id=f"{path.stem}-{line}"
        )
        ids.add(document.id, line)
        documents.append(document)
    report = ReadReport(
        documents=len(documents),
        sentences=sum(len(document.sentence_starts) for document in documents),
        words=sum(len(document.words or ()) for document in documents),
        entities=sum(len(document.annotations or ()) for document in documents),
        labels=count_labels(documents),
    )
    return Corpus(path, "jsonl", tuple(documents), report)


def stream_jsonl(
    path: str | Path,
    *,
    where: Callable[[Mapping[str, object]], bool] | None = None,
    part: LineRange = WHOLE_FILE,
) -> Iterator[Document]:
    """Read documents one by one, with the memory of one; ids are not compared.

    Args:
        path: a file of JSON lines.
        where: which records to read, by what they hold; the others are not looked at further.
        part: which of its lines.

    Raises:
        FormatError: a faulty line, when it is reached.
        DataError: a file that is not there.
    """
    path = Path(path)
    for line, text in _stream(path, part):
        record = _parse(path, line, text)
        if where is None or not isinstance(record, dict) or where(record):
            place = Provenance(str(path), line)
            yield document_from_json(record, place=place, default_id=f"{path.stem}-{line}")


def stream_texts(path: str | Path) -> Iterator[tuple[str, Document]]:
    """Read id, text, data set and group of documents one by one, each with its line.

    Several times as fast as `stream_jsonl`; marks, words and all else are neither read nor checked.

    Raises:
        FormatError: a line that is no JSON or lacks these, when it is reached.
        DataError: a file that is not there.
    """
    path = Path(path)
    for line, text in _stream(path):
        place = Provenance(str(path), line)
        record = _parse(path, line, text)
        yield text, text_from_json(record, place=place, default_id=f"{path.stem}-{line}")


def read_predictions_jsonl(path: str | Path) -> Iterator[tuple[str, str, list[Entity]]]:
    """Read predictions: id, text and sorted entities with their confidence (1 if not given).

    A file that is missing or not text is refused at once, a faulty line when it is reached.

    Raises:
        FormatError: as `read_jsonl`; also a record without "entities", or an entity of several
            types.
        DataError: a file that is not there, or has no record.
    """
    path = Path(path)
    return _predictions(path, _records(path))


def write_jsonl(
    path: str | Path,
    documents: Iterable[Document],
    *,
    entities: Iterable[Sequence[Entity]] | None = None,
) -> int:
    """Write documents, or with `entities` (one sequence per document) predictions; return how many.

    The file appears as a whole or not at all (`atomic_write`). Every line is plain ASCII: nothing
    in a text can then be taken for a line end, and lone surrogates survive.

    Raises:
        DataError: a document that JSON cannot keep, or a place that cannot be written.
        SpanError: an entity that was not found in its document.
    """
    predictions = iter(entities) if entities is not None else None
    count = 0
    with atomic_write(path) as file:
        for count, document in enumerate(documents, start=1):
            found = next(predictions, None) if predictions is not None else None
            if predictions is not None and found is None:
                raise DataError(f"document {document.id!r} is number {count}, without predictions")
            file.write(jsonl_line(document, found))
        if predictions is not None and next(predictions, None) is not None:
            raise DataError(f"there are more predictions than documents, which are {count}")
    return count


def jsonl_line(document: Document, entities: Sequence[Entity] | None = None) -> str:
    """Return the line of a document or, with `entities`, of a prediction; with its line end.

    Raises:
        DataError: a document that JSON cannot keep.
        SpanError: an entity that was not found in its document.
    """
    if _SURROGATE_PAIR.search(document.text) or _SURROGATE_PAIR.search(document.id):
        raise DataError(
            f"{document.where}: two surrogates side by side, which JSON would merge into one "
            f"character; decode the text properly first"
        )
    record = document_to_json(document, entities)
    try:
        return _ENCODER.encode(record) + "\n"
    except ValueError as error:
        raise DataError(f"{document.where}: cannot be written as JSON: {error}") from error


def parse_object(text: str) -> object:
    """Parse JSON strictly: no key twice, no NaN or Infinity.

    Raises:
        ValueError: not JSON in this sense, with a message for the user.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("brackets nested too deeply") from None


class _UniqueIds:
    """Remembers which line brought each id, and refuses the second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, int] = {}

    def add(self, identifier: str, line: int) -> None:
        first = self._lines.setdefault(identifier, line)
        if first != line:
            raise FormatError(
                self._path,
                line,
                expected="an id that no earlier line has",
                got=f"{shown(identifier)}, the id of line {first}",
            )


def _records(path: Path) -> Iterator[tuple[int, object]]:
    """Read the file now, and return its objects one by one with their line numbers."""
    text = read_lines(path, max_line_bytes=MAX_LINE_BYTES)
    if text.faults:
        raise text.faults[0].error(path)
    numbered = [(n, line) for n, line in enumerate(text.lines, start=1) if line and line.strip()]
    if not numbered:
        raise DataError(f"{path}: no document in the file; expected one JSON object per line")
    return ((number, _parse(path, number, line)) for number, line in numbered)


def _stream(path: Path, part: LineRange = WHOLE_FILE) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    for line, text in stream_lines(path, max_line_bytes=MAX_LINE_BYTES, part=part):
        if text and not text.isspace():
            yield line, text


def _parse(path: Path, number: int, line: str) -> object:
    try:
        return parse_object(line)
    except ValueError as error:
        raise FormatError(
            path, number, expected="one JSON object per line", got=f"bad JSON: {error}"
        ) from None


def _predictions(
    path: Path, records: Iterator[tuple[int, object]]
) -> Iterator[tuple[str, str, list[Entity]]]:
    ids = _UniqueIds(path)
    for line, record in records:
        prediction = prediction_from_json(
            record, place=Provenance(str(path), line), default_id=f"{path.stem}-{line}"
        )
        ids.add(prediction[0], line)
        yield prediction


def _refuse_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return table


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


# Made once: `json.loads` and `json.dumps` make theirs anew for every line.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_refuse_repetition, parse_constant=_refuse_constant
)
_ENCODER: Final = json.JSONEncoder(allow_nan=False)

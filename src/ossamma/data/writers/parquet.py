"""Documents to Parquet and back, a row group at a time: nothing of a document is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from ossamma.data.readers.lines import read_bytes
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, SpanError
from ossamma.schema.spans import Annotation, Document, Provenance, Span

SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("words", pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64())]))),
        pa.field("sentence_starts", pa.list_(pa.int64()), nullable=False),
        pa.field(
            "entities",
            pa.list_(
                pa.struct(
                    [
                        ("start", pa.int64()),
                        ("end", pa.int64()),
                        ("labels", pa.list_(pa.string())),
                        ("origin", pa.string()),
                        ("confidence", pa.float64()),
                    ]
                )
            ),
        ),
        pa.field("annotates", pa.list_(pa.string())),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("line", pa.int64()),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
    ]
)
"""One row per document. Null `words`: the source did not split the text; null `entities`:
unlabelled; null `annotates`: all types are marked; null `source`: no provenance."""


# What the library raises for damaged files, and for values that a column cannot hold.
_BROKEN: Final = (pa.ArrowException, OSError, ValueError, LookupError, OverflowError)
_UNWRITABLE: Final = (pa.ArrowException, UnicodeEncodeError, OverflowError)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetSettings:
    """How large the row groups of a file are, which bound the memory of writer and reader."""

    max_group_documents: int = 4096
    """A row group has no more documents."""
    max_group_characters: int = 2**24
    """A row group is closed once its texts have this many characters."""
    max_group_bytes: int = 2**30
    """Reading refuses a row group that unpacks to more."""
    compression_level: int = 3
    """Of zstd, from 1 (fast) to 22 (small)."""

    def __post_init__(self) -> None:
        for name in ("max_group_documents", "max_group_characters", "max_group_bytes"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not 1 <= self.compression_level <= 22:
            raise ConfigurationError(
                f"compression_level must lie in [1, 22], got {self.compression_level}"
            )


DEFAULT_PARQUET: Final = ParquetSettings()


def write_parquet(
    path: str | Path, documents: Iterable[Document], settings: ParquetSettings = DEFAULT_PARQUET
) -> int:
    """Write documents as zstd-compressed Parquet and return how many.

    One row group is in memory at a time. The same documents give the same bytes (with one version
    of pyarrow). The file appears as a whole or not at all.

    Raises:
        DataError: text that is not Unicode, a number beyond 64 bits, or a place that cannot be
            written.
    """
    count = 0
    with (
        atomic_write(path, binary=True) as file,
        pq.ParquetWriter(
            file, SCHEMA, compression="zstd", compression_level=settings.compression_level
        ) as writer,
    ):
        for group in _groups(documents, settings):
            writer.write_table(_table(group), row_group_size=len(group))
            count += len(group)
    return count


def read_parquet(
    path: str | Path, settings: ParquetSettings = DEFAULT_PARQUET
) -> Iterator[Document]:
    """Read back what `write_parquet` wrote, one row group at a time.

    The file is looked at at once; a damaged row group is only found when it is reached.

    Raises:
        FormatError: no Parquet file, one that is truncated or damaged, other columns, or a row
            that is no document.
        DataError: no such file.
    """
    path = Path(path)
    try:
        file = pq.ParquetFile(path)
        _check_file(path, file, settings)
    except _BROKEN as error:
        if not path.is_file():
            read_bytes(path)  # says what hinders, with advice
        raise _damaged(path, error) from error
    return _documents(path, file)


def _groups(documents: Iterable[Document], settings: ParquetSettings) -> Iterator[list[Document]]:
    group: list[Document] = []
    characters = 0
    for document in documents:
        group.append(document)
        characters += len(document.text)
        if (
            len(group) >= settings.max_group_documents
            or characters >= settings.max_group_characters
        ):
            yield group
            group, characters = [], 0
    if group:
        yield group


def _table(group: list[Document]) -> pa.Table:
    try:
        return pa.Table.from_pylist([_row(document) for document in group], schema=SCHEMA)
    except _UNWRITABLE as error:
        culprit = next((document for document in group if not _fits(document)), group[0])
        raise DataError(
            f"{culprit.where}: cannot be written as Parquet: {error}; expected Unicode text of "
            "less than 2 GiB and numbers of 64 bits"
        ) from error


def _fits(document: Document) -> bool:
    try:
        pa.Table.from_pylist([_row(document)], schema=SCHEMA)
    except _UNWRITABLE:
        return False
    return True


def _row(document: Document) -> dict[str, object]:
    place = document.provenance
    return {
        "id": document.id,
        "text": document.text,
        "words": None
        if document.words is None
        else [{"start": word.start, "end": word.end} for word in document.words],
        "sentence_starts": list(document.sentence_starts),
        "entities": None
        if document.annotations is None
        else [_entity(annotation) for annotation in document.annotations],
        "annotates": None if document.annotates is None else sorted(document.annotates),
        "weight": document.weight,
        "source": None if place is None else place.source,
        "line": None if place is None else place.line,
        "dataset": document.dataset,
        "group": document.group,
    }


def _entity(annotation: Annotation) -> dict[str, object]:
    return {
        "start": annotation.start,
        "end": annotation.end,
        "labels": list(annotation.labels),
        "origin": annotation.origin,
        "confidence": annotation.confidence,
    }


def _check_file(path: Path, file: pq.ParquetFile, settings: ParquetSettings) -> None:
    if not file.schema_arrow.equals(SCHEMA):
        columns = ", ".join(f"{field.name}: {field.type}" for field in file.schema_arrow)
        raise FormatError(
            path,
            None,
            expected=f"the columns {', '.join(SCHEMA.names)} as write_parquet makes them",
            got=columns[:500] or "no columns",
        )
    for number in range(file.num_row_groups):
        num_bytes = file.metadata.row_group(number).total_byte_size
        if num_bytes > settings.max_group_bytes:
            raise FormatError(
                path,
                None,
                expected=f"row groups of at most {settings.max_group_bytes} bytes",
                got=f"{num_bytes} in group {number}; raise max_group_bytes if you trust the file",
            )


def _documents(path: Path, file: pq.ParquetFile) -> Iterator[Document]:
    row_number = 0
    with file:
        for group in range(file.num_row_groups):
            try:
                rows = file.read_row_group(group).to_pylist()
            except _BROKEN as error:
                raise _damaged(path, error) from error
            for row in cast("list[dict[str, Any]]", rows):
                row_number += 1
                try:
                    yield _document(row)
                except (SpanError, TypeError) as error:
                    raise FormatError(
                        path, None, expected=f"a document in row {row_number}", got=str(error)
                    ) from error


def _document(row: dict[str, Any]) -> Document:
    words, entities, annotates = row["words"], row["entities"], row["annotates"]
    source = row["source"]
    return Document(
        id=row["id"],
        text=row["text"],
        words=None if words is None else tuple(Span(w["start"], w["end"]) for w in words),
        sentence_starts=tuple(row["sentence_starts"]),
        annotations=None
        if entities is None
        else tuple(
            Annotation(e["start"], e["end"], tuple(e["labels"]), e["origin"], e["confidence"])
            for e in entities
        ),
        annotates=None if annotates is None else frozenset(annotates),
        weight=row["weight"],
        provenance=None if source is None else Provenance(source, row["line"]),
        dataset=row["dataset"],
        group=row["group"],
    )


def _damaged(path: Path, error: Exception) -> FormatError:
    return FormatError(
        path, None, expected="a whole Parquet file", got=f"a truncated or damaged one: {error}"
    )

"""Parquet files with a column of texts, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.near_names import near
from ossamma.schema.spans import Document, Provenance

_BATCH: Final = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetText:
    """Which column is read, and how rows become documents."""

    text: str = "text"
    """The column of the texts."""
    join_rows: int = 1
    """So many successive rows, a line feed between them, are one document: for corpora with one
    sentence a row."""

    def __post_init__(self) -> None:
        if not self.text:
            raise ConfigurationError("text must name a column, got an empty name")
        if self.join_rows < 1:
            raise ConfigurationError(f"join_rows must be >= 1, got {self.join_rows}")


def read_parquet(
    file: CorpusFile, settings: ParquetText, left_out: LeftOutCounts
) -> Iterator[Document]:
    """Yield the texts, called `<name>-<row>` by their first row, from 0. Nulls are skipped.

    Raises:
        DataError: no such file, or a broken one.
        FormatError: no column of that name, or none of strings, or too large a row group.
    """
    held: list[str] = []
    first = 0
    for row, value in enumerate(_values(file, settings.text)):
        if value is None:
            left_out.skip("a null", f"{file.path}, row {row}")
            continue
        first = first if held else row
        held.append(value)
        if len(held) == settings.join_rows:
            yield _document(file, first, held)
            held = []
    if held:
        yield _document(file, first, held)


def _document(file: CorpusFile, row: int, texts: list[str]) -> Document:
    return Document(
        id=f"{file.name}-{row}", text="\n".join(texts), provenance=Provenance(str(file.path))
    )


def _values(file: CorpusFile, column: str) -> Iterator[str | None]:
    """Yield the values of a column; what pyarrow raises becomes an error with the file's name."""
    try:
        with pq.ParquetFile(file.path) as parquet:
            _check(file, parquet, column)
            for batch in parquet.iter_batches(batch_size=_BATCH, columns=[column]):
                yield from batch.column(0).to_pylist()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{file.path}: expected a whole Parquet file, got: {error}") from error


def _check(file: CorpusFile, parquet: Any, column: str) -> None:  # noqa: ANN401  pyarrow has no types
    schema = parquet.schema_arrow
    if column not in schema.names:
        raise FormatError(
            file.path,
            None,
            expected=f"a column {column!r}",
            got=f"the columns {', '.join(schema.names)}{near(column, schema.names)}",
        )
    kind = schema.field(column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise FormatError(
            file.path, None, expected=f"strings in the column {column!r}", got=f"{kind}"
        )
    limit = file.limits.max_row_group_bytes
    for number in range(parquet.metadata.num_row_groups):
        group = parquet.metadata.row_group(number)
        for place in range(group.num_columns):
            part = group.column(place)
            if part.path_in_schema == column and part.total_uncompressed_size > limit:
                raise FormatError(
                    file.path,
                    None,
                    expected=f"at most {limit} bytes in a row group of {column!r}",
                    got=f"{part.total_uncompressed_size} in number {number}; write smaller ones",
                )

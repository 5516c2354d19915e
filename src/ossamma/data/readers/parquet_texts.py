"""Parquet files with a column `text`, and perhaps a column `id`: unlabelled documents by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Provenance

MAGIC: Final = b"PAR1"
"""How a Parquet file begins."""
_TEXT: Final = "text"
_ID: Final = "id"
_BATCH: Final = 256
_BROKEN: Final = (pa.ArrowException, OSError, ValueError, LookupError)


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows [begin, end) of a file, counted from 0."""

    begin: int
    end: int


def plan_rows(path: Path, *, part_bytes: int) -> list[RowRange]:
    """Cut a file into ranges of rows with about so many bytes of text each, none across a group.

    Raises:
        FormatError: no Parquet file, a damaged one, or one without a column of texts.
        DataError: it has no row.
    """
    with _open(path) as file:
        place = file.schema_arrow.names.index(_TEXT)
        found: list[RowRange] = []
        begin = 0
        for number in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(number)
            found += _cut(begin, group.num_rows, _bytes_of(group, place), part_bytes)
            begin += group.num_rows
    if not found:
        raise DataError(f"{path}: no row in the file; expected one document per row")
    return found


def stream_rows(path: Path, rows: RowRange) -> Iterator[Document]:
    """Read the documents of some rows; one without an id is called `<file stem>-<row>`, from 1.

    Raises:
        FormatError: a damaged file, or a row without a text; says which, from 1.
    """
    with _open(path) as file:
        columns = [name for name in (_TEXT, _ID) if name in file.schema_arrow.names]
        for number, text, identifier in _values(path, file, rows, columns):
            if not isinstance(text, str):
                raise _row_fault(path, number, "a text", "null")
            if identifier == "":
                raise _row_fault(path, number, "a non-empty id, or null", "an empty one")
            name = f"{path.stem}-{number}" if identifier is None else str(identifier)
            yield Document(id=name, text=text, provenance=Provenance(str(path), number))


def _values(
    path: Path,
    file: Any,  # noqa: ANN401  pyarrow has no types
    rows: RowRange,
    columns: list[str],
) -> Iterator[tuple[int, object, object]]:
    """Yield number (from 1), text and id of the rows; only the groups that hold them are read."""
    groups, number = _groups_of(file, rows)
    try:
        for batch in file.iter_batches(batch_size=_BATCH, row_groups=groups, columns=columns):
            first, number = number, number + batch.num_rows
            if number <= rows.begin:
                continue
            if first >= rows.end:
                return
            skip = max(rows.begin - first, 0)
            part = batch.slice(skip, min(rows.end, number) - first - skip)
            for place, record in enumerate(_records(path, part, first + skip)):
                yield first + skip + place + 1, record[_TEXT], record.get(_ID)
    except _BROKEN as error:
        raise _damaged(path, error) from error


def _records(path: Path, part: Any, first: int) -> list[dict[str, object]]:  # noqa: ANN401
    try:
        found: list[dict[str, object]] = part.to_pylist()
    except UnicodeDecodeError:
        for row in range(part.num_rows):
            try:
                part.slice(row, 1).to_pylist()
            except UnicodeDecodeError as error:
                got = f"byte 0x{error.object[error.start]:02x} at byte {error.start + 1} of it"
                raise _row_fault(path, first + row + 1, "UTF-8 text", got) from error
        raise
    return found


def _groups_of(file: Any, rows: RowRange) -> tuple[list[int], int]:  # noqa: ANN401
    """Return the row groups that rows lie in, and the first row of these groups."""
    found: list[int] = []
    start = begin = 0
    for number in range(file.metadata.num_row_groups):
        end = begin + file.metadata.row_group(number).num_rows
        if begin < rows.end and end > rows.begin:
            start = start if found else begin
            found.append(number)
        begin = end
    return found, start


def _cut(begin: int, num_rows: int, num_bytes: int, part_bytes: int) -> Iterator[RowRange]:
    rows = max(1, num_rows * part_bytes // max(num_bytes, 1))
    for first in range(begin, begin + num_rows, rows):
        yield RowRange(first, min(first + rows, begin + num_rows))


def _bytes_of(group: Any, place: int) -> int:  # noqa: ANN401
    """Bytes of a column once unpacked. Nested columns before it would shift its place."""
    for number in range(place, group.num_columns):
        column = group.column(number)
        if column.path_in_schema == _TEXT:
            return int(column.total_uncompressed_size)
    return int(group.total_byte_size)


def _open(path: Path) -> Any:  # noqa: ANN401
    try:
        file = pq.ParquetFile(path)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    schema = file.schema_arrow
    kind = schema.field(_TEXT).type if _TEXT in schema.names else None
    kind = kind.value_type if kind is not None and pa.types.is_dictionary(kind) else kind
    if kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return file
    file.close()
    got = f"the columns {', '.join(schema.names)}" if kind is None else f"{kind} in it"
    raise FormatError(path, None, expected="a column `text` of strings", got=got)


def _row_fault(path: Path, number: int, expected: str, got: str) -> FormatError:
    return FormatError(path, None, expected=f"{expected} in row {number}", got=got)


def _damaged(path: Path, error: Exception) -> FormatError:
    return FormatError(
        path, None, expected="a whole Parquet file", got=f"a truncated or damaged one: {error}"
    )

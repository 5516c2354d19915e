"""Rows of Parquet come out as documents, and a row that is none is named."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ossamma.data.readers.parquet_texts import RowRange, plan_rows, stream_rows
from ossamma.schema.errors import DataError, FormatError


def write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_any_range_is_a_cut_of_the_whole(tmp_path):
    texts = [f"text {number}" for number in range(700)]
    path = write(tmp_path / "a.parquet", {"text": texts}, row_group_size=300)
    for begin, end in [(0, 700), (0, 1), (299, 301), (256, 257), (650, 700), (10, 600)]:
        found = list(stream_rows(path, RowRange(begin, end)))
        assert [document.text for document in found] == texts[begin:end]
        assert found[0].id == f"a-{begin + 1}"


def test_a_dictionary_of_strings_is_text(tmp_path):
    column = pa.array(["Ada", "Ada", "Bob"]).dictionary_encode()
    path = write(tmp_path / "a.parquet", {"text": column})
    assert [d.text for d in stream_rows(path, RowRange(0, 3))] == ["Ada", "Ada", "Bob"]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"body": ["Ada"]}, "expected a column `text` of strings, got the columns body"),
        ({"text": [1]}, "expected a column `text` of strings, got int64 in it"),
    ],
)
def test_other_columns_are_refused(tmp_path, columns, complaint):
    with pytest.raises(FormatError, match=complaint):
        plan_rows(write(tmp_path / "a.parquet", columns), part_bytes=10)


def test_a_file_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match="no row in the file"):
        plan_rows(write(tmp_path / "a.parquet", {"text": pa.array([], pa.string())}), part_bytes=1)


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        (pa.array(["a", "b", None]), "expected a text in row 3, got null"),
        (
            pa.array([b"a", b"b", b"x\xff"]).cast(pa.binary()).view(pa.string()),
            "expected UTF-8 text in row 3, got byte 0xff at byte 2",
        ),
    ],
)
def test_a_bad_row_is_named(tmp_path, column, complaint):
    path = write(tmp_path / "a.parquet", {"text": column})
    with pytest.raises(FormatError, match=complaint):
        list(stream_rows(path, RowRange(1, 3)))
    assert len(list(stream_rows(path, RowRange(0, 2)))) == 2


def test_an_empty_id_is_refused(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": ["a"], "id": [""]})
    with pytest.raises(FormatError, match="expected a non-empty id, or null in row 1"):
        list(stream_rows(path, RowRange(0, 1)))


def test_any_damage_is_an_error_of_ours(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": [f"{n} {'x' * 50}" for n in range(500)]})
    content = path.read_bytes()
    for cut in (0, 3, 8, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises((FormatError, DataError)):
            plan_rows(path, part_bytes=100)
    path.write_bytes(content[:40] + bytes(len(content) // 2 - 40) + content[len(content) // 2 :])
    with pytest.raises(FormatError):
        list(stream_rows(path, RowRange(0, 500)))

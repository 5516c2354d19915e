"""Parquet: the strings of a column in order, in every row group."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.pretraining.corpus_stream import CorpusFile, CorpusLimits, LeftOutCounts
from ossamma.data.pretraining.parquet import ParquetText, read_parquet
from ossamma.schema.errors import ConfigurationError, DataError, FormatError


def read(path, left_out=None, *, limits=None, **options):
    file = CorpusFile(path, "p", limits or CorpusLimits())
    return list(read_parquet(file, ParquetText(**options), left_out or LeftOutCounts()))


@settings(max_examples=25)
@given(
    values=st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=9),
    group=st.integers(1, 4),
    join=st.integers(1, 3),
)
def test_rows_come_back(tmp_path_factory, values, group, join):
    path = tmp_path_factory.getbasetemp() / "a.parquet"
    table = pa.table({"n": list(range(len(values))), "body": pa.array(values, pa.string())})
    pq.write_table(table, path, row_group_size=group)
    left_out = LeftOutCounts()
    found = read(path, left_out, text="body", join_rows=join)
    rows = [(row, value) for row, value in enumerate(values) if value is not None]
    parts = [rows[start : start + join] for start in range(0, len(rows), join)]
    assert [d.text for d in found] == ["\n".join(value for _, value in part) for part in parts]
    assert [d.id for d in found] == [f"p-{part[0][0]}" for part in parts]
    assert sum(left_out.counts.values()) == values.count(None)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_kind_of_string_column(tmp_path, kind):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array(["a", "b", "a"]).cast(kind)}), path)
    assert [d.text for d in read(path)] == ["a", "b", "a"]


def test_what_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"txt": ["a" * 5000], "n": [1]}), path)
    with pytest.raises(FormatError, match="did you mean txt"):
        read(path)
    with pytest.raises(FormatError, match="strings"):
        read(path, text="n")
    with pytest.raises(FormatError, match="row group"):
        read(path, text="txt", limits=CorpusLimits(max_row_group_bytes=10))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"a\.parquet"):
        read(path, text="txt")
    with pytest.raises(DataError, match=r"none\.parquet"):
        read(tmp_path / "none.parquet")
    for options in ({"text": ""}, {"join_rows": 0}):
        with pytest.raises(ConfigurationError):
            ParquetText(**options)

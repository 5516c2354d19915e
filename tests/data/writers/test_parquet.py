"""Parquet: nothing is lost, the bytes are always the same, damage is named."""

from __future__ import annotations

import random
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.writers.parquet import SCHEMA, ParquetSettings, read_parquet, write_parquet
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, OssammaError
from ossamma.schema.spans import Annotation, Document, Provenance, Span

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def documents(draw):
    text = draw(TEXT)
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [Span(*pair) for pair in zip(borders[::2], borders[1::2], strict=False)]
    annotation = st.builds(
        lambda span, labels, origin, confidence: Annotation(
            span.start, span.end, tuple(sorted(labels)), origin, confidence
        ),
        st.sampled_from(spans or [None]),
        st.sets(TEXT.filter(bool), min_size=1, max_size=3),
        TEXT,
        st.floats(0, 1),
    )
    found = st.lists(annotation, max_size=3) if spans else st.just([])
    starts = st.sets(st.integers(0, len(spans) - 1)) if spans else st.just(set())
    words = draw(st.booleans())
    return Document(
        id=draw(TEXT),
        text=text,
        words=tuple(spans) if words else None,
        sentence_starts=tuple(sorted(draw(starts))) if words else (),
        annotations=draw(st.none() | found.map(tuple)),
        annotates=draw(st.none() | st.frozensets(TEXT, max_size=3)),
        weight=draw(st.floats(0, 1e300)),
        provenance=draw(st.none() | st.builds(Provenance, TEXT, st.none() | st.integers(1, 2**40))),
        dataset=draw(TEXT),
        group=draw(TEXT),
    )


@settings(max_examples=25)
@given(st.lists(documents(), max_size=5), st.integers(1, 3))
def test_nothing_is_lost(tmp_path_factory, case, group):
    path = tmp_path_factory.mktemp("parquet") / "x.parquet"
    assert write_parquet(path, case, ParquetSettings(max_group_documents=group)) == len(case)
    assert list(read_parquet(path)) == case
    first = path.read_bytes()
    write_parquet(path, iter(case), ParquetSettings(max_group_documents=group))
    assert path.read_bytes() == first


def plain(number, text="some text"):
    return Document(id=f"d-{number}", text=text, annotations=(Annotation(0, 4, ("A",)),))


def test_row_groups_are_bounded(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(path, map(plain, range(10)), ParquetSettings(max_group_documents=4))
    groups = pq.ParquetFile(path).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [4, 4, 2]
    assert groups.row_group(0).column(0).compression == "ZSTD"
    write_parquet(path, map(plain, range(10)), ParquetSettings(max_group_characters=27))
    assert pq.ParquetFile(path).metadata.num_row_groups == 4


def test_writing_and_reading_stream(tmp_path):
    path = tmp_path / "x.parquet"
    small = ParquetSettings(max_group_characters=100_000)
    tracemalloc.start()
    try:
        count = write_parquet(path, (plain(n, "x" * 10_000) for n in range(1_000)), small)
        length = sum(len(document.text) for document in read_parquet(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, length) == (1_000, 10_000_000)
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "document",
    [
        Document(id="bad", text="a\ud800"),
        Document(id="bad", text="a", provenance=Provenance("x", 2**70)),
    ],
)
def test_what_parquet_cannot_hold_is_named(tmp_path, document):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match="'bad'"):
        write_parquet(path, [plain(0), document])
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = tmp_path / "x.parquet"
    write_parquet(path, map(plain, range(10)))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * part)])
    with pytest.raises(OssammaError, match=r"x\.parquet: .*(damaged|empty)"):
        list(read_parquet(path))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_parquet(tmp_path / "absent.parquet")
    with pytest.raises(DataError, match="folder"):
        read_parquet(tmp_path)


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), path)
    with pytest.raises(FormatError, match=r"got text: string, label: int64"):
        read_parquet(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"words": [{"start": -1, "end": 1}]},
        {"words": [{"start": None, "end": 1}]},
        {"words": [{"start": 0, "end": 9}]},
        {"words": [None]},
        {"entities": [{"start": 0, "end": 9, "labels": ["A"], "origin": "", "confidence": 1.0}]},
        {"entities": [{"start": 0, "end": 1, "labels": None, "origin": "", "confidence": 1.0}]},
        {"entities": [{"start": 0, "end": 1, "labels": ["A"], "origin": "", "confidence": 7.0}]},
        {"sentence_starts": [5]},
        {"weight": -1.0},
    ],
)
def test_rows_that_are_no_documents_are_refused(tmp_path, changes):
    path = tmp_path / "x.parquet"
    write_parquet(path, [plain(0, "text")])
    row = pq.read_table(path).to_pylist()[0]
    pq.write_table(pa.Table.from_pylist([row, row | changes], schema=SCHEMA), path)
    with pytest.raises(FormatError, match="row 2"):
        list(read_parquet(path))


def test_a_row_group_too_large_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(path, [plain(0, "x" * 100_000)])
    with pytest.raises(FormatError, match="at most 1000 bytes"):
        read_parquet(path, ParquetSettings(max_group_bytes=1000))


@pytest.mark.parametrize("seed", range(25))
def test_damage_ends_in_a_clear_error_or_in_documents(tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "x.parquet"
    write_parquet(path, map(plain, range(10)))
    raw = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    path.write_bytes(raw)
    try:
        named = all(isinstance(document, Document) for document in read_parquet(path))
    except OssammaError as error:
        named = "x.parquet" in str(error)
    assert named


@pytest.mark.parametrize(
    "wrong", [{"max_group_documents": 0}, {"compression_level": 23}, {"max_group_bytes": -1}]
)
def test_settings_are_checked_at_birth(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        ParquetSettings(**wrong)

"""Shards tile their files: whatever their size, they hold every document once and in order."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.shards import Shard, ShardKind, documents_of
from ossamma.ingestion.unlabelled import documents_in, texts_in
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

TEXTS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=12), max_size=8)


def told(documents):
    return [(document.id, document.text) for document in documents]


def shards_of(path, size, **options):
    return plan([path], PlanSettings(shard_bytes=size, **options))


def held(shards):
    return told(document for shard in shards for document in documents_of(shard))


def write_jsonl(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@settings(max_examples=60)
@given(texts=TEXTS, size=st.integers(1, 60), end=st.sampled_from(["", "\n"]))
def test_lines_are_tiled(tmp_path_factory, texts, size, end):
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_bytes(("\n".join(texts) + end).encode())
    assert held(shards_of(path, size, lines=True)) == told(texts_in([path], by_line=True))


@settings(max_examples=60)
@given(texts=TEXTS.filter(bool), size=st.integers(1, 120), named=st.booleans())
def test_json_lines_are_tiled(tmp_path_factory, texts, size, named):
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    records = [
        {"text": text} | ({"id": f"n{number}"} if named else {})
        for number, text in enumerate(texts)
    ]
    write_jsonl(path, records)
    assert held(shards_of(path, size, documents=True)) == told(documents_in([path]))


@settings(max_examples=40)
@given(
    texts=TEXTS.filter(bool),
    size=st.integers(1, 200),
    group=st.integers(1, 5),
    named=st.booleans(),
    large=st.booleans(),
)
def test_rows_are_tiled(tmp_path_factory, texts, size, group, named, large):
    path = tmp_path_factory.mktemp("rows") / "a.parquet"
    columns = {"n": pa.array([[1]] * len(texts)), "text": pa.array(texts, _strings(large=large))}
    if named:
        columns["id"] = pa.array(range(len(texts)))
    pq.write_table(pa.table(columns), path, row_group_size=group)
    names = [str(n) if named else f"a-{n + 1}" for n in range(len(texts))]
    assert held(shards_of(path, size, documents=True)) == list(zip(names, texts, strict=True))


def _strings(*, large):
    return pa.large_string() if large else pa.string()


def test_texts_are_whole_files_in_order(tmp_path):
    paths = []
    for name in "cab":
        paths.append(tmp_path / name)
        paths[-1].write_text(f"{name} Ada\r\n")
    shards = plan(paths, PlanSettings(shard_bytes=9))
    assert [len(shard.paths) for shard in shards] == [2, 1]
    assert held(shards) == told(texts_in(paths))


def test_a_column_file_is_one_shard(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("Ada B-PER\n\nOslo B-LOC\n")
    [shard] = shards_of(path, 1, documents=True)
    assert shard.kind is ShardKind.CONLL
    assert held([shard]) == told(documents_in([path]))


def test_a_shard_survives_json(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "Ada"}] * 3)
    for shard in shards_of(path, 1, documents=True):
        assert Shard.from_json(shard.to_json()) == shard


def test_only_what_changed_is_named_anew(tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", [{"id": str(n), "text": "Ada"} for n in range(4)])
    before = [shard.file_name for shard in shards_of(path, 1, documents=True)]
    write_jsonl(path, [{"id": str(n), "text": "Ada" if n != 2 else "Oslo"} for n in range(4)])
    after = [shard.file_name for shard in shards_of(path, 1, documents=True)]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False, True]
    assert sorted(before) == before


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"PAR1 and then nothing", "expected a whole Parquet file"),
    ],
)
def test_a_damaged_file_is_refused_at_once(tmp_path, content, complaint):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises((DataError, FormatError), match=complaint):
        shards_of(path, 100, documents=True)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"id": "b"}', 'a.jsonl:3: expected the key "text"'),
        (b'{"text": 7}', 'a.jsonl:3: expected "text" to be a string'),
        (b'{"text": "\xff"}', "a.jsonl:3: expected UTF-8 text, got byte 0xff"),
        (b'{"text": ', "a.jsonl:3: expected one JSON object per line"),
    ],
)
def test_a_bad_line_is_named_by_its_number_in_the_file(tmp_path, line, complaint):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "Ada"}\n{"text": "Bob"}\n' + line + b"\n")
    with pytest.raises(FormatError) as caught:
        held(shards_of(path, 1, documents=True))
    assert complaint in str(caught.value)


def test_a_line_of_text_that_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\nb\n\xff\n")
    with pytest.raises(FormatError, match=r"a.txt:3: expected UTF-8 text"):
        held(shards_of(path, 2, lines=True))


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigurationError):
        PlanSettings(documents=True, lines=True)
    with pytest.raises(ConfigurationError):
        PlanSettings(shard_bytes=0)

"""JSON lines: a text for each record, and a fault with its line for each that has none."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.text_json import TextJson, read_text_json
from ossamma.schema.errors import ConfigurationError


def read(path, left_out=None, **options):
    file = CorpusFile(path, "c")
    return list(read_text_json(file, TextJson(**options), left_out or LeftOutCounts()))


@given(texts=st.lists(st.text(), max_size=5))
def test_texts_come_back(tmp_path_factory, texts):
    path = tmp_path_factory.getbasetemp() / "a.jsonl.gz"
    lines = "".join(json.dumps({"content": text, "x": [1]}) + "\n" for text in texts)
    path.write_bytes(gzip.compress(lines.encode()))
    found = read(path, text="content")
    assert [document.text for document in found] == texts
    assert [document.id for document in found] == [f"c-{n + 1}" for n in range(len(texts))]


def test_ids_and_titles_are_read_where_there_are_any(tmp_path):
    path = tmp_path / "a.jsonl"
    records = [
        {"id": 7, "text": "a", "title": "T"},
        {"id": "", "text": "b"},
        {"id": True, "text": "c"},
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    found = read(path, title="title")
    assert [(d.id, d.text) for d in found] == [("7", "T\na"), ("c-2", "b"), ("c-3", "c")]
    assert [d.id for d in read(path, id="")] == ["c-1", "c-2", "c-3"]


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", '{"text": 1}', '{"a": "b"}', "[" * 100_000, '{"text": "a", "text": "b"}', "\0"],
)
def test_a_faulty_line_is_left_out_with_its_place(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "good"}}\n\n{line}\n{{"text": "too"}}\n')
    left_out = LeftOutCounts()
    assert [d.text for d in read(path, left_out)] == ["good", "too"]
    assert left_out.num_faults == 1
    [[place]] = left_out.examples.values()
    assert place.startswith(f"{path}:3")


def test_a_field_must_have_a_name():
    with pytest.raises(ConfigurationError, match="text"):
        TextJson(text="")

"""Ingesting twice, in parts, or with a crash between gives one and the same graph."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys

import pytest

from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.ingestion.sinks import JsonlSink, ReadText, parse_sink
from ossamma.ingestion.state import IngestState
from ossamma.schema.errors import ConfigurationError, FormatError
from tests.graph import cyber
from tests.graph.stores.test_stores import content
from tests.ingestion.ingester import SMALL, ingest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    for number in range(20):
        text = f"Report {number}. {cyber.TEXTS[number % 4]}"
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "zz.pdf").write_bytes(b"no pdf")
    return folder


def test_twice_is_once_and_only_the_new_is_done(folder, tmp_path):
    store = MemoryStore()
    first = ingest(folder, store, tmp_path / "state")
    before = content(store)
    second = ingest(folder, store, tmp_path / "state")
    assert (first.documents, first.skipped, second.documents, second.skipped) == (20, 0, 0, 20)
    assert content(store) == before
    third = ingest(folder, store, tmp_path / "other")  # as if the state were lost
    assert third.documents == 20
    assert content(store) == before
    (folder / "new.txt").write_text("Zebrocy again.", encoding="utf-8")
    assert ingest(folder, store, tmp_path / "state").documents == 1


def test_what_cannot_be_read_is_put_aside_with_its_reason(folder, tmp_path):
    report = ingest(folder, MemoryStore(), tmp_path / "state")
    [(name, reason)] = report.dead
    assert name == "reports/zz.pdf"
    [letter] = (tmp_path / "state.dead").glob("*.json")
    assert json.loads(letter.read_text(encoding="utf-8"))["reason"] == reason
    assert letter.with_suffix(".file").read_bytes() == b"no pdf"


def test_the_size_of_batches_does_not_matter(folder, tmp_path):
    one, many = MemoryStore(), MemoryStore()
    ingest(folder, one, tmp_path / "one", batch_documents=1)
    ingest(folder, many, tmp_path / "many")
    assert content(one) == content(many)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_kill_9_and_going_on_gives_the_whole_graph(folder, tmp_path, seed):
    where = tmp_path / "graph.lbug"
    arguments = [sys.executable, "-m", "tests.ingestion.ingester", str(folder), str(where)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        for _ in range(random.Random(seed).randrange(3, 18)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    store = EmbeddedStore(where, SMALL)
    ingest(folder, store, where.with_suffix(".state"), batch_documents=2)
    whole = MemoryStore()
    ingest(folder, whole, tmp_path / "whole")
    assert content(store) == content(whole)
    store.close()


def test_a_line_of_the_state_that_was_cut_off_counts_for_nothing(tmp_path):
    path = tmp_path / "state"
    IngestState(path, "b").add(["one", "two"])
    path.write_bytes(path.read_bytes()[:-20])
    state = IngestState(path, "b")
    assert state.is_done("one")
    assert not state.is_done("two")
    state.add(["three"])
    again = IngestState(path, "b")
    assert again.is_done("three")
    assert not IngestState(path, "other").is_done("one")


def test_lines_are_written_once_and_a_cut_off_one_again(tmp_path):
    path = tmp_path / "out.jsonl"
    [entities] = cyber.WordRecogniser().recognise([cyber.TEXTS[0]])
    texts = [ReadText("a", cyber.TEXTS[0], tuple(entities)), ReadText("b", "x", ())]
    JsonlSink(path, "b").write(texts, time="2026")
    whole = path.read_bytes()
    JsonlSink(path, "b").write(texts, time="2027")
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-9])
    JsonlSink(path, "b").write(texts, time="2026")
    assert path.read_bytes() == whole
    first = json.loads(whole.splitlines()[0])
    for one in first["entities"]:
        assert first["text"][one["start"] : one["end"]] == one["text"]
    path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(FormatError):
        JsonlSink(path, "b")


def test_sinks_are_named_by_kind_ending_or_url(tmp_path):
    assert parse_sink("neo4j://host").kind == "graph"
    assert parse_sink("neo4j://host").state is None
    assert parse_sink("a.jsonl").kind == parse_sink("jsonl:x").kind == "jsonl"
    assert parse_sink(f"embedded:{tmp_path}").place == str(tmp_path / "graph.lbug")
    assert parse_sink("g.lbug").place == "g.lbug"
    for wrong in ("x.txt", "embedded:", "what"):
        with pytest.raises(ConfigurationError):
            parse_sink(wrong)

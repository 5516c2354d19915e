"""What an ingestion tells Prometheus: how it ended, and how its graph is."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.graph.batch import batch_of
from ossamma.graph.census import census
from ossamma.graph.recording import Recorder
from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.graph.values import Decision, DecisionKind, EdgeType
from ossamma.ingestion.monitoring.textfile import IngestOutcome, write_ingest_metrics
from ossamma.ingestion.run import IngestReport
from ossamma.ingestion.sinks import GraphSink
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.ingestion.streaming.outlets import SinkOutlet
from ossamma.pipeline.ingest import IngestRequest, ingest, shown_sink
from ossamma.schema.errors import ConfigurationError
from tests.graph import cyber
from tests.graph.writer import SETTINGS as SMALL


def filled(store):
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words")
    for text in (*cyber.TEXTS, "Fancy Baer is APT28.\n"):
        [entities] = cyber.WordRecogniser().recognise([text])
        store.write(batch_of(recorder.values("a", text, entities, time="2026")))
    return store


def read(path):
    """Every sample of a file: {(name, sink, other label if any): value}."""
    return {
        (sample.name, sample.labels.pop("sink"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8"))
        for sample in family.samples
    }


def test_a_census_counts_guesses_until_somebody_decides():
    store = filled(MemoryStore())
    same = store.edges([EdgeType.SAME_AS])
    guesses = [edge for edge in same if "letters" in edge.reason]
    found = census(store, is_thorough=True)
    assert (found.guessed, found.bare) == (len(guesses), 0) == (1, 0)
    assert found.counts == store.counts()
    assert census(store).bare is None
    ends = guesses[0].source, guesses[0].target
    store.write(batch_of([Decision(DecisionKind.SAME, *ends, "2026")]))
    assert census(store).guessed == 0


def test_what_a_run_did_and_how_the_graph_is_stand_in_the_file(tmp_path):
    path, store = tmp_path / "folder" / "a.prom", filled(MemoryStore())
    report = IngestReport(files=10, skipped=3, documents=20, mentions=70, characters=900)
    report.dead.append(("x.pdf", "no PDF"))
    write_ingest_metrics(path, "twin", IngestOutcome(report, 100.0, 2.5), census(store))
    found = read(path)
    outcomes = {o: found["ner_ingest_files", "twin", o] for o in ("written", "dead", "skipped")}
    assert outcomes == {"written": 6, "dead": 1, "skipped": 3}
    assert sum(outcomes.values()) == report.files
    assert found["ner_ingest_duration_seconds", "twin"] == 2.5
    assert found["ner_ingest_last_success_timestamp_seconds", "twin"] == 100.0
    for kind, number in store.counts().edges.items():
        assert found["ner_graph_edges", "twin", kind.value] == number
    assert found["ner_graph_guessed_merges", "twin"] == 1
    assert ("ner_graph_edges_without_evidence", "twin") not in found, "it was not counted"


def test_after_a_bad_run_the_last_good_one_is_still_told(tmp_path):
    path = tmp_path / "a.prom"
    bad = IngestOutcome(None, 300.0, 1.0)
    write_ingest_metrics(path, "twin", bad, None)
    assert ("ner_ingest_last_success_timestamp_seconds", "twin") not in read(path)
    write_ingest_metrics(path, "twin", IngestOutcome(IngestReport(), 200.0, 1.0), None)
    write_ingest_metrics(path, "twin", bad, None)
    found = read(path)
    assert found["ner_ingest_last_success_timestamp_seconds", "twin"] == 200.0
    assert found["ner_ingest_last_run_timestamp_seconds", "twin"] == 300.0
    assert found["ner_ingest_failed", "twin"] == 1.0
    write_ingest_metrics(path, "other", bad, None)
    assert ("ner_ingest_last_success_timestamp_seconds", "other") not in read(path)


def test_a_run_that_ends_by_an_error_tells_so_and_raises(tmp_path):
    path = tmp_path / "a.prom"
    request = IngestRequest(paths=(), sink="neo4j://me:secret@host/db", metrics=path)
    with pytest.raises(ConfigurationError, match="--state"):
        ingest(request, environment={}, now=lambda: datetime.now(UTC).isoformat())
    assert read(path)["ner_ingest_failed", "neo4j://host/db"] == 1.0
    assert "secret" not in path.read_text(encoding="utf-8")


def test_sinks_are_shown_without_what_only_their_users_know():
    assert shown_sink("neo4j+s://a:b@c@host:1/x@y") == "neo4j+s://host:1/x@y"
    assert shown_sink("embedded:a@b") == "embedded:a@b"


def test_the_verb_on_a_graph_writes_the_file(tmp_path):
    place, path = tmp_path / "graph.lbug", tmp_path / "g.prom"
    filled(EmbeddedStore(place, SMALL)).close()
    done = CliRunner().invoke(app, ["graph", "stats", str(place), "--metrics", str(path)])
    assert done.exit_code == 0, done.output
    found = read(path)
    assert found["ner_graph_nodes", str(place), "documents"] == 5
    assert found["ner_graph_edges_without_evidence", str(place)] == 0


def test_a_stream_tells_how_its_graph_is_whenever_it_was_finished():
    metrics = StreamMetrics()
    sink = GraphSink(filled(MemoryStore()), Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="w"))
    with ThreadPoolExecutor(1) as thread:
        outlet = SinkOutlet(sink, thread, told=partial(metrics.graph.show, "twin"))
        asyncio.run(outlet.finish())
    value = metrics.registry.get_sample_value
    assert value("ner_graph_nodes", {"sink": "twin", "kind": "documents"}) == 5
    assert value("ner_graph_guessed_merges", {"sink": "twin"}) == 1
    assert value("ner_graph_edges_without_evidence", {"sink": "twin"}) is None

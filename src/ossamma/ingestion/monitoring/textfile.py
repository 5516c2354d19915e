"""Metrics of work that ends, in a file for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ossamma.graph.census import GraphCensus
from ossamma.ingestion.monitoring.graph_gauges import GraphGauges
from ossamma.ingestion.run import IngestReport
from ossamma.schema.atomic import atomic_write

_SUCCESS = "ner_ingest_last_success_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """How a run ended: at `ended` (seconds since 1970), after `seconds`; no report: by an error."""

    report: IngestReport | None
    ended: float
    seconds: float


def write_ingest_metrics(
    path: Path, sink: str, outcome: IngestOutcome, census: GraphCensus | None
) -> None:
    """Write the metrics of a run, whole or not at all.

    After a run that failed, what the file said of the last good one stays.
    """
    registry = CollectorRegistry()
    _run(registry, sink, outcome, _last_success(path, sink))
    if census is not None:
        GraphGauges(registry).show(sink, census)
    _write(path, registry)


def write_graph_metrics(path: Path, sink: str, census: GraphCensus) -> None:
    """Write the metrics of a graph, whole or not at all."""
    registry = CollectorRegistry()
    GraphGauges(registry).show(sink, census)
    _write(path, registry)


def _run(
    registry: CollectorRegistry, sink: str, outcome: IngestOutcome, last_success: float | None
) -> None:
    def gauge(name: str, meaning: str, value: float) -> None:
        Gauge(name, meaning, ["sink"], registry=registry).labels(sink).set(value)

    report = outcome.report
    gauge("ner_ingest_failed", "Whether the last run ended by an error.", float(report is None))
    gauge("ner_ingest_duration_seconds", "How long the last run took.", outcome.seconds)
    gauge("ner_ingest_last_run_timestamp_seconds", "When the last run ended.", outcome.ended)
    success = outcome.ended if report is not None else last_success
    if success is not None:
        gauge(_SUCCESS, "When a run last ended well.", success)
    if report is None:
        return
    files = Gauge(
        "ner_ingest_files", "Files of the last run.", ["sink", "outcome"], registry=registry
    )
    dead = len(report.dead)
    files.labels(sink, "skipped").set(report.skipped)
    files.labels(sink, "dead").set(dead)
    files.labels(sink, "written").set(report.files - report.skipped - dead)
    gauge("ner_ingest_documents", "Texts that the last run wrote.", report.documents)
    gauge("ner_ingest_mentions", "Mentions in them.", report.mentions)
    gauge("ner_ingest_characters", "Characters in them.", report.characters)


def _last_success(path: Path, sink: str) -> float | None:
    """Return what a file says of the last good run into a sink; None where it says nothing."""
    try:
        families = [*text_string_to_metric_families(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError):  # there is none yet, or it is something else
        return None
    return next(
        (
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == _SUCCESS and sample.labels.get("sink") == sink
        ),
        None,
    )


def _write(path: Path, registry: CollectorRegistry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, binary=True) as file:
        file.write(generate_latest(registry))

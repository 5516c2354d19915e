"""A dashboard for Grafana on ingestions, streams and graphs: one panel for each question."""

from __future__ import annotations

from typing import Any

from ossamma.ingestion.monitoring.alert_settings import IngestAlertSettings
from ossamma.serving.dashboard import laid_out


def ingest_dashboard(profile: str, settings: IngestAlertSettings) -> dict[str, Any]:
    """Return the dashboard as JSON that Grafana imports; red begins where an alert does."""
    title, uid = f"OSSAMMA ingestion ({profile})", f"ossamma-ingestion-{profile}"
    return laid_out(title, uid, [*_streams(settings), *_ingestions(settings), *_graphs(settings)])


def _streams(settings: IngestAlertSettings) -> list[tuple[Any, ...]]:
    dead = "sum(rate(ner_stream_messages_dead_total[5m]))"
    written = "sum(rate(ner_stream_messages_written_total[5m]))"
    batch = "sum by (le) (rate(ner_stream_batch_seconds_bucket[5m]))"
    return [
        (
            "Messages",
            "cps",
            {
                "written": written,
                "dead": dead,
                "again": "sum(rate(ner_stream_messages_redelivered_total[5m]))",
            },
            None,
        ),
        (
            "Messages that wait",
            "short",
            {
                "waiting": "max(ner_stream_lag_messages)",
                "not acknowledged": "max(ner_stream_unacknowledged_messages)",
            },
            settings.lag_messages,
        ),
        (
            "Dead letters",
            "percentunit",
            {"share": f"{dead} / ({dead} + {written} > 0)"},
            settings.error_rate,
        ),
        (
            "Time of a batch",
            "s",
            {f"P{p}": f"histogram_quantile({p / 100}, {batch})" for p in (50, 95)},
            None,
        ),
        (
            "Since the sink took a batch",
            "s",
            {"{{instance}}": "time() - ner_stream_last_commit_timestamp_seconds"},
            settings.stuck_seconds,
        ),
        (
            "Failures, tried again",
            "cps",
            {"{{step}}": "sum by (step) (rate(ner_stream_errors_total[5m]))"},
            None,
        ),
    ]


def _ingestions(settings: IngestAlertSettings) -> list[tuple[Any, ...]]:
    return [
        (
            "Files of the last ingestion",
            "short",
            {"{{sink}} {{outcome}}": "ner_ingest_files"},
            None,
        ),
        (
            "Since an ingestion went well",
            "s",
            {"{{sink}}": "time() - ner_ingest_last_success_timestamp_seconds"},
            settings.stale_seconds,
        ),
        (
            "Rate of the last ingestion",
            "short",
            {
                "{{sink}} mentions/s": "ner_ingest_mentions / ner_ingest_duration_seconds",
                "{{sink}} characters/s": "ner_ingest_characters / ner_ingest_duration_seconds",
            },
            None,
        ),
    ]


def _graphs(settings: IngestAlertSettings) -> list[tuple[Any, ...]]:
    return [
        ("Nodes", "short", {"{{sink}} {{kind}}": "ner_graph_nodes"}, None),
        ("Edges", "short", {"{{sink}} {{type}}": "ner_graph_edges"}, None),
        (
            "Merges that are guesses",
            "percentunit",
            {
                "{{sink}}": "ner_graph_guessed_merges / ignoring (type) "
                '(ner_graph_edges{type="SAME_AS"} > 0)'
            },
            settings.guessed_share,
        ),
    ]

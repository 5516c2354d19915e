"""Alert rules for Prometheus on ingestions, streams and graphs, made from a profile's settings."""

from __future__ import annotations

from ossamma.ingestion.monitoring.alert_settings import IngestAlertSettings
from ossamma.serving.alert_rules import Alert, group_file


def ingest_alerts_of(
    settings: IngestAlertSettings, *, job: str = "ossamma-stream"
) -> tuple[Alert, ...]:
    """Return the rules; `job` is what Prometheus' configuration calls the streams."""
    return (*_of_ingestions(settings), *_of_streams(settings, job), *_of_graphs(settings))


def ingest_rule_file(
    profile: str, settings: IngestAlertSettings, *, job: str = "ossamma-stream"
) -> str:
    """Return a rule file for Prometheus."""
    alerts = ingest_alerts_of(settings, job=job)
    options = f"--for ingestion --profile {profile}"
    return group_file(f"ossamma-ingestion-{profile}", alerts, options=options)


def _of_ingestions(settings: IngestAlertSettings) -> tuple[Alert, ...]:
    dead = 'ner_ingest_files{outcome="dead"}'
    taken = 'sum without (outcome) (ner_ingest_files{outcome=~"dead|written"})'
    return (
        Alert(
            name="OssammaIngestErrors",
            expression=(
                f"sum without (outcome) ({dead}) / ({taken} > 0) > {settings.error_rate:g}"
            ),
            lasting_seconds=0,
            severity="warning",
            summary="{{ $value | humanizePercentage }} of the files could not be read",
            action="The folder of dead letters has each with its reason.",
        ),
        Alert(
            name="OssammaIngestFailed",
            expression="ner_ingest_failed == 1",
            lasting_seconds=0,
            severity="critical",
            summary="an ingestion into {{ $labels.sink }} ended with an error",
            action="Run it again: it goes on where it was. Its message says what was wrong.",
        ),
        Alert(
            name="OssammaIngestStale",
            expression=(
                f"time() - ner_ingest_last_success_timestamp_seconds > {settings.stale_seconds:g}"
            ),
            lasting_seconds=0,
            severity="warning",
            summary="the last good ingestion into {{ $labels.sink }} is "
            "{{ $value | humanizeDuration }} ago",
            action="Look at whoever starts it: a timer, a cron table, an orchestrator.",
        ),
    )


def _of_streams(settings: IngestAlertSettings, job: str) -> tuple[Alert, ...]:
    window = f"[{settings.window_seconds:.0f}s]"
    dead = f"sum by (job) (rate(ner_stream_messages_dead_total{window}))"
    written = f"sum by (job) (rate(ner_stream_messages_written_total{window}))"
    waiting = "max by (job) (ner_stream_lag_messages)"
    return (
        Alert(
            name="OssammaStreamLag",
            expression=f"{waiting} > {settings.lag_messages:g}",
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $value }} messages wait",
            action="Start more processes of the group; ner_stream_batch_seconds says how long a "
            "batch takes.",
        ),
        Alert(
            name="OssammaStreamStuck",
            # In Prometheus `and` keeps the left side's value where both sides are there.
            expression=(
                f"{waiting} > 0 and on (job) time() - max by (job) "
                f"(ner_stream_last_commit_timestamp_seconds) > {settings.stuck_seconds:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="critical",
            summary="{{ $value }} messages wait and the sink takes none",
            action='Look at ner_stream_errors_total: step "sink" is the store, "broker" the way '
            "to the messages.",
        ),
        Alert(
            name="OssammaStreamDead",
            expression=f"{dead} / ({dead} + {written} > 0) > {settings.error_rate:g}",
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $value | humanizePercentage }} of the messages are dead letters",
            action="The subject of dead letters has each with its reason.",
        ),
        Alert(
            name="OssammaStreamErrors",
            expression=f"sum by (job, step) (increase(ner_stream_errors_total{window})) > 0",
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $labels.step }} fails again and again",
            action="Nothing is lost, but nothing goes on either; the log has the message.",
        ),
        Alert(
            name="OssammaStreamDown",
            expression=f'up{{job="{job}"}} == 0',
            lasting_seconds=60,
            severity="critical",
            summary="{{ $labels.instance }} does not answer",
            action="Start it again: what it had taken comes again.",
        ),
    )


def _of_graphs(settings: IngestAlertSettings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="OssammaGraphShrinks",
            expression="ner_graph_nodes < max_over_time(ner_graph_nodes[1d])",
            lasting_seconds=0,
            severity="critical",
            summary="the graph has fewer {{ $labels.kind }} than before: {{ $value }}",
            action="Nothing here ever deletes: somebody else has, or another store was opened.",
        ),
        Alert(
            name="OssammaGraphGuesses",
            expression=(
                "ner_graph_guessed_merges / ignoring (type) "
                f'(ner_graph_edges{{type="SAME_AS"}} > 0) > {settings.guessed_share:g}'
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $value | humanizePercentage }} of the merges are guesses",
            action="Look at SAME_AS of a score below 0.99: `ossamma graph unmerge` takes one back, "
            "`ossamma graph sample` draws some to judge.",
        ),
        Alert(
            name="OssammaGraphBare",
            expression="ner_graph_edges_without_evidence > 0",
            lasting_seconds=0,
            severity="critical",
            summary="{{ $value }} edges have no evidence",
            action="Nothing here writes such an edge: somebody else has.",
        ),
    )

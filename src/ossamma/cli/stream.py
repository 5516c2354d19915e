"""`ossamma stream`: messages of a broker into a graph, a file of lines, or another subject."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma stream --from nats://localhost/texts --to embedded:twin

ossamma stream --from redis://localhost/texts --to redis://localhost/entities --metrics-port 9464

ossamma stream --from redis://localhost/texts --to entities.jsonl --until-idle 5 --json
"""


def stream(  # noqa: PLR0913  a verb's options are its arguments
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="URL",
            envvar="OSSAMMA_STREAM_FROM",
            help="nats://HOST/SUBJECT (JetStream), redis://HOST/STREAM or amqp://HOST/QUEUE, with "
            "?group=NAME and ?dead=NAME.",
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URL",
            envvar="OSSAMMA_STREAM_TO",
            help="Such a URL, or a sink: embedded:PATH, PATH.lbug, neo4j://HOST, jsonl:FILE.",
        ),
    ],
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="B",
            envvar="OSSAMMA_BUNDLE",
            help="A bundle; by default the one that comes with the package.",
        ),
    ] = None,
    rules: Annotated[
        bool,
        typer.Option("--rules", help="Recognise by the profile's lexicons and patterns alone."),
    ] = False,
    knowledge: Annotated[
        Path | None,
        typer.Option("--knowledge", metavar="DIR", help="Knowledge files, as of `ossamma ingest`."),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="P", help="Whose hierarchy and rules.")
    ] = "ner11",
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help="What the process died of; by default beside the sink, or among your own state.",
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="Most messages that are written together.")
    ] = 64,
    batch_ms: Annotated[
        int, typer.Option("--batch-ms", min=1, help="Longest wait for a batch to fill.")
    ] = 200,
    in_flight: Annotated[
        int | None,
        typer.Option(
            "--in-flight", min=1, help="Most messages taken at once; by default two batches."
        ),
    ] = None,
    max_bytes: Annotated[
        int, typer.Option("--max-bytes", min=1, help="A larger message is a dead letter.")
    ] = 2**20,
    max_characters: Annotated[
        int, typer.Option("--max-characters", min=1, help="So is a longer text.")
    ] = 500_000,
    redeliver: Annotated[
        float,
        typer.Option(
            "--redeliver-seconds",
            min=0.1,
            help="What nobody acknowledged for so long is delivered again.",
        ),
    ] = 60.0,
    patience: Annotated[
        float,
        typer.Option("--patience-seconds", min=0.1, help="How long a broker or sink may be away."),
    ] = 300.0,
    until_idle: Annotated[
        float | None,
        typer.Option(
            "--until-idle", metavar="S", help="End when nothing waits and S seconds were quiet."
        ),
    ] = None,
    metrics_port: Annotated[
        int,
        typer.Option(
            "--metrics-port", min=0, max=65535, help="Prometheus metrics are there; 0: nowhere."
        ),
    ] = 0,
    metrics_host: Annotated[str, typer.Option("--metrics-host")] = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Read messages, recognise what they name, write it, and only then acknowledge them.

    A message is {"id": ..., "text": ..., "metadata": {...}}. One that cannot be read goes to the
    dead letters (NAME.dead, or ?dead=) with the reason. SIGTERM finishes what was taken and exits
    with 0. Nothing is lost if the process dies, and nothing is twice in a graph. With --json:
    {"written", "mentions", "dead", "unfinished"}. Credentials: in the URL, which other users of
    this machine can see in the list of processes unless it comes by OSSAMMA_STREAM_FROM and
    OSSAMMA_STREAM_TO, or in OSSAMMA_BROKER_USERNAME and OSSAMMA_BROKER_PASSWORD; never in a log.
    """
    import json
    import os
    from datetime import UTC, datetime

    from ossamma.cli.logs import quieten
    from ossamma.ingestion.streaming.places import parse_place
    from ossamma.ingestion.streaming.settings import StreamSettings
    from ossamma.pipeline.ingest import IngestRequest
    from ossamma.pipeline.stream import StreamRequest, parse_target, usual_suspects
    from ossamma.pipeline.stream import stream as run

    read_from = parse_place(source, os.environ)
    target = parse_target(to, os.environ)
    request = StreamRequest(
        source=read_from,
        target=target,
        ingest=IngestRequest(
            paths=(), sink=to, profile=profile, bundle=bundle, rules=rules, knowledge=knowledge
        ),
        suspects=state or usual_suspects(read_from, target, os.environ),
        settings=StreamSettings(
            batch_messages=batch,
            batch_milliseconds=batch_ms,
            in_flight_messages=in_flight or 2 * batch,
            max_message_bytes=max_bytes,
            max_characters=max_characters,
            redeliver_seconds=redeliver,
            patience_seconds=patience,
        ),
        until_idle=until_idle,
        metrics_host=metrics_host,
        metrics_port=metrics_port,
    )
    quieten()
    _log(request.secrets)
    report = run(
        request,
        environment=os.environ,
        now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
    )
    content = {
        "written": report.written,
        "mentions": report.mentions,
        "dead": report.dead,
        "unfinished": report.unfinished,
    }
    if as_json:
        typer.echo(json.dumps(content))
        return
    typer.echo(
        f"{report.written} messages with {report.mentions} mentions written, {report.dead} dead "
        f"letters, {report.unfinished} left to the broker"
    )


def _log(secrets: tuple[str, ...]) -> None:
    """Write lines to standard error, without secrets, and our own from INFO on."""
    import logging

    from ossamma.ingestion.streaming.secrets import SecretFree

    handler = logging.StreamHandler()
    handler.setFormatter(SecretFree(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("ossamma.pipeline.stream").setLevel(logging.INFO)

"""`ossamma ingest`: documents into a graph or a file of lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma ingest reports --sink embedded:twin

ossamma ingest reports --rules --knowledge knowledge --sink graph.lbug --json

ossamma ingest report.pdf --bundle runs/a --sink mentions.jsonl

ossamma ingest reports --sink embedded:twin --metrics /var/lib/node_exporter/ossamma.prom
"""


def ingest(  # noqa: PLR0913  a verb's options are its arguments
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Files and folders: text, Markdown, HTML, PDF, DOCX, EPUB; JSON, JSON lines, CSV "
            "and STIX, of which each record is a document.",
        ),
    ],
    sink: Annotated[
        str,
        typer.Option(
            "--sink",
            metavar="SINK",
            help="embedded:PATH or PATH.lbug (a graph in a file), neo4j://HOST, or jsonl:FILE.",
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
        typer.Option(
            "--knowledge",
            metavar="DIR",
            help="Knowledge files (ATT&CK, MISP galaxies, KEV): aliases, identifiers, links.",
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option("--profile", metavar="P", help="Whose hierarchy and rules.")
    ] = "ner11",
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="What is done; by default beside the sink."),
    ] = None,
    dead_letters: Annotated[
        Path | None,
        typer.Option(
            "--dead-letters", metavar="DIR", help="What cannot be read; by default beside the sink."
        ),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics",
            metavar="FILE.prom",
            help="Write metrics for the textfile collector of Prometheus' node exporter.",
        ),
    ] = None,
    max_seconds: Annotated[
        float, typer.Option("--max-seconds", min=0.1, help="The longest that a file may take.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Read documents, recognise what they name, and write it with its evidence.

    What was read before by the same recogniser is passed over, so that a second run does only what
    is new. A file that cannot be read is put aside with the reason, and the rest goes on. With
    --json: {"files", "skipped", "documents", "mentions", "characters", "dead": [{"name",
    "reason"}]}. A server's credentials are read from NEO4J_USERNAME and NEO4J_PASSWORD.
    """
    import json
    import os
    from datetime import UTC, datetime

    from ossamma.cli.document_bar import DocumentBar
    from ossamma.cli.logs import quieten
    from ossamma.ingestion.settings import IngestSettings
    from ossamma.pipeline.ingest import IngestRequest
    from ossamma.pipeline.ingest import ingest as run

    quieten()
    request = IngestRequest(
        paths=tuple(paths),
        sink=sink,
        profile=profile,
        bundle=bundle,
        rules=rules,
        knowledge=knowledge,
        state=state,
        dead_letters=dead_letters,
        settings=IngestSettings(max_seconds=max_seconds),
        metrics=metrics,
    )
    with DocumentBar() as bar:
        report = run(
            request,
            environment=os.environ,
            now=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
            progress=bar.show,
        )
    if as_json:
        content = {
            "files": report.files,
            "skipped": report.skipped,
            "documents": report.documents,
            "mentions": report.mentions,
            "characters": report.characters,
            "dead": [{"name": name, "reason": reason} for name, reason in report.dead],
            "warnings": [{"name": name, "warning": text} for name, text in report.warnings],
        }
        typer.echo(json.dumps(content))
        return
    typer.echo(
        f"{report.files} files: {report.skipped} known already, {report.documents} documents with "
        f"{report.mentions} mentions, {len(report.dead)} put aside"
    )
    for name, reason in report.dead:
        typer.echo(f"put aside: {name}: {reason}")

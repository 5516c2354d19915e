"""`ossamma extract`: the entities of files or of standard input."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Bundle, Json

EXAMPLES = """
[bold]Examples[/bold]

echo "Ada Lovelace joined Acme Ltd in 1842." | ossamma extract --bundle runs/demo

ossamma extract --bundle runs/demo --json report.txt notes.txt > entities.jsonl

ossamma extract --bundle runs/demo --json --documents test.jsonl > predictions.jsonl
"""
STDIN = "-"


def extract(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Text files (UTF-8); standard input without any."),
    ] = None,
    bundle: Bundle = None,
    as_json: Json = False,
    documents: Annotated[
        bool,
        typer.Option(
            "--documents", help="Read FILEs as CoNLL or JSONL; one result for each document."
        ),
    ] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="Every line of the input is a text of its own.")
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option("--min-confidence", min=0.0, max=1.0, help="Leave out less certain entities."),
    ] = 0.0,
) -> None:
    """Print the entities of each text, in the order given.

    With --json, one line per text: {"id", "text", "entities": [{"start", "end", "label", "text",
    "confidence"}]}, half-open character offsets. Texts may have any length; no character is lost.
    """
    import json

    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.cli.rendering import render
    from ossamma.data.readers.record import document_to_json
    from ossamma.pipeline.reading import documents_in, texts_in

    if documents and lines:
        raise typer.BadParameter("--documents and --lines exclude each other")
    if bundle is None:
        raise typer.BadParameter(
            "no model: give --bundle B (`ossamma demo` trains one into runs/demo)"
        )
    quieten()
    from ossamma.export.bundle import load

    found = documents_in(files or []) if documents else texts_in(files or [], by_line=lines)
    recogniser = load(bundle)
    console = Console()
    several = len(files or []) > 1 or documents
    for document, entities in recogniser.recognise_documents(found):
        kept = [entity for entity in entities if entity.confidence >= min_confidence]
        if as_json:
            typer.echo(json.dumps(document_to_json(document, kept)))
            continue
        if several:
            console.rule(document.id, style="dim")
        console.print(render(document.text, kept), soft_wrap=True)

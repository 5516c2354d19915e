"""`ossamma extract`: the entities of files or of standard input."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

echo "Ada Lovelace joined Acme Ltd in 1842." | ossamma extract

ossamma extract --bundle runs/a --json report.txt notes.txt > entities.jsonl

ossamma extract --bundle runs/a --json --documents test.jsonl > predictions.jsonl

ossamma extract --bundle runs/a-calibrated --thresholds precision report.txt
"""


class Policy(StrEnum):
    """Which thresholds of the bundle decide what is left out."""

    NONE = "none"
    F1 = "f1"
    PRECISION = "precision"


def extract(  # noqa: PLR0913  a verb's options are its arguments
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="Text files (UTF-8); standard input without any, or for -."
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            metavar="B",
            envvar="OSSAMMA_BUNDLE",
            help="A bundle, or the folder of a finished run; by default the one that comes with "
            "the package.",
        ),
    ] = None,
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
    thresholds: Annotated[
        Policy,
        typer.Option(
            "--thresholds",
            help="Leave out what the thresholds of a calibrated bundle say: for the best F1, or "
            "for its precision floor.",
        ),
    ] = Policy.NONE,
) -> None:
    """Print the entities of each text, in the order given.

    With --json, one line per text: {"id", "text", "entities": [{"start", "end", "label", "text",
    "confidence"}]}, half-open character offsets; "id" is the file's name or stdin. Texts may have
    any length; no character is lost. `ossamma evaluate --pred` reads these lines.
    """
    import json

    from ossamma.cli.rendering import render
    from ossamma.cli.terminal import Output
    from ossamma.data.readers.record import document_to_json
    from ossamma.pipeline.reading import documents_in, texts_in
    from ossamma.schema.errors import BundleError

    if documents and lines:
        raise typer.BadParameter("--documents and --lines exclude each other")
    if bundle is not None and not bundle.is_dir():
        raise BundleError(
            f"no bundle at {bundle}: expected a folder; without --bundle the one that comes with "
            "the package is used"
        )
    found = documents_in(files or []) if documents else texts_in(files or [], by_line=lines)

    from ossamma.cli.logs import quieten
    from ossamma.export.bundle import load
    from ossamma.inference.calibration import ThresholdPolicy
    from ossamma.inference.settings import InferenceSettings

    quieten()
    settings = InferenceSettings(
        min_confidence=min_confidence, thresholds=ThresholdPolicy(thresholds.value)
    )
    recogniser = load(bundle, settings)
    console = Output()
    several = len(files or []) > 1 or documents
    for document, entities in recogniser.recognise_documents(found):
        if as_json:
            typer.echo(json.dumps(document_to_json(document, entities)))
            continue
        if not document.text:
            continue  # nothing came in: no line of output either
        if several:
            console.rule(document.id, style="dim")
        console.print(render(document.text, entities), soft_wrap=True)

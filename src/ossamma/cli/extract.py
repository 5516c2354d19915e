"""`ossamma extract`: the entities of files or of standard input."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from ossamma.ingestion.sharded.work import Engine
    from ossamma.pipeline.extract import ExtractRequest

EXAMPLES = """
[bold]Examples[/bold]

echo "Ada Lovelace joined Acme Ltd in 1842." | ossamma extract

ossamma extract --bundle runs/a --json report.txt notes.txt > entities.jsonl

ossamma extract --bundle runs/a --json --documents test.jsonl > predictions.jsonl

ossamma extract --bundle runs/a-calibrated --thresholds precision report.txt

ossamma extract --documents --engine ray --workers 8 --out found corpus.parquet
"""


class EngineName(StrEnum):
    """What has the work done."""

    LOCAL = "local"
    RAY = "ray"


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
            "--documents",
            help="Read FILEs as CoNLL, JSONL or Parquet (columns text and perhaps id); one result "
            "for each document.",
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
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write the lines there, a file for each shard. Given again, the command does only "
            "the shards that are missing.",
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option("--engine", help="This process, or actors of Ray.")
    ] = EngineName.LOCAL,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Actors of Ray: 2 if not said.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            metavar="HOST:PORT",
            help="A running cluster of Ray; by default one on this machine, only for the command.",
        ),
    ] = None,
    shard_size: Annotated[
        float,
        typer.Option(
            "--shard-size", metavar="MB", min=0.000001, help="Input of a shard, in 2^20 bytes."
        ),
    ] = 1.0,
) -> None:
    """Print the entities of each text, in the order given.

    With --json, one line per text: {"id", "text", "entities": [{"start", "end", "label", "text",
    "confidence"}]}, half-open character offsets; "id" is the file's name or stdin. Texts may have
    any length; no character is lost. `ossamma evaluate --pred` reads these lines.

    With --out these lines go to files, and --json prints {"shards", "known", "documents",
    "entities", "characters"} of what was done. Both engines give the same bytes.
    """
    from ossamma.schema.errors import BundleError

    if documents and lines:
        raise typer.BadParameter("--documents and --lines exclude each other")
    if engine is EngineName.LOCAL and not (workers is None and address is None):
        raise typer.BadParameter("--workers and --address belong to --engine ray")
    if engine is EngineName.RAY and out is None and not as_json:
        raise typer.BadParameter("--engine ray writes JSON lines: give --json or --out DIR")
    if bundle is not None and not bundle.is_dir():
        raise BundleError(
            f"no bundle at {bundle}: expected a folder; without --bundle the one that comes with "
            "the package is used"
        )

    from ossamma.cli.logs import quieten
    from ossamma.inference.calibration import ThresholdPolicy
    from ossamma.inference.settings import InferenceSettings
    from ossamma.ingestion.sharded.planning import PlanSettings
    from ossamma.pipeline.extract import ExtractRequest

    quieten()
    request = ExtractRequest(
        files=tuple(files or ()),
        bundle=bundle,
        plan=PlanSettings(
            documents=documents, lines=lines, shard_bytes=max(1, round(shard_size * 2**20))
        ),
        inference=InferenceSettings(
            min_confidence=min_confidence, thresholds=ThresholdPolicy(thresholds.value)
        ),
    )
    if out is None and engine is EngineName.LOCAL:
        _show(request, as_json=as_json)
    else:
        _write(request, out, _engine(engine, workers, address), as_json=as_json)


def _engine(name: EngineName, workers: int | None, address: str | None) -> Engine:
    from ossamma.ingestion.sharded.ray_engine import RayEngine, RaySettings
    from ossamma.ingestion.sharded.work import LocalEngine

    if name is EngineName.LOCAL:
        return LocalEngine()
    return RayEngine(RaySettings(workers=workers or 2, address=address))


def _show(request: ExtractRequest, *, as_json: bool) -> None:
    """Print what is found, as it is found."""
    import json

    from ossamma.cli.rendering import render
    from ossamma.cli.terminal import Output
    from ossamma.data.readers.record import document_to_json
    from ossamma.pipeline.extract import extract as run

    console = Output()
    several = len(request.files) > 1 or request.plan.documents
    for document, entities in run(request):
        if as_json:
            typer.echo(json.dumps(document_to_json(document, entities)))
            continue
        if not document.text:
            continue  # nothing came in: no line of output either
        if several:
            console.rule(document.id, style="dim")
        console.print(render(document.text, entities), soft_wrap=True)


def _write(request: ExtractRequest, out: Path | None, engine: Engine, *, as_json: bool) -> None:
    """Have shards written to files, or through files to standard output."""
    import json
    import sys
    from contextlib import redirect_stdout

    from ossamma.cli.document_bar import DocumentBar
    from ossamma.pipeline.extract import extract_through, extract_to

    results = sys.stdout.buffer
    # Ray prints on standard output what it has to say of workers that died.
    with redirect_stdout(sys.stderr), DocumentBar("shards") as bar:
        if out is None:
            extract_through(engine, request, results, bar.show)
            return
        report = extract_to(out, request, engine, bar.show)
    if as_json:
        content = {
            "shards": report.shards,
            "known": report.known,
            "documents": report.documents,
            "entities": report.entities,
            "characters": report.characters,
        }
        typer.echo(json.dumps(content))
        return
    typer.echo(
        f"{report.shards} shards in {out}, {report.known} of them known already; "
        f"{report.documents} documents with {report.entities} entities"
    )

"""`ossamma export`: a run's model as a release that others can trust and run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import FileFormat, Format, Json, LabelMap

if TYPE_CHECKING:
    from ossamma.pipeline.export_run import ExportOutcome

REFUSED = 1
"""A check was not passed; nothing was written."""

EXAMPLES = """
[bold]Examples[/bold]

ossamma export runs/a --out release

ossamma export runs/a --out release --weights int8 --dev dev.conll
"""


class Weights(StrEnum):
    """How weights are stored; see `ossamma.model.packed_weights.WeightForm`."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


def export(  # noqa: PLR0913  a verb's options are its arguments
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, or a bundle.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The release; must not exist yet.")
    ],
    weights: Annotated[
        Weights,
        typer.Option(
            "--weights", help="Bytes per number: fp32 four, fp16 two, int8 one and its scales."
        ),
    ] = Weights.FP32,
    dev: Annotated[
        Path | None,
        typer.Option(
            "--dev",
            metavar="FILE",
            help="Labelled documents to measure the release on; by default the run's own.",
        ),
    ] = None,
    max_f1_drop: Annotated[
        float,
        typer.Option(
            "--max-f1-drop",
            min=0.0,
            max=100.0,
            metavar="POINTS",
            help="Refuse a release whose dev F1 is lower by more points than this.",
        ),
    ] = 0.2,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="P", help="Profile that the labels are mapped into."),
    ] = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Write the release of a run. Exits with 1, and writes nothing, if a check is not passed."""
    import json

    from ossamma.cli.logs import quieten
    from ossamma.model.packed_weights import WeightForm
    from ossamma.pipeline.export_run import ExportRequest, export_run

    quieten()
    outcome = export_run(
        ExportRequest(
            run=run,
            out=out,
            weights=WeightForm(weights.value),
            dev=dev,
            profile=profile,
            table=label_map,
            file_format=file_format.value,
            max_f1_drop=max_f1_drop / 100,
        )
    )
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        _show(outcome)
    if outcome.refusals:
        raise typer.Exit(REFUSED)


def _show(outcome: ExportOutcome) -> None:
    from ossamma.cli.terminal import Output

    console = Output()

    def say(line: str, style: str | None = None) -> None:
        console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    if outcome.f1 is None:
        say("dev F1: not measured, for there is no dev file; give --dev FILE")
    else:
        f1 = outcome.f1
        say(
            f"dev F1: {100 * f1.trained:.2f} as trained, {100 * f1.released:.2f} as released "
            f"({f1.documents} documents)"
        )
    for refusal in outcome.refusals:
        say(f"refused: {refusal}", "bold red")
    if not outcome.refusals:
        say(f"weights: {outcome.weights.value}; all files: {outcome.num_bytes / 1e6:.1f} MB")
        say(f"release: {outcome.bundle}")

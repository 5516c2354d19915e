"""`ossamma calibrate`: confidences that mean what they say, and thresholds, fitted on dev."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import FileFormat, Format, Json, LabelMap

if TYPE_CHECKING:
    from rich.table import Table

    from ossamma.pipeline.calibrate import CalibrationOutcome

EXAMPLES = """
[bold]Examples[/bold]

ossamma calibrate --bundle runs/a --gold dev.conll --out runs/a-calibrated

ossamma calibrate --bundle runs/a --gold dev.jsonl --precision-floor 0.95 --out runs/precise

ossamma extract --bundle runs/a-calibrated --thresholds precision report.txt
"""


class MethodName(StrEnum):
    """Which calibrators are candidates."""

    AUTO = "auto"
    TEMPERATURE = "temperature"
    ISOTONIC = "isotonic"


def calibrate(  # noqa: PLR0913  a verb's options are its arguments
    bundle: Annotated[
        Path,
        typer.Option("--bundle", metavar="B", help="A bundle, or the folder of a finished run."),
    ],
    gold: Annotated[
        Path,
        typer.Option(
            "--gold",
            metavar="FILE",
            help="Labelled documents that were not trained on, such as dev.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The new bundle; must not exist yet.")
    ],
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", metavar="P", help="Profile that the gold labels are mapped into."
        ),
    ] = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    method: Annotated[
        MethodName,
        typer.Option(
            "--method", help="auto takes what has the least log loss on held-out documents."
        ),
    ] = MethodName.AUTO,
    precision_floor: Annotated[
        float,
        typer.Option(
            "--precision-floor",
            min=0.01,
            max=0.999,
            help="Precision that the thresholds named precision shall surely reach.",
        ),
    ] = 0.9,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the parts for cross-fitting.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a copy of a bundle whose confidences are calibrated, with thresholds per type.

    The bundle itself stays as it is. The figures before and after are cross-fitted: each document
    is judged by a fit that has not seen it.
    """
    import json

    from ossamma.cli.logs import quieten
    from ossamma.evaluation.calibrators import Method
    from ossamma.evaluation.fitting import CalibrationSettings
    from ossamma.evaluation.thresholds import ThresholdSettings
    from ossamma.pipeline.calibrate import CalibrationRequest, calibrate_bundle

    quieten()
    outcome = calibrate_bundle(
        CalibrationRequest(
            bundle=bundle,
            gold=gold,
            out=out,
            profile=profile,
            table=label_map,
            file_format=file_format.value,
            settings=CalibrationSettings(
                method=Method(method.value),
                thresholds=ThresholdSettings(precision_floor=precision_floor),
                seed=seed,
            ),
        )
    )
    if as_json:
        typer.echo(json.dumps(outcome.to_json()))
    else:
        _show(outcome)


def _show(outcome: CalibrationOutcome) -> None:
    from ossamma.cli.terminal import Output

    console = Output()
    for table in (_errors(outcome), _effect(outcome), _thresholds(outcome)):
        console.print(table)
    console.print(f"bundle: {outcome.bundle}", markup=False, highlight=False, soft_wrap=True)


def _errors(outcome: CalibrationOutcome) -> Table:
    from rich.table import Table

    table = Table(title=f"calibration: {outcome.choice.name} (cross-fitted)")
    table.add_column("")
    for heading in ("raw posterior", "calibrated"):
        table.add_column(heading, justify="right")
    before, after = outcome.cross_fit.before.overall, outcome.cross_fit.after.overall
    for name, label in (
        ("precision", "precision"),
        ("confidence", "mean confidence"),
        ("ece", "ECE, equal width"),
        ("ece_equal_mass", "ECE, equal mass"),
        ("rms_debiased", "RMS error, debiased"),
        ("brier", "Brier score"),
        ("log_loss", "log loss"),
    ):
        table.add_row(label, *(f"{getattr(each, name):.4f}" for each in (before, after)))
    return table


def _effect(outcome: CalibrationOutcome) -> Table:
    from rich.table import Table

    table = Table(title="thresholds (cross-fitted)")
    table.add_column("policy")
    for heading in ("Precision %", "Recall %", "F1 %"):
        table.add_column(heading, justify="right")
    for policy, counts in outcome.cross_fit.kept.items():
        figures = (counts.precision, counts.recall, counts.f1)
        table.add_row(policy.value, *(f"{100 * figure:.2f}" for figure in figures))
    return table


def _thresholds(outcome: CalibrationOutcome) -> Table:
    from rich.table import Table
    from rich.text import Text

    offered = outcome.choice.calibration.thresholds
    table = Table(title="least confidence kept")
    table.add_column("Type")
    for policy in offered:
        table.add_column(policy.value, justify="right")
    own = sorted({name for each in offered.values() for name in each.per_type})
    rows = {name: [each.of(name) for each in offered.values()] for name in own}
    for name, values in rows.items():
        table.add_row(Text(name), *map(_threshold, values))
    table.add_section()
    table.add_row("other types", *(_threshold(each.overall) for each in offered.values()))
    return table


def _threshold(value: float | None) -> str:
    return "none is kept" if value is None else f"{value:.4f}"

"""`ossamma data suspects`: annotations that models which did not learn from them deny."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ossamma.cli.options import (
    FileFormat,
    Format,
    Init,
    Json,
    LabelMap,
    Preset,
    RecipeFile,
    Settings,
    Workers,
)

if TYPE_CHECKING:
    from ossamma.pipeline.suspects import SuspectOutcome

EXAMPLES = """
[bold]Examples[/bold]

ossamma data suspects --profile native --train train.conll --recipe r.yaml --out suspects/a

ossamma data suspects --profile native --train test.conll --bundle runs/a --out suspects/b
"""
_SHOWN = 10


class RankingName(StrEnum):
    """By what suspects are ranked."""

    MARGIN = "margin"
    SELF_CONFIDENCE = "self-confidence"


def suspects(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[str, typer.Option("--profile", metavar="P", help="As in `ossamma train`.")],
    train: Annotated[
        Path, typer.Option("--train", metavar="FILE", help="The labelled file that is doubted.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder of the answer; finished folds are kept."),
    ],
    folds: Annotated[
        int,
        typer.Option(
            "--folds", min=1, help="Models that are trained; 1 reads what it has learned."
        ),
    ] = 5,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", metavar="B", help="A model that did not learn from FILE; trains none."
        ),
    ] = None,
    ranking: Annotated[
        RankingName, typer.Option("--rank", help="What the score of a suspect is.")
    ] = RankingName.MARGIN,
    min_score: Annotated[
        float, typer.Option("--min-score", min=-1.0, max=1.0, help="Least score of a suspect.")
    ] = 0.0,
    by_type: Annotated[
        bool,
        typer.Option(
            "--by-type", help="Suggestions must reach their type's threshold (confident learning)."
        ),
    ] = False,
    suggest_from: Annotated[
        float,
        typer.Option(
            "--suggest-from", min=0.0, max=1.0, help="Least score carried out in suggested.jsonl."
        ),
    ] = 0.9,
    workers: Workers = 1,
    preset: Preset = None,
    recipe: RecipeFile = None,
    init: Init = None,
    assignments: Settings = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Rank marks that are missing, spurious, or wrong in borders or type. FILE stays as it is.

    One model is trained for each fold, and reads what it did not learn from. Ctrl-C keeps what is
    finished; the same command goes on.
    """
    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.evaluation.label_noise import Ranking, SuspectSettings
    from ossamma.pipeline.run_family import RunFamily
    from ossamma.pipeline.suspects import SuspectRequest
    from ossamma.pipeline.suspects import suspects as find

    quieten()
    family = RunFamily(
        profile=profile,
        train=train,
        dev=train,  # each fold has its own
        preset=preset,
        recipe_file=recipe,
        assignments=tuple(assignments or ()),
        init=init,
        table=label_map,
        file_format=file_format.value,
    )
    request = SuspectRequest(
        family=family,
        out=out,
        folds=folds,
        bundle=bundle,
        workers=workers,
        suggest_from=suggest_from,
        settings=SuspectSettings(
            ranking=Ranking(ranking.value), min_score=min_score, by_type=by_type
        ),
    )
    _show(out, find(request, Console(stderr=True)), as_json=as_json)


def _show(out: Path, outcome: SuspectOutcome, *, as_json: bool) -> None:
    import json

    from rich.table import Table
    from rich.text import Text

    from ossamma.cli.terminal import Output
    from ossamma.evaluation.noise_estimate import NoiseEstimate

    if as_json:
        typer.echo(json.dumps(outcome.content))
        return
    console = Output()
    table = Table("type")
    for title in ("marks", "missing", "spurious", "boundary", "type"):
        table.add_column(title, justify="right")
    for name, row in outcome.content["types"].items():
        cells = (row[key] for key in ("marks", "missing", "spurious", "boundary", "type"))
        table.add_row(Text(name), *(f"{cell:,}" for cell in cells))
    console.print(table)
    for rank, suspect in enumerate(outcome.found.suspects[:_SHOWN], start=1):
        line = f"{rank}. {suspect.kind} in {suspect.case.document}: {suspect.reason}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    estimate = outcome.estimate
    if isinstance(estimate, NoiseEstimate):
        low, high = estimate.interval.low, estimate.interval.high
        says = (
            f"of {estimate.wrong:,} unconfirmed predictions at least about "
            f"{estimate.annotation:,.0f} [{low:,.0f}, {high:,.0f}] are the annotation's errors; "
            f"`ossamma data review {out}` tells by a sample"
        )
    else:
        says = f"the annotation's share of the errors: {estimate.reason}"
    console.print(says, markup=False, highlight=False, soft_wrap=True)
    for note in outcome.content["notes"]:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{out}/suspects.html, .md, .json, .jsonl", markup=False, highlight=False)

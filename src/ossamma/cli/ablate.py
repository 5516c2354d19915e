"""`ossamma ablate`: the same run without one part at a time, compared over seeds."""

from __future__ import annotations

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
    from collections.abc import Sequence

    from rich.table import Table

    from ossamma.pipeline.ablate import AblateOutcome

EXAMPLES = """
[bold]Examples[/bold]

ossamma ablate --profile native --train t.conll --dev d.conll --test e.conll --recipe r.yaml
  --out ablations/a --seeds 1,2,3

ossamma ablate --profile native --train t.conll --dev d.conll --test e.conll --recipe r.yaml
  --out ablations/a --seeds 1,2 --variants no-input-gate,no-output-gate,no-crf
"""


def ablate(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[str, typer.Option("--profile", metavar="P", help="As in `ossamma train`.")],
    train: Annotated[Path, typer.Option("--train", metavar="FILE", help="CoNLL or JSONL.")],
    dev: Annotated[Path, typer.Option("--dev", metavar="FILE", help="Chooses the best epoch.")],
    test: Annotated[Path, typer.Option("--test", metavar="FILE", help="What is compared on.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder of all runs; finished ones are kept."),
    ],
    seeds: Annotated[str, typer.Option("--seeds", metavar="1,2,3", help="Of the runs.")] = "1,2,3",
    variants: Annotated[
        str | None,
        typer.Option("--variants", metavar="A,B", help="Only these, and `full`; all if none."),
    ] = None,
    variants_file: Annotated[
        Path | None,
        typer.Option("--variants-file", metavar="FILE", help="YAML with variants of your own."),
    ] = None,
    workers: Workers = 1,
    preset: Preset = None,
    recipe: RecipeFile = None,
    init: Init = None,
    assignments: Settings = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Leave out one part at a time, and say what each is worth, with intervals.

    Ctrl-C keeps what is finished; the same command goes on. DIR gets ablation.json, .md and .html.
    """
    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.pipeline.ablate import AblateRequest
    from ossamma.pipeline.ablate import ablate as run_ablation
    from ossamma.pipeline.run_family import RunFamily
    from ossamma.pipeline.variants import choose, read_variants

    quieten()
    console = Console(stderr=True)
    family = RunFamily(
        profile=profile,
        train=train,
        dev=dev,
        test=test,
        preset=preset,
        recipe_file=recipe,
        assignments=tuple(assignments or ()),
        init=init,
        table=label_map,
        file_format=file_format.value,
    )
    names = [name.strip() for name in (variants or "").split(",") if name.strip()]
    chosen, left_out = choose(read_variants(variants_file), family, names)
    for line in left_out:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    request = AblateRequest(
        family=family, variants=chosen, seeds=_seeds(seeds), out=out, workers=workers
    )
    _show(out, run_ablation(request, console), as_json=as_json)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"expected seeds such as 1,2,3, got {text!r}") from None


def _show(out: Path, outcome: AblateOutcome, *, as_json: bool) -> None:
    import json

    from ossamma.cli.terminal import Output
    from ossamma.pipeline.ablation_report import NAME, between, points

    if as_json:
        typer.echo(json.dumps(outcome.content))
        return
    console = Output()
    console.print(_table(outcome, outcome.content["variants"]))
    for row in outcome.content["claims"]:
        console.print(
            f"{row['name']}, {row['variant']}: {row['metric']} {points(row['difference'])} "
            f"{between(row['interval'])}: {row['verdict']}",
            markup=False,
            highlight=False,
        )
    console.print(f"report: {out / NAME}.html, .md, .json", markup=False, highlight=False)


def _table(outcome: AblateOutcome, rows: Sequence[dict[str, object]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from ossamma.pipeline.ablation_report import per_cent, points

    cells = outcome.table.cells
    # What no variant has a value of is named in the report; here it would take up room.
    metrics = [
        metric.name
        for metric in outcome.table.metrics
        if any(row[metric.name].value is not None for row in cells.values())
    ]
    table = Table(caption="per cent; below it the difference to full, in points")
    table.add_column("Variant", no_wrap=True)
    for heading in ("Seeds", *metrics):
        table.add_column(heading, justify="right")
    for row in rows:
        name, seeds = str(row["name"]), row["seeds"]
        assert isinstance(seeds, list)
        shown = []
        for metric in metrics:
            cell = cells[name][metric]
            difference = "" if cell.difference is None else f"\n{points(cell.difference)}"
            shown.append(f"{per_cent(cell.value)}{difference}")
        table.add_row(Text(name), str(len(seeds)), *shown)
    return table

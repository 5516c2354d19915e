"""`ossamma tune`: search for better settings, each trial an ordinary training run."""

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
    from ossamma.pipeline.tune import TuneOutcome, TuneRequest

EXAMPLES = """
[bold]Examples[/bold]

ossamma tune --profile rag9 --train train.conll --dev dev.conll --out searches/a --trials 20

ossamma tune --profile native --train t.jsonl --dev d.jsonl --out searches/b --space my.yaml
  --workers 4 --storage postgresql://user@host/studies
"""


class PrunerKind(StrEnum):
    """What ends hopeless trials."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    NONE = "none"


def tune(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[str, typer.Option("--profile", metavar="P", help="As in `ossamma train`.")],
    train: Annotated[Path, typer.Option("--train", metavar="FILE", help="CoNLL or JSONL.")],
    dev: Annotated[Path, typer.Option("--dev", metavar="FILE", help="Judges every trial.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder of the search; the same goes on."),
    ],
    space: Annotated[
        str,
        typer.Option(
            "--space",
            metavar="S",
            help="default (fine-tuning with --init, else from-scratch), or a YAML file.",
        ),
    ] = "default",
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="Trials in all, earlier ones included.")
    ] = 20,
    workers: Workers = 1,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Database, or FILE.journal on a shared disk, for several machines.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="NAME", help="Name in the storage; that of DIR if none."),
    ] = None,
    pruner: Annotated[
        PrunerKind, typer.Option("--pruner", help="What ends hopeless trials.")
    ] = PrunerKind.MEDIAN,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides what is drawn.")] = 1,
    preset: Preset = None,
    recipe: RecipeFile = None,
    init: Init = None,
    assignments: Settings = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    as_json: Json = False,
) -> None:
    """Search for the settings with the best dev F1; go on with the search that is in DIR.

    Ctrl-C keeps what is finished. The best recipe is DIR/best.yaml, the plots are DIR/study.html.
    """
    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.pipeline.run_family import RunFamily
    from ossamma.pipeline.search_space import read_space
    from ossamma.pipeline.study import silence_optuna
    from ossamma.pipeline.tune import TuneRequest
    from ossamma.pipeline.tune import tune as run_search

    quieten()
    silence_optuna()
    family = RunFamily(
        profile=profile,
        train=train,
        dev=dev,
        preset=preset,
        recipe_file=recipe,
        assignments=tuple(assignments or ()),
        init=init,
        table=label_map,
        file_format=file_format.value,
    )
    request = TuneRequest(
        family=family,
        space=read_space(space, pretrained=init is not None),
        out=out,
        trials=trials,
        workers=workers,
        storage=storage,
        name=study,
        pruner=pruner.value,
        seed=seed,
    )
    _show(request, run_search(request, Console(stderr=True)), as_json=as_json)


def _show(request: TuneRequest, outcome: TuneOutcome, *, as_json: bool) -> None:
    import json
    from collections import Counter

    from ossamma.cli.terminal import Output
    from ossamma.pipeline.study_report import HTML_FILE, shown

    counts = Counter(row.state for row in outcome.trials)
    if as_json:
        content = {
            "trials": [row.to_json() for row in outcome.trials],
            "counts": dict(sorted(counts.items())),
            "best": outcome.best.to_json() if outcome.best else None,
            "importances": dict(outcome.importances),
            "recipe": str(outcome.recipe) if outcome.recipe else None,
        }
        typer.echo(json.dumps(content))
        return
    console = Output()
    ended = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    lines = [f"trials: {ended}"]
    if outcome.best is not None:
        lines.append(f"best: trial {outcome.best.number}, dev F1 {outcome.best.f1:.4f}")
        lines += [f"  {name} = {shown(value)}" for name, value in outcome.best.values.items()]
        lines.append(f"recipe: {outcome.recipe}")
    if outcome.importances:
        shares = (f"{name} {share:.0%}" for name, share in outcome.importances.items())
        lines.append(f"what decides: {', '.join(shares)}")
    lines.append(f"plots: {request.out / HTML_FILE}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

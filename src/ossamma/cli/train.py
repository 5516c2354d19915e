"""`ossamma train`: labelled files to an evaluated bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ossamma.cli.options import (
    Encoder,
    FileFormat,
    Format,
    Init,
    Json,
    LabelMap,
    Log,
    Preset,
    RecipeFile,
    Settings,
)

EXAMPLES = """
[bold]Examples[/bold]

ossamma train --profile rag9 --train train.conll --dev dev.conll --test test.conll --out runs/a

ossamma train --profile native --train t.jsonl --dev d.jsonl --out runs/b --set training.epochs=5

ossamma train --profile native --train t.jsonl --dev d.jsonl --out runs/b --resume
"""


def train(  # noqa: PLR0913  a verb's options are its arguments
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            metavar="P",
            help="Profile name or path; `native` takes the labels of the training file as types.",
        ),
    ],
    train: Annotated[Path, typer.Option("--train", metavar="FILE", help="CoNLL or JSONL.")],
    dev: Annotated[Path, typer.Option("--dev", metavar="FILE", help="Chooses the best epoch.")],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="New run folder.")],
    test: Annotated[
        Path | None, typer.Option("--test", metavar="FILE", help="Scored once, at the end.")
    ] = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    init: Init = None,
    encoder: Encoder = None,
    assignments: Settings = None,
    label_map: LabelMap = None,
    file_format: Format = FileFormat.AUTO,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run in RUN.")
    ] = False,
    log: Log = None,
    as_json: Json = False,
) -> None:
    """Train a tagger, keep its best epoch, score it, and write a bundle to RUN/bundle."""
    from rich.console import Console

    from ossamma.cli.logs import quieten
    from ossamma.cli.outcome import show_outcome
    from ossamma.cli.trackers import tracker_names
    from ossamma.pipeline.recipe import build_recipe
    from ossamma.pipeline.train_run import TrainRequest
    from ossamma.pipeline.train_run import train as run_training

    quieten()
    console = Console(stderr=True)
    request = TrainRequest(
        profile=profile,
        train=train,
        dev=dev,
        test=test,
        out=out,
        recipe=build_recipe(
            preset=preset,
            file=recipe,
            assignments=assignments or (),
            pretrained=init is not None or encoder is not None,
        ),
        init=init,
        encoder=encoder,
        table=label_map,
        file_format=file_format.value,
        resume=resume,
        trackers=tracker_names(log),
    )
    show_outcome(run_training(request, console), as_json=as_json)

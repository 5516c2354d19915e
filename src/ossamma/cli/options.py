"""Options that several verbs share, so that they are spelled and explained alike."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class FileFormat(StrEnum):
    """How a labelled file is read."""

    AUTO = "auto"
    CONLL = "conll"
    JSONL = "jsonl"


class Tracker(StrEnum):
    """Where figures go beside TensorBoard."""

    MLFLOW = "mlflow"
    WANDB = "wandb"


Format = Annotated[
    FileFormat,
    typer.Option("--format", help="Format of the labelled files; auto tells by their content."),
]
LabelMap = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="NAME",
        help="Label map of the profile for these files; by default chosen by their labels.",
    ),
]
Preset = Annotated[
    str | None, typer.Option("--preset", help="tiny, mini (default), small, base or large.")
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", metavar="FILE", help="YAML with settings.")
]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="CHECKPOINT", help="Start from this encoder."),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME_OR_PATH",
        help="An encoder of transformers in the place of ours: a folder, or a name on a hub.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="One setting, such as training.epochs=3."),
]
Log = Annotated[
    list[Tracker] | None,
    typer.Option(
        "--log",
        help="Log the figures there as well, in its own environment variables' way; may be "
        "repeated. TensorBoard always has them.",
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes, which share the cores.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
DataFolder = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="Folder of the fetched data sets.")
]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
        metavar="DIR",
        envvar="OSSAMMA_MIRROR",
        help="Local mirror: a folder with a folder per data set.",
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Stay off the network.")]

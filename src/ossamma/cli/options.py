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

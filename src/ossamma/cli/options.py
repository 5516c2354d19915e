"""Options that several verbs share, so that they are spelled and explained alike."""

from __future__ import annotations

from enum import StrEnum
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

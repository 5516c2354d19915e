"""Errors of users as messages and exit codes, for every verb alike."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from ossamma.schema.errors import OssammaError

FAULT = 2
"""The input, options or files are at fault."""
_EXTRAS = {
    "ahocorasick": "data",
    "apprise": "notify",
    "bs4": "data",
    "defusedxml": "data",
    "cryptography": "export",
    "docx": "data",
    "fastapi": "serve",
    "httpx": "data",
    "ladybug": "graph",
    "lxml": "data",
    "mwparserfromhell": "data",
    "neo4j": "graph",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "opentelemetry": "trace",
    "orjson": "serve",
    "prometheus_client": "serve",
    "pyarrow": "data",
    "pypdf": "data",
    "rapidfuzz": "graph",
    "ray": "ray",
    "spacy": "spacy",
    "srsly": "spacy",
    "stix2": "graph",
    "thinc": "spacy",
    "uvicorn": "serve",
    "faststream": "stream",
    "nats": "stream",
    "redis": "stream",
    "aio_pika": "stream",
    "accelerate": "train",
    "optuna": "train",
}
"""Which extra of the package brings a library."""
BROKEN_PIPE = 141
"""What a shell reports of a process that SIGPIPE ended."""


class Verbs(TyperGroup):
    """The group of all verbs: prints an OssammaError in red, without a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  typer's own types differ by version
        """Run the verb."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader went away (`| head`); keep the interpreter from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except (OssammaError, OSError) as error:
            # An OSError is a full disk, a lost mount, a missing permission: no fault of ours.
            _complain(str(error))
            raise typer.Exit(FAULT) from error
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            _complain(
                f"this needs the library {error.name!r}, which is not installed; expected the "
                f'extra {extra!r}: pip install "ossamma[{extra}]"'
            )
            raise typer.Exit(FAULT) from error
        return result


def _complain(message: str) -> None:
    Console(stderr=True).print(
        f"error: {message}", style="bold red", markup=False, highlight=False, soft_wrap=True
    )

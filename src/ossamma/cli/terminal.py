"""The terminal that results are printed on."""

from __future__ import annotations

import os
import sys

from rich.console import Console

_NO_TERMINAL = 1_000
"""Columns of a file or a pipe: what reads it wants whole lines."""


class Output(Console):
    """Standard output, whose reader may go away (`| head`)."""

    def on_broken_pipe(self) -> None:
        """Leave the error to `Verbs`, which knows the exit code; rich would exit with 1."""
        error = sys.exc_info()[1]
        assert error is not None, "rich calls this while it handles the error"
        raise error


def table_output() -> Output:
    """Return standard output for tables: unless it is a terminal, lines are as long as they are."""
    console = Output()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _NO_TERMINAL
    return console

"""The terminal that results are printed on."""

from __future__ import annotations

import sys

from rich.console import Console


class Output(Console):
    """Standard output, whose reader may go away (`| head`)."""

    def on_broken_pipe(self) -> None:
        """Leave the error to `Verbs`, which knows the exit code; rich would exit with 1."""
        error = sys.exc_info()[1]
        assert error is not None, "rich calls this while it handles the error"
        raise error

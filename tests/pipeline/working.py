"""What test workers do: importable, for they are started afresh."""

from __future__ import annotations

import os
from pathlib import Path


def leave_a_note(worker: int, folder: str) -> None:
    """Write the process into a file of the worker's number."""
    (Path(folder) / str(worker)).write_text(str(os.getpid()))


def fail_if_second(worker: int, folder: str) -> None:
    """End the second worker with an exit code."""
    if worker == 1:
        raise SystemExit(7)
    leave_a_note(worker, folder)

"""What a finished run remembers of its training: the figures at its end, and the curves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ossamma.export.manifest import BUNDLE_FOLDER
from ossamma.pipeline.run_folder import METRICS_FILE
from ossamma.training.run_files import METRICS_LOG_FILE

_SHOWN: Final = ("loss", "eval_f1", "eval_precision", "eval_recall", "learning_rate")
_MOST_LOSSES: Final = 300


def training_facts(path: Path) -> dict[str, Any] | None:
    """Return the training's part of a run's metrics with its `curve`; None where there is no run.

    Args:
        path: a run folder, or the bundle in it.
    """
    run = path.parent if path.name == BUNDLE_FOLDER else path
    try:
        content = json.loads((run / METRICS_FILE).read_text(encoding="utf-8"))
        facts = content["training"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # a bundle comes without its run, and its evaluation does not need it
    return {**facts, "curve": _thinned(list(_curve(run / METRICS_LOG_FILE)))}


def _curve(path: Path) -> Iterator[dict[str, float]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        try:
            row = json.loads(line)
            epoch = row["epoch"]
        except (ValueError, LookupError, TypeError):
            continue  # a torn last line
        figures = {name: row[name] for name in _SHOWN if isinstance(row.get(name), int | float)}
        if figures and isinstance(epoch, int | float):
            yield {"epoch": epoch, **figures}


def _thinned(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Keep every evaluation, and of the losses between them about as many as a plot can show."""
    losses = [row for row in rows if "eval_f1" not in row]
    step = max(1, len(losses) // _MOST_LOSSES)
    kept = {id(row) for row in losses[::step]}
    return [row for row in rows if "eval_f1" in row or id(row) in kept]

"""Run folders as the experiment book meets them, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ossamma.pipeline.processes import own_process
from ossamma.pipeline.run_folder import LOCK_FILE, METRICS_FILE, RUN_FILE
from ossamma.training.run_files import METRICS_LOG_FILE

LOG = (
    {"step": 4, "epoch": 0.5, "time": 1_000.0, "loss": 2.0},
    {"step": 8, "epoch": 1.0, "time": 1_010.0, "eval_f1": 0.25},
    {"step": 12, "epoch": 1.5, "time": 1_020.0, "loss": 1.0},
    {"step": 16, "epoch": 2.0, "time": 1_030.0, "eval_f1": 0.5},
)


def scores(f1: float, **per_type: float) -> dict[str, Any]:
    """What metrics.json says of a part."""
    row = {"precision": f1, "recall": f1, "f1": f1}
    return {
        "micro": row,
        "macro": row,
        "per_type": {name: {"precision": x, "recall": x, "f1": x} for name, x in per_type.items()},
    }


def record(**changes: Any) -> dict[str, Any]:
    """What run.json says of a finished run."""
    return {
        "status": "finished",
        "profile": "native",
        "types": ["PERSON", "PLACE"],
        "init": None,
        "recipe": {
            "preset": "mini",
            "model": {"hidden_size": 16, "use_crf": True},
            "training": {"seed": 1, "learning_rate": 0.01},
        },
        "data": {
            "train": {"sha256": "a" * 64, "documents": 24, "path": "train.conll"},
            "test": {"sha256": "b" * 64, "documents": 8, "path": "test.conll"},
        },
        "versions": {"torch": "2.13.0"},
        "machine": {"threads": 1},
        "closed_world": [],
        "started": "2026-11-22T10:00:00+00:00",
        "ended": "2026-11-22T10:05:00+00:00",
        "process": own_process(),
        **changes,
    }


def metrics(dev: float = 0.5, test: float | None = 0.4) -> dict[str, Any]:
    """What metrics.json says."""
    return {
        "dev": scores(dev, PERSON=dev, PLACE=dev / 2),
        "test": None if test is None else scores(test, PERSON=test),
        "training": {"best_epoch": 2.0, "epochs": 2.0, "steps": 16, "seconds": 30.0},
    }


def write_run(
    folder: Path,
    made: dict[str, Any] | None = None,
    figures: dict[str, Any] | None = None,
    *,
    log: tuple[dict[str, Any], ...] = LOG,
    is_held: bool = False,
) -> Path:
    """Write a run folder without models."""
    folder.mkdir(parents=True)
    (folder / RUN_FILE).write_text(json.dumps(made or record()))
    if figures is not None:
        (folder / METRICS_FILE).write_text(json.dumps(figures))
    (folder / METRICS_LOG_FILE).write_text("".join(f"{json.dumps(row)}\n" for row in log))
    if is_held:
        (folder / LOCK_FILE).touch()
    return folder

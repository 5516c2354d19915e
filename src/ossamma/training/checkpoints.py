"""Checkpoints that are complete or not there: what the Trainer does not keep, and a seal.

The Trainer writes model, optimiser, schedule and random states into a folder file by file. A
process killed meanwhile leaves a folder that looks like a checkpoint. Ours is one only when the
seal stands in it, which is written last, after everything else is on the disk.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import CheckpointError
from ossamma.training.averaging import WeightAverage

SEAL = "sealed.json"
AVERAGE = "average.safetensors"
_PREFIX = "checkpoint-"


def seal_checkpoint(folder: Path, average: WeightAverage | None, progress: dict[str, Any]) -> None:
    """Add the weight average and the progress to a checkpoint folder, then declare it complete."""
    if average is not None:
        save_file(average.state(), folder / AVERAGE)
        progress = {**progress, "average_updates": average.num_updates}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            _to_disk(path)
    with atomic_write(folder / SEAL) as file:
        json.dump(progress, file)


def open_checkpoint(folder: Path, average: WeightAverage | None) -> dict[str, Any]:
    """Restore the weight average from a sealed checkpoint and return its progress."""
    progress: dict[str, Any] = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    if average is not None:
        path = folder / AVERAGE
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no {AVERAGE}: it was written with average_decay = 0; resume with "
                "the settings of the run"
            )
        average.load_state(load_file(path), progress["average_updates"])
    return progress


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest sealed checkpoint under a folder, None if there is none."""
    sealed = [
        path
        for path in folder.glob(f"{_PREFIX}*")
        if path.name.removeprefix(_PREFIX).isdigit() and (path / SEAL).is_file()
    ]
    return max(sealed, key=lambda path: int(path.name.removeprefix(_PREFIX)), default=None)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

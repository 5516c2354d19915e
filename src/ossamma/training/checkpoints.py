"""Checkpoints that are complete or not there: what the Trainer does not keep, and a seal.

The Trainer writes model, optimiser, schedule and random states into a folder file by file. A
process killed meanwhile leaves a folder that looks like a checkpoint. Ours is one only when the
seal stands in it, which is written last, after everything else is on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import CheckpointError
from ossamma.training.averaging import WeightAverage

SEAL_FILE = "sealed.json"
AVERAGE_FILE = "average.safetensors"
_PREFIX = "checkpoint-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    """Optimiser steps done."""
    epoch: float = 0.0
    """Passes over the training set done."""
    best_f1: float | None = None
    """Best dev micro-F1; None before the first evaluation."""
    best_epoch: float = 0.0
    """The epoch of `best_f1`."""
    evaluations_without_gain: int = 0
    """Evaluations since then."""
    is_over: bool = False
    """Nothing is left to train: all epochs are done, or the dev score stopped rising."""
    average_updates: int = 0
    """Updates of the weight average; 0 without one."""


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies, in the Trainer's own naming."""
    return folder / f"{_PREFIX}{step}"


def seal_checkpoint(folder: Path, average: WeightAverage | None, progress: Progress) -> None:
    """Add the weight average and the progress to a checkpoint folder, then declare it complete."""
    if average is not None:
        save_file(average.state(), folder / AVERAGE_FILE)
    for path in sorted(folder.iterdir()):
        if path.is_file():
            _to_disk(path)
    with atomic_write(folder / SEAL_FILE) as file:
        json.dump(asdict(progress), file)
    _to_disk(folder.parent)


def open_checkpoint(folder: Path, average: WeightAverage | None) -> Progress:
    """Restore the weight average from a sealed checkpoint and return its progress.

    Raises:
        CheckpointError: a file cannot be read, or is not what this version writes.
    """
    try:
        progress = Progress(**json.loads((folder / SEAL_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{folder / SEAL_FILE} is not the seal of a checkpoint ({error}); remove the folder "
            "to resume from the one before, or start a new run"
        ) from error
    if average is not None:
        path = folder / AVERAGE_FILE
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no {AVERAGE_FILE}: it was written with average_decay = 0; resume "
                "with the settings of the run"
            )
        try:
            average.load_state(load_file(path), progress.average_updates)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{path} is damaged ({error}); remove its folder to resume from the one before"
            ) from error
    return progress


def latest_checkpoint(folder: Path) -> Path | None:
    """Return the newest sealed checkpoint under a folder, None if there is none."""
    sealed = _sealed_checkpoints(folder)
    return sealed[-1] if sealed else None


def prune_checkpoints(folder: Path, *, keep: int) -> None:
    """Remove every checkpoint under a folder but the newest `keep` sealed ones.

    A run has one writer, which calls this after sealing: whatever is not sealed by then was left
    by a process that died.
    """
    kept = set(_sealed_checkpoints(folder)[-keep:])
    for path in _checkpoints(folder):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _checkpoints(folder: Path) -> list[Path]:
    numbered = [
        path for path in folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdecimal()
    ]
    return sorted(numbered, key=lambda path: int(path.name.removeprefix(_PREFIX)))


def _sealed_checkpoints(folder: Path) -> list[Path]:
    return [path for path in _checkpoints(folder) if (path / SEAL_FILE).is_file()]


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The run folder: what lies in it, who may write there, and what makes two runs the same.

Needs neither torch nor transformers.

::

    RUN/
      run.json               the resolved recipe, files with fingerprints, versions, how it ended
      metrics.jsonl          every figure logged while training
      metrics.json           dev and test scores of the model that was kept
      predictions.jsonl      what it finds in the test file
      trackers.json          under which ids MLflow and W&B have the run, where they were asked for
      tensorboard/           the same curves for TensorBoard
      checkpoints/           sealed checkpoints to resume from
      best/                  the best model so far, as a bundle
      bundle/                the released model
      corpus/                data made for this run alone, if any (the demonstration's)
      lock                   there while a process writes
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from ossamma.export.manifest import BUNDLE_FOLDER, remove_leftovers
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import CheckpointError, DataError
from ossamma.training.run_files import (
    CHECKPOINTS_FOLDER,
    METRICS_LOG_FILE,
    TENSORBOARD_FOLDER,
    TRACKERS_FILE,
)

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.jsonl"
BEST_FOLDER = "best"
CORPUS_FOLDER = "corpus"
LOCK_FILE = "lock"
_ENTRIES = frozenset(
    {
        RUN_FILE,
        METRICS_FILE,
        METRICS_LOG_FILE,
        PREDICTIONS_FILE,
        TENSORBOARD_FOLDER,
        TRACKERS_FILE,
        CHECKPOINTS_FOLDER,
        BEST_FOLDER,
        BUNDLE_FOLDER,
        CORPUS_FOLDER,
        LOCK_FILE,
    }
)
_DECISIVE_SPLITS = ("train", "dev")
_DECISIVE_FACTS = ("sha256", "format", "table", "mapped")
# What may differ without making it another run, though the last bits may then differ, too.
_CIRCUMSTANCES = ("versions", "machine")
_DIVISION = ("batch_size", "gradient_accumulation_steps")


def refuse_used(run: Path) -> None:
    """Refuse a folder that holds anything but a corpus. Writes nothing.

    Raises:
        CheckpointError: it is not empty, or no folder.
    """
    if set(_names_in(run)) - {CORPUS_FOLDER, LOCK_FILE}:
        raise CheckpointError(
            f"{run} is not empty; choose another folder, or continue the run in it with "
            "`ossamma train --resume`"
        )


def clear_run(run: Path) -> None:
    """Remove an earlier run, finished or not, with its corpus, and nothing else.

    Raises:
        CheckpointError: something that no run writes lies in the folder, or only parts of a run.
    """
    names = set(_names_in(run))
    if RUN_FILE not in names and names - {CORPUS_FOLDER}:
        raise CheckpointError(
            f"{run} is not a run: expected {RUN_FILE} in it; choose another folder"
        )
    strangers = sorted(name for name in names if not _is_of_run(name))
    if strangers:
        raise CheckpointError(
            f"{run} holds {', '.join(strangers)}, which no run has written; move it, or choose "
            "another folder"
        )
    for name in names:
        path = run / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def held(run: Path) -> Iterator[None]:
    """Make the folder if need be, and keep other processes from writing there.

    A folder that is made for nothing, because the block puts nothing there, is removed.

    The operating system lets go of the lock when the process ends, however it ends.

    Raises:
        CheckpointError: another process holds it, or it cannot be made.
    """
    is_new = not run.exists()
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run / LOCK_FILE, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise CheckpointError(
            f"another process is writing into {run}; wait until it has ended, or choose another "
            "folder"
        ) from error
    except OSError as error:
        raise CheckpointError(f"cannot make the run folder {run}: {error.strerror}") from error
    try:
        yield
    finally:
        # Gone before it is free: whoever comes next makes a file, and never holds one that is gone.
        with suppress(OSError):
            (run / LOCK_FILE).unlink()
        lock.release()
        if is_new:
            with suppress(OSError):  # it is not empty: that is how it should be
                run.rmdir()


def claim_run(run: Path, record: Mapping[str, Any]) -> None:
    """Write the record of a new run into a folder that is `held`: from here on it is in use.

    Raises:
        CheckpointError: the folder is in use.
    """
    refuse_used(run)
    write_json(run / RUN_FILE, record)


def rejoin_run(run: Path, record: Mapping[str, Any]) -> list[str]:
    """Check that the run in a folder is this run, and claim it anew; return warnings.

    Raises:
        CheckpointError: it is another run, or none.
    """
    before = read_record(run)
    different = differences(_identity(run, before), _identity(run, record))
    if different:
        raise CheckpointError(
            f"cannot resume {run}, which is another run: {'; '.join(different)}. Give the same "
            "options and files, or start a new run"
        )
    for name in (BEST_FOLDER, BUNDLE_FOLDER):
        remove_leftovers(run / name)
    write_json(run / RUN_FILE, record)
    changed = [
        line for name in _CIRCUMSTANCES for line in differences(before.get(name), record[name])
    ]
    changed += differences(_division(before["recipe"]), _division(record["recipe"]))
    if not changed:
        return []
    return [
        f"the weights may differ in the last bits from an undisturbed run: {'; '.join(changed)}"
    ]


def read_record(run: Path) -> dict[str, Any]:
    """Read the record of a run.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    path = run / RUN_FILE
    if not path.is_file():
        raise CheckpointError(f"{run} is not a run: expected {RUN_FILE} in it")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(record, dict):
        raise CheckpointError(f"{path}: expected an object, got {type(record).__name__}")
    return record


@contextmanager
def recorded(run: Path, record: Mapping[str, Any]) -> Iterator[None]:
    """Write into the record how the block ended, if it did not end well."""
    try:
        yield
    except BaseException as error:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        reason = f"{type(error).__name__}: {error}"
        ending = {"status": status, "reason": reason, "ended": timestamp()}
        with suppress(OSError, DataError):  # a full disk must not hide the first error
            write_json(run / RUN_FILE, {**record, **ending})
        raise


@contextmanager
def disk_faults(run: Path) -> Iterator[None]:
    """Turn what safetensors and torch say of a full disk into a CheckpointError with advice."""
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        # torch's archive writer raises a bare RuntimeError; its source file's name is in it.
        if isinstance(error, RuntimeError) and "inline_container" not in str(error):
            raise
        raise CheckpointError(
            f"cannot write into {run}: {str(error).splitlines()[0]}; is the disk full? Make room "
            "and continue with --resume"
        ) from error


def timestamp() -> str:
    """Return the time now, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file as a whole or not at all."""
    with atomic_write(path) as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")


def differences(before: object, now: object, name: str = "") -> list[str]:
    """Name every value that differs, as `recipe.training.epochs was 3, now it is 4`."""
    if isinstance(before, dict) and isinstance(now, dict):
        inside = f"{name}." if name else ""
        return [
            line
            for key in sorted(before.keys() | now.keys())
            for line in differences(before.get(key), now.get(key), f"{inside}{key}")
        ]
    return [] if before == now else [f"{name} was {before}, now it is {now}"]


def _names_in(run: Path) -> list[str]:
    try:
        return [path.name for path in run.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"cannot use {run} as a run folder: {error.strerror}") from error


def _is_of_run(name: str) -> bool:
    unfinished = (f".{BEST_FOLDER}.", f".{BUNDLE_FOLDER}.")
    return name in _ENTRIES or name.startswith(unfinished)


def _division(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {name: recipe["training"][name] for name in _DIVISION}


def _undivided(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with the windows of a step in place of how they are divided."""
    training = dict(recipe["training"])
    parts = [training.pop(name) for name in _DIVISION]
    return {**recipe, "training": {**training, "windows_per_step": prod(parts)}}


def _identity(run: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for a run to be the same: paths may change, contents may not.

    A test file may come and go: no weight depends on it. A step may be computed in more and
    smaller batches, for want of memory: it sees as many windows.
    """
    try:
        return {
            **{name: record[name] for name in ("profile", "types", "closed_world")},
            "recipe": _undivided(record["recipe"]),
            "init": record["init"] and record["init"]["sha256"],
            "data": {
                name: {key: record["data"][name][key] for key in _DECISIVE_FACTS}
                for name in _DECISIVE_SPLITS
            },
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{run / RUN_FILE} is not a record of this version: {error!r}; start a new run"
        ) from error

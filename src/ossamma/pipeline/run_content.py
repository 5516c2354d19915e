"""What lies in a run folder, read as far as it can be: a damaged run is a finding, not an error.

Needs neither torch nor transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.measurement import number_of
from ossamma.pipeline.run_folder import LOCK_FILE, METRICS_FILE, RUN_FILE
from ossamma.schema.errors import CheckpointError
from ossamma.training.run_files import METRICS_LOG_FILE

Json = Mapping[str, Any]

_UNREADABLE: Final = (OSError, ValueError, RecursionError)  # ValueError: no UTF-8, or no JSON
_AXIS: Final = ("epoch", "step")
CURVES: Final[Mapping[str, str]] = {
    "loss": "training loss",
    "eval_f1": "dev F1",
    "eval_perplexity": "held-out perplexity",
}
"""The figures of the log that are drawn, with what people call them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContent:
    """The files of one run. What is missing or unreadable is empty."""

    path: Path
    """The run folder."""
    record: Json
    """run.json."""
    metrics: Json
    """metrics.json."""
    log: tuple[Json, ...]
    """The whole lines of metrics.jsonl."""
    fault: str
    """What is damaged; empty if nothing is."""
    is_foreign: bool
    """Whether run.json can be read but is not a record of ours."""
    is_held: bool
    """Whether a process holds the folder, or died while it held it."""

    def at(self, *path: str) -> Any:  # noqa: ANN401  JSON is anything
        """Return what the record has at a path, None if nothing."""
        return _at(self.record, path)

    def text(self, *path: str) -> str | None:
        """Return a text of the record, None if there is none at the path."""
        value = self.at(*path)
        return value if isinstance(value, str) else None

    def number(self, *path: str) -> float | None:
        """Return a finite number of the record, None if there is none at the path."""
        return number_of(self.at(*path))

    def metric(self, *path: str) -> float | None:
        """Return a finite number of metrics.json, None if there is none at the path."""
        return number_of(_at(self.metrics, path))

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Return (epoch, value), or (step, value) without epochs, of every line with the figure."""
        points = []
        for row in self.log:
            places = [place for axis in _AXIS if (place := number_of(row.get(axis))) is not None]
            value = number_of(row.get(name))
            if places and value is not None:
                points.append((places[0], value))
        return points

    def times(self) -> list[float]:
        """Return when the lines of the log were written, in seconds since 1970."""
        stated = (number_of(row.get("time")) for row in self.log)
        return [time for time in stated if time is not None]


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, or what is left of one."""
    return any((folder / name).is_file() for name in (RUN_FILE, METRICS_LOG_FILE))


def read_run(folder: Path) -> RunContent:
    """Read a run folder; nothing in it can make this fail."""
    record, fault = _read_object(folder / RUN_FILE)
    metrics: Json = {}
    if not fault and (folder / METRICS_FILE).exists():
        metrics, fault = _read_object(folder / METRICS_FILE)
    is_ours = isinstance(record.get("recipe"), dict) and isinstance(record.get("status"), str)
    is_tagger = is_ours and record.get("kind") is None
    if not fault and not metrics and is_tagger and record["status"] == "finished":
        fault = f"it has finished, but {METRICS_FILE} is missing"
    return RunContent(
        path=folder,
        record=record,
        metrics=metrics,
        log=tuple(_lines(folder / METRICS_LOG_FILE)),
        fault=fault,
        is_foreign=not fault and not is_ours,
        is_held=(folder / LOCK_FILE).exists(),
    )


def require_run(folder: Path) -> RunContent:
    """Read a run folder that must be whole.

    Raises:
        CheckpointError: it is no run, or a damaged one.
    """
    content = read_run(folder)
    if content.fault or content.is_foreign:
        why = content.fault or f"{RUN_FILE} is not a record of a run"
        raise CheckpointError(f"{folder} is not a run that can be read: {why}")
    return content


def _at(content: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401  JSON is anything
    return reduce(
        lambda here, key: here.get(key) if isinstance(here, Mapping) else None, path, content
    )


def _read_object(path: Path) -> tuple[Json, str]:
    """Return the content and no fault, or nothing and the fault."""
    if not path.is_file():
        return {}, f"{path.name} is missing"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except _UNREADABLE as error:
        return {}, f"{path.name} cannot be read: {error}"
    if not isinstance(content, dict):
        return {}, f"{path.name}: expected an object, got {type(content).__name__}"
    return content, ""


def _lines(path: Path) -> Iterator[Json]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except _UNREADABLE:
            continue  # a torn line
        if isinstance(row, dict):
            yield row

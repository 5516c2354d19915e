"""The experiment book: every run below some folders as one line, whatever its state.

Needs neither torch nor transformers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ossamma.evaluation.measurement import number_of
from ossamma.export.manifest import BUNDLE_FOLDER, read_metadata
from ossamma.pipeline.processes import is_gone
from ossamma.pipeline.run_content import RunContent, is_run, read_run
from ossamma.pipeline.run_folder import BEST_FOLDER, CORPUS_FOLDER
from ossamma.pipeline.run_states import RunKind, RunStatus, SortKey
from ossamma.schema.errors import BundleError, DataError


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEntry:
    """One line of the book. What is not known is None."""

    name: str
    """The path of the folder."""
    kind: RunKind
    """What the run is for."""
    status: RunStatus
    """How it stands; "left" is a run whose process has ended without a word."""
    reason: str | None
    """Why it failed, or what is damaged."""
    profile: str | None
    """The profile's name."""
    preset: str | None
    """The named size."""
    parameters: int | None
    """Of the released model, or of the best one so far."""
    epochs: float | None
    """Passes over the training set."""
    steps: int | None
    """Optimiser steps."""
    dev_f1: float | None
    """Micro-F1 of the model that was kept; of an unfinished run, the best so far."""
    test_f1: float | None
    """Micro-F1 of the model that was kept."""
    perplexity: float | None
    """Of pre-training: its bound on the held-out rows."""
    started: str | None
    """ISO time; of runs that did not note it, that of the first line of the log."""
    ended: str | None
    """ISO time; of runs that did not note it, that of the last line of the log."""
    seconds: float | None
    """Of training; a resumed run counts its last part."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


_KEYS: Final[Mapping[SortKey, Callable[[RunEntry], Any]]] = {
    SortKey.NAME: lambda entry: entry.name,
    SortKey.KIND: lambda entry: entry.kind.value,
    SortKey.STATUS: lambda entry: entry.status.value,
    SortKey.PROFILE: lambda entry: entry.profile,
    SortKey.SIZE: lambda entry: entry.parameters,
    SortKey.EPOCHS: lambda entry: entry.epochs,
    SortKey.STEPS: lambda entry: entry.steps,
    SortKey.DEV: lambda entry: entry.dev_f1,
    SortKey.TEST: lambda entry: entry.test_f1,
    SortKey.STARTED: lambda entry: entry.started,
    SortKey.ENDED: lambda entry: entry.ended,
    SortKey.SECONDS: lambda entry: entry.seconds,
}
_WORDS: Final = frozenset({SortKey.NAME, SortKey.KIND, SortKey.STATUS, SortKey.PROFILE})
_TRIALS, _RUNS = "trials", "runs"
_STUDY_FILE: Final = "study.json"


def find_runs(folders: Sequence[Path]) -> list[RunEntry]:
    """Return the runs in and below the folders, by path; each once.

    Links and hidden folders are not followed, and nothing is looked for inside a run.

    Raises:
        DataError: a folder is not there.
    """
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"expected a folder with runs, got {folder}, which is none")
        for run in _walk(folder):
            found.setdefault(run.resolve(), run)
    return [entry_of(read_run(run)) for run in sorted(found.values())]


def sort_runs(
    entries: Iterable[RunEntry], key: SortKey, *, reverse: bool = False
) -> list[RunEntry]:
    """Sort: words ascend, figures and times descend, `reverse` turns that; the unknown is last."""
    value = _KEYS[key]
    by_name = sorted(entries, key=_KEYS[SortKey.NAME])
    known = [entry for entry in by_name if value(entry) is not None]
    unknown = [entry for entry in by_name if value(entry) is None]
    return [*sorted(known, key=value, reverse=(key not in _WORDS) != reverse), *unknown]


def select_runs(
    entries: Iterable[RunEntry],
    *,
    kinds: Collection[RunKind] = (),
    statuses: Collection[RunStatus] = (),
    profiles: Collection[str] = (),
) -> list[RunEntry]:
    """Keep the runs that have one of each; nothing given keeps all."""
    return [
        entry
        for entry in entries
        if (not kinds or entry.kind in kinds)
        and (not statuses or entry.status in statuses)
        and (not profiles or entry.profile in profiles)
    ]


def entry_of(run: RunContent) -> RunEntry:
    """Sum a run up."""
    status = _status(run)
    is_known = status not in (RunStatus.DAMAGED, RunStatus.FOREIGN)
    times = run.times()
    return RunEntry(
        name=str(run.path),
        kind=_kind(run) if is_known else RunKind.UNKNOWN,
        status=status,
        reason=run.fault or run.text("reason"),
        profile=run.text("profile"),
        preset=run.text("recipe", "preset"),
        parameters=_whole(_first(run.number("parameters"), _parameters(run.path))),
        epochs=_first(run.metric("training", "epochs"), _last(run, "epoch")),
        steps=_whole(
            _first(run.metric("training", "steps"), run.number("steps"), _last(run, "step"))
        ),
        dev_f1=_first(run.metric("dev", "micro", "f1"), _best_so_far(run)),
        test_f1=run.metric("test", "micro", "f1"),
        perplexity=_first(run.number("scores", "perplexity"), _last(run, "eval_perplexity")),
        started=run.text("started") or _iso(times[:1]),
        ended=None if status is RunStatus.RUNNING else run.text("ended") or _iso(times[-1:]),
        seconds=_first(
            run.metric("training", "seconds"),
            run.number("seconds"),
            times[-1] - times[0] if times else None,
        ),
    )


def _walk(folder: Path) -> Iterator[Path]:
    for place, names, _ in os.walk(folder):
        here = Path(place)
        if is_run(here):
            yield here
            names.clear()
        else:
            names[:] = [name for name in names if not name.startswith(".")]


def _status(run: RunContent) -> RunStatus:
    if run.fault:
        return RunStatus.DAMAGED
    status = run.text("status")
    if run.is_foreign or status not in list(RunStatus):
        return RunStatus.FOREIGN
    if status == RunStatus.RUNNING and _is_left(run):
        return RunStatus.LEFT
    if status == RunStatus.FINISHED and run.path.name in _pruned(run.path.parent):
        return RunStatus.PRUNED
    return RunStatus(status)


def _is_left(run: RunContent) -> bool:
    """Whether nobody works on a run any more; a process that was killed leaves its lock."""
    return not run.is_held or is_gone(run.at("process", "host"), run.at("process", "process"))


def _kind(run: RunContent) -> RunKind:
    stated = run.text("kind")
    if stated is not None:
        return RunKind.PRETRAINING if stated == RunKind.PRETRAINING else RunKind.UNKNOWN
    parent = run.path.absolute().parent
    if parent.name == _TRIALS:
        return RunKind.TRIAL
    if parent.name == _RUNS and (parent.parent / "answers").is_dir():
        is_fold = (parent.parent / "folds").is_dir()
        return RunKind.FOLD if is_fold else RunKind.ABLATION
    return RunKind.DEMO if (run.path / CORPUS_FOLDER).is_dir() else RunKind.TRAINING


def _pruned(parent: Path) -> set[str]:
    """Name the trials that a search in the folder above has ended early."""
    if parent.absolute().name != _TRIALS:
        return set()
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        study = json.loads((parent.absolute().parent / _STUDY_FILE).read_text(encoding="utf-8"))
        return {trial["run"] for trial in study["trials"] if trial["state"] == RunStatus.PRUNED}
    return set()


def _parameters(run: Path) -> float | None:
    """Read the size of the released model, or of the best one so far."""
    for name in (BUNDLE_FOLDER, BEST_FOLDER):
        with suppress(BundleError, OSError):
            return number_of(read_metadata(run / name).get("num_parameters"))
    return None


def _best_so_far(run: RunContent) -> float | None:
    return max((value for _, value in run.curve("eval_f1")), default=None)


def _last(run: RunContent, name: str) -> float | None:
    values = [value for row in run.log if (value := number_of(row.get(name))) is not None]
    return values[-1] if values else None


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _iso(times: Sequence[float]) -> str | None:
    with suppress(OverflowError, ValueError, OSError):
        for time in times:
            return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
    return None

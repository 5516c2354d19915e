"""MLflow and Weights & Biases as further places for a run's settings and figures.

They are set up by their own environment variables (MLFLOW_TRACKING_URI, WANDB_MODE ...). A run that
is resumed goes on under its name there: the ids are kept in the run folder.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, TypeGuard

from transformers import TrainerCallback

from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, TrainingError
from ossamma.training.run_files import TRACKERS_FILE

TRACKERS: Final[Mapping[str, str]] = {"mlflow": "mlflow-skinny", "wandb": "wandb"}
"""Names of the trackers, which are those of their modules, and what to install."""
_PARAMETERS_A_CALL: Final = 100  # MLflow takes no more at once
_NOT_IN_NAMES: Final = re.compile(r"[^\w\-. :/]")  # MLflow takes nothing else


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackedRun:
    """What the trackers are told of a run when it begins."""

    folder: Path
    """The run folder; the run has its name."""
    settings: Mapping[str, Any]
    """All settings by their full names, in plain JSON types."""
    resume: bool = False
    """Go on with what the trackers have of the run in the folder, if anything."""

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.folder.resolve().name


def check_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker that is not known or not installed.

    Raises:
        ConfigurationError: says what to install.
    """
    for name in names:
        if name not in TRACKERS:
            raise ConfigurationError(
                f"unknown tracker {name!r}; expected one of {', '.join(TRACKERS)}"
            )
        if find_spec(name) is None:
            raise ConfigurationError(
                f"logging to {name} needs the package {TRACKERS[name]!r}, which is not installed: "
                f"pip install {TRACKERS[name]}"
            )


class _Tracker(Protocol):
    """One run of one tracker."""

    @property
    def identifier(self) -> str | None:
        """What the run is found by again; None if it is not ours."""

    def describe(self, settings: Mapping[str, Any]) -> None:
        """Keep the settings."""

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Keep figures of a step."""

    def end(self, *, has_failed: bool) -> None:
        """End the run, unless somebody else began it."""


class _MLflow:
    def __init__(self, run: TrackedRun, earlier: str | None) -> None:
        self._library = import_module("mlflow")
        # A run that is under way is its caller's, and goes on afterwards.
        self.identifier: str | None = None
        if self._library.active_run() is None:
            begun = self._library.start_run(run_id=earlier, run_name=None if earlier else run.name)
            self.identifier = begun.info.run_id

    def describe(self, settings: Mapping[str, Any]) -> None:
        entries = list(settings.items())
        for start in range(0, len(entries), _PARAMETERS_A_CALL):
            self._library.log_params(dict(entries[start : start + _PARAMETERS_A_CALL]))

    def log(self, figures: Mapping[str, float], step: int) -> None:
        named = {_NOT_IN_NAMES.sub("_", name): value for name, value in figures.items()}
        self._library.log_metrics(named, step=step)

    def end(self, *, has_failed: bool) -> None:
        if self.identifier is not None:
            self._library.end_run(status="FAILED" if has_failed else "FINISHED")


class _Wandb:
    def __init__(self, run: TrackedRun, earlier: str | None) -> None:
        library = import_module("wandb")
        self.identifier: str | None = None
        self._run = library.run
        if self._run is None:
            self._run = library.init(name=run.name, id=earlier, resume="allow" if earlier else None)
            self.identifier = self._run.id

    def describe(self, settings: Mapping[str, Any]) -> None:
        self._run.config.update(dict(settings), allow_val_change=True)

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self._run.log(dict(figures), step=step)

    def end(self, *, has_failed: bool) -> None:
        if self.identifier is not None:
            self._run.finish(exit_code=int(has_failed))


_KINDS: Final[Mapping[str, Callable[[TrackedRun, str | None], _Tracker]]] = {
    "mlflow": _MLflow,
    "wandb": _Wandb,
}


class Trackers:
    """The trackers of a run. One that fails on the way is left out from then on: training goes on.

    Everything they are told lies in the run folder, too.
    """

    def __init__(self) -> None:
        self._running: dict[str, _Tracker] = {}

    def begin(self, name: str, run: TrackedRun, earlier: str | None) -> str | None:
        """Begin a run with a tracker; return its id, None for a run of somebody else.

        Raises:
            TrainingError: the tracker does not take it.
        """
        try:
            tracker = _KINDS[name](run, earlier)
            self._running[name] = tracker
            tracker.describe({k: v for k, v in run.settings.items() if v is not None})
        except Exception as error:  # these libraries have no family of errors
            raise TrainingError(
                f"{name} does not take the run: {type(error).__name__}: {error}. Set it up by its "
                f"environment variables, or leave out --log {name}"
            ) from error
        return tracker.identifier

    def log(self, figures: Mapping[str, object], step: int) -> None:
        """Send the numbers among the figures of a step."""
        numbers = {name: value for name, value in figures.items() if _is_number(value)}
        for name, tracker in list(self._running.items()):
            try:
                tracker.log(numbers, step)
            except Exception as error:  # noqa: BLE001  these libraries have no family of errors
                del self._running[name]
                logging.getLogger(__name__).warning(
                    "%s takes no more figures (%s); training goes on without it, all figures are "
                    "in the run folder",
                    name,
                    error,
                )
                with suppress(Exception):
                    tracker.end(has_failed=True)

    def end(self, *, has_failed: bool) -> None:
        """End what was begun."""
        for name, tracker in self._running.items():
            try:
                tracker.end(has_failed=has_failed)
            except Exception as error:  # noqa: BLE001  these libraries have no family of errors
                logging.getLogger(__name__).warning("%s did not end well: %s", name, error)
        self._running.clear()


@contextmanager
def tracked(names: Sequence[str], run: TrackedRun) -> Iterator[Trackers]:
    """Have the trackers follow a run for the length of a block: it has failed if the block fails.

    A run that was under way in a tracker before the block is its caller's, and goes on.

    Raises:
        TrainingError: a tracker does not take the run.
    """
    trackers = Trackers()
    has_failed = True
    try:
        earlier = _read(run.folder / TRACKERS_FILE) if run.resume else {}
        begun = {name: trackers.begin(name, run, earlier.get(name)) for name in names}
        own = {name: identifier for name, identifier in begun.items() if identifier is not None}
        if own:
            with atomic_write(run.folder / TRACKERS_FILE) as file:
                json.dump({**earlier, **own}, file, indent=2)
        yield trackers
        has_failed = False
    finally:
        trackers.end(has_failed=has_failed)


class TrackerLog(TrainerCallback):
    """Sends the trackers everything that the Trainer logs."""

    def __init__(self, trackers: Trackers) -> None:
        self._trackers = trackers

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Send one line."""
        del args, control
        figures: dict[str, object] = kwargs["logs"]
        self._trackers.log({"epoch": state.epoch, **figures}, state.global_step)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _read(path: Path) -> dict[str, str]:
    """Read the ids of the trackers' runs; nothing if there are none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    ids = content.items() if isinstance(content, dict) else ()
    return {name: identifier for name, identifier in ids if isinstance(identifier, str)}

"""MLflow and Weights & Biases as further places for a run's figures, by Transformers' callbacks.

They are set up by their own environment variables (MLFLOW_TRACKING_URI, WANDB_MODE ...).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from ossamma.schema.errors import ConfigurationError, TrainingError

TRACKERS: Final = ("mlflow", "wandb")
"""What they are called, by Transformers, by pip and by Python."""


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
                f"logging to {name} needs the package {name!r}, which is not installed: "
                f"pip install {name}"
            )


@contextmanager
def tracked(names: Sequence[str]) -> Iterator[None]:
    """End what the trackers began inside the block: as failed if the block fails.

    A run that was under way in a tracker before the block is its caller's, and goes on.

    Raises:
        TrainingError: the tracker itself failed.
    """
    begun = [name for name in names if not _is_running(name)]
    try:
        yield
    except BaseException as error:
        with suppress(Exception):  # it must not hide the first error
            _end(begun, has_failed=True)
        culprit = type(error).__module__.partition(".")[0]
        if culprit not in names:
            raise
        raise TrainingError(
            f"{culprit} could not take the figures: {error}. The run is on the disk: go on with "
            f"--resume, without --log {culprit} if need be"
        ) from error
    _end(begun, has_failed=False)


def _is_running(name: str) -> bool:
    library = _library(name)
    run = library.active_run() if name == "mlflow" else library.run
    return run is not None


def _end(names: Sequence[str], *, has_failed: bool) -> None:
    for name in names:
        if not _is_running(name):
            continue
        if name == "mlflow":
            _library(name).end_run(status="FAILED" if has_failed else "FINISHED")
        else:
            _library(name).finish(exit_code=int(has_failed))


def _library(name: str) -> Any:  # noqa: ANN401  a module of another party, or none
    return import_module(name)

"""`--log`: the trackers that were asked for, with our name where the user gave none."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ossamma.cli.options import Tracker

_DEFAULTS = {
    "MLFLOW_EXPERIMENT_NAME": "ossamma",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_PROJECT": "ossamma",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_QUIET": "true",
}
"""Where the environment says nothing: our name, and no word to the makers of the libraries."""


def tracker_names(chosen: Sequence[Tracker] | None) -> tuple[str, ...]:
    """Return the names, each once; runs go under `ossamma` where the environment names nothing."""
    if chosen:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
    return tuple(dict.fromkeys(tracker.value for tracker in chosen or ()))

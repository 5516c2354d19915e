"""`--log`: the trackers that were asked for, with our name where the user gave none."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ossamma.cli.options import Tracker

_OWN_NAME = {"MLFLOW_EXPERIMENT_NAME": "ossamma", "WANDB_PROJECT": "ossamma"}


def tracker_names(chosen: Sequence[Tracker] | None) -> tuple[str, ...]:
    """Return the names, each once; runs go under `ossamma` where the environment names nothing."""
    if chosen:
        for name, value in _OWN_NAME.items():
            os.environ.setdefault(name, value)
    return tuple(dict.fromkeys(tracker.value for tracker in chosen or ()))

"""Names of what training writes into a run folder. Needs no torch: others look for these files."""

from __future__ import annotations

from typing import Final

CHECKPOINTS_FOLDER: Final = "checkpoints"
TENSORBOARD_FOLDER: Final = "tensorboard"
METRICS_LOG_FILE: Final = "metrics.jsonl"
TRACKERS_FILE: Final = "trackers.json"

"""TensorBoard curves of a run, where TensorBoard is installed; training does not need it."""

from __future__ import annotations

import logging
from pathlib import Path

from transformers import TrainerCallback
from transformers.integrations.integration_utils import TensorBoardCallback

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:  # an optional part of the installation
    SummaryWriter = None  # type: ignore[assignment, misc]


def tensorboard_callback(folder: Path, *, from_step: int) -> TrainerCallback | None:
    """Return the callback that writes the curves into `folder`, None without TensorBoard.

    Curves that an interrupted run drew beyond `from_step` are hidden by the new ones.
    """
    if SummaryWriter is None:
        logging.getLogger(__name__).warning(
            "tensorboard is not installed: no curves are written; pip install 'ossamma[train]'"
        )
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return TensorBoardCallback(SummaryWriter(log_dir=str(folder), purge_step=from_step + 1))

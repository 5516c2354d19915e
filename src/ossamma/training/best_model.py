"""KeepBest: saves the best model, stops when it no longer improves, and seals checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ossamma.training.averaging import WeightAverage
from ossamma.training.checkpoints import (
    Progress,
    checkpoint_folder,
    prune_checkpoints,
    seal_checkpoint,
)

SaveBest = Callable[[Any, Mapping[str, float]], None]
"""Writes a model away, given its scores: "epoch", "eval_f1" and the other dev figures."""

_KEPT_CHECKPOINTS = 2


class KeepBest(TrainerCallback):
    """Follows the dev score. `save_best` sees the averaged weights where there is an average.

    `progress` is how far the run has come, as of the last evaluation or checkpoint.
    """

    def __init__(
        self,
        *,
        patience: int,
        min_delta: float,
        average: WeightAverage | None,
        save_best: SaveBest,
    ) -> None:
        self.patience = patience
        self.min_delta = min_delta
        self.average = average
        self.save_best = save_best
        self.progress = Progress()

    @property
    def has_stalled(self) -> bool:
        """Whether the dev score stopped rising."""
        return self.progress.evaluations_without_gain >= self.patience

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        """Keep the model if it beats the best by `min_delta`, else count towards a stop."""
        del args
        metrics: dict[str, float] = kwargs["metrics"]
        f1, epoch = metrics["eval_f1"], float(state.epoch or 0.0)
        best = self.progress.best_f1
        if best is None or f1 > best + self.min_delta:
            self.progress = replace(
                self.progress, best_f1=f1, best_epoch=epoch, evaluations_without_gain=0
            )
            model = kwargs["model"]
            with self.average.applied(model) if self.average else nullcontext():
                self.save_best(model, {**metrics, "epoch": epoch})
        else:
            count = self.progress.evaluations_without_gain + 1
            self.progress = replace(self.progress, evaluations_without_gain=count)
            control.should_training_stop |= self.has_stalled
        return control

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Complete the checkpoint that the Trainer has just written, and drop older ones."""
        del kwargs
        self.progress = replace(
            self.progress,
            step=state.global_step,
            epoch=float(state.epoch or 0.0),
            is_over=bool(control.should_training_stop) or state.global_step >= state.max_steps,
            average_updates=self.average.num_updates if self.average else 0,
        )
        assert args.output_dir is not None, "checkpoints need a folder"
        folder = Path(args.output_dir)
        seal_checkpoint(checkpoint_folder(folder, state.global_step), self.average, self.progress)
        prune_checkpoints(folder, keep=_KEPT_CHECKPOINTS)

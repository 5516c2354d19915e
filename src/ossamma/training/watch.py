"""EvaluationWatch: someone outside hears of each evaluation and may end the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

Watch = Callable[[int, Mapping[str, float]], bool]
"""Hears the epoch, from 1, and the dev scores ("f1", "precision", "recall"); True ends the run."""

_PREFIX = "eval_"


class EvaluationWatch(TrainerCallback):
    """Hands each evaluation on. A run that is ended is whole: its best model so far is kept."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> TrainerControl:
        """Tell the scores; stop if the watch says so."""
        del args
        metrics: dict[str, float] = kwargs["metrics"]
        scores = {name.removeprefix(_PREFIX): value for name, value in metrics.items()}
        # The Trainer writes its control into the checkpoint: a bool of numpy would not do.
        if self.watch(round(state.epoch or 0.0), scores):
            control.should_training_stop = True
        return control

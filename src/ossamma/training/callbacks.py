"""What happens around the training loop: the best model, checkpoints' seals, logs, progress."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ossamma.training.averaging import WeightAverage
from ossamma.training.checkpoints import open_checkpoint, seal_checkpoint

SaveBest = Callable[[Any, Mapping[str, float]], None]


class KeepBest(TrainerCallback):  # type: ignore[misc]
    """Saves the best model, stops when it no longer improves, and seals checkpoints.

    `save_best(model, scores)` writes the model away; it sees the averaged weights.
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
        self.best_f1 = -1.0
        self.best_epoch = 0.0
        self.evaluations_without_gain = 0
        self.stopped_early = False

    def resume(self, checkpoint: Path) -> None:
        """Take up the state that a sealed checkpoint holds."""
        progress = open_checkpoint(checkpoint, self.average)
        self.best_f1 = progress["best_f1"]
        self.best_epoch = progress["best_epoch"]
        self.evaluations_without_gain = progress["evaluations_without_gain"]

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **kwargs: Any,  # noqa: ANN401
    ) -> TrainerControl:
        """Keep the model if it is better than the best by `min_delta`, else count towards a stop."""
        del args
        if metrics["eval_f1"] > self.best_f1 + self.min_delta or self.best_f1 < 0.0:
            self.best_f1 = metrics["eval_f1"]
            self.best_epoch = float(state.epoch or 0.0)
            self.evaluations_without_gain = 0
            model = kwargs["model"]
            with self.average.applied(model) if self.average else nullcontext():
                self.save_best(model, {**metrics, "epoch": self.best_epoch})
        else:
            self.evaluations_without_gain += 1
            if self.evaluations_without_gain >= self.patience:
                self.stopped_early = True
                control.should_training_stop = True
        return control

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Complete the checkpoint that the Trainer has just written."""
        del control, kwargs
        seal_checkpoint(
            Path(args.output_dir) / f"checkpoint-{state.global_step}",
            self.average,
            {
                "global_step": state.global_step,
                "best_f1": self.best_f1,
                "best_epoch": self.best_epoch,
                "evaluations_without_gain": self.evaluations_without_gain,
            },
        )


class MetricsLog(TrainerCallback):  # type: ignore[misc]
    """Appends everything the Trainer logs to a JSON-lines file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **kwargs: object,
    ) -> None:
        """Write one line: step, epoch, seconds since 1970, and the figures."""
        del args, control, kwargs
        line = {"step": state.global_step, "epoch": state.epoch, "time": time.time(), **logs}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class ProgressBar(TrainerCallback):  # type: ignore[misc]
    """A progress bar with the loss, and one line per evaluation."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps  {task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self.task: Any = None
        self.loss = float("nan")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Draw the bar; a resumed run begins where it stopped."""
        del args, control, kwargs
        self.task = self.progress.add_task(
            "train", total=state.max_steps, completed=state.global_step, note=""
        )
        self.progress.start()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Move the bar."""
        del args, control, kwargs
        self.progress.update(self.task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **kwargs: object,
    ) -> None:
        """Show the loss; print a line for an evaluation."""
        del args, control, kwargs
        self.loss = logs.get("loss", self.loss)
        self.progress.update(self.task, note=f"loss {self.loss:.3f}")
        if "eval_f1" in logs:
            self.progress.console.print(
                f"epoch {round(state.epoch or 0, 2):>5}  loss {self.loss:.4f}  dev P "
                f"{logs['eval_precision']:.4f}  R {logs['eval_recall']:.4f}  "
                f"[bold]F1 {logs['eval_f1']:.4f}[/bold]"
            )

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Take the bar away."""
        del args, state, control, kwargs
        self.progress.stop()

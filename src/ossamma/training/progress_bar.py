"""ProgressBar: a bar with the loss while training, and one line per evaluation."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class ProgressBar(TrainerCallback):
    """Draws on a console; where that is no terminal, only the lines of the evaluations appear."""

    def __init__(self, console: Console) -> None:
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
            disable=not console.is_terminal,
        )
        self.task: TaskID = self.progress.add_task("train", total=None, start=False, note="")
        self.loss = math.nan

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Draw the bar; a resumed run begins where it stopped."""
        del args, control, kwargs
        self.progress.start_task(self.task)
        self.progress.update(self.task, total=state.max_steps, completed=state.global_step)
        self.progress.start()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Move the bar."""
        del args, control, kwargs
        self.progress.update(self.task, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Show the loss; print a line for an evaluation."""
        del args, control
        logs: dict[str, float] = kwargs["logs"]
        self.loss = logs.get("loss", self.loss)
        self.progress.update(self.task, note=f"loss {self.loss:.3f}")
        if "eval_f1" in logs:
            self.progress.console.print(
                f"epoch {round(state.epoch or 0, 2):>5}  loss {self.loss:.4f}  dev P "
                f"{logs['eval_precision']:.4f}  R {logs['eval_recall']:.4f}  "
                f"[bold]F1 {logs['eval_f1']:.4f}[/bold]"
            )
        if "eval_bound" in logs:
            self.progress.console.print(
                f"step {state.global_step:>7,}  loss {self.loss:.4f}  held out: bound "
                f"{logs['eval_bound']:.4f} nats  perplexity {logs['eval_perplexity']:.2f}  "
                f"[bold]accuracy {logs['eval_accuracy']:.4f}[/bold]"
            )

    def stop(self) -> None:
        """Take the bar away, however the training ended."""
        self.progress.stop()

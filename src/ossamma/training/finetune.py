"""Fine-tuning: a model, examples and an evaluation become the best model of a run folder."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from transformers import TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ossamma.schema.errors import DataError
from ossamma.training.averaging import WeightAverage
from ossamma.training.best_model import KeepBest
from ossamma.training.checkpoints import latest_checkpoint, open_checkpoint
from ossamma.training.curves import tensorboard_callback
from ossamma.training.metrics_log import MetricsLog
from ossamma.training.progress_bar import ProgressBar
from ossamma.training.run_files import CHECKPOINTS_FOLDER, METRICS_LOG_FILE, TENSORBOARD_FOLDER
from ossamma.training.settings import FinetuneSettings
from ossamma.training.trackers import TrackerLog, Trackers
from ossamma.training.trainer import TaggingTrainer, Task
from ossamma.training.watch import EvaluationWatch

_LOGS_PER_EPOCH = 4
_MOST_STEPS_BETWEEN_LOGS = 50


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """How a run ended. `best_f1` is the dev micro-F1 of the model that was kept."""

    best_f1: float
    best_epoch: float
    epochs: float
    steps: int
    stopped_early: bool
    seconds: float
    """Wall-clock time of this call; a resumed run counts only its own part."""


def finetune(
    task: Task,
    settings: FinetuneSettings,
    run: Path,
    *,
    resume: bool = False,
    console: Console | None = None,
    trackers: Trackers | None = None,
) -> FinetuneResult:
    """Train until the dev score no longer improves; `task.save_best` has then seen the best model.

    Writes checkpoints, a TensorBoard log and metrics.jsonl under `run`. With `resume`, the newest
    complete checkpoint is taken up and the run ends with the very weights it would have had
    without the interruption (on a CPU with the same number of threads: bit for bit). Lines of
    metrics.jsonl beyond that checkpoint are dropped, for they are written again.

    Args:
        task: the model, its examples, and who judges and keeps it.
        settings: how to train.
        run: an existing folder.
        resume: take up the newest complete checkpoint of the folder; without any, start anew.
        console: where to draw the progress; None draws nothing.
        trackers: where the figures go as well.

    Raises:
        CheckpointError: the newest complete checkpoint cannot be read.
        DataError: there is no example to train on.
        TrainingError: the loss or the weights are no longer numbers.
    """
    started = time.monotonic()
    if not task.examples:
        raise DataError("expected at least one window to train on, got none")
    checkpoint = latest_checkpoint(run / CHECKPOINTS_FOLDER) if resume else None
    arguments = _arguments(settings, run, len(task.examples))
    # The average lies where the weights are, so they move first.
    task.model.to(arguments.device)
    average = WeightAverage(task.model, settings.average_decay) if settings.average_decay else None
    keeper = KeepBest(
        patience=settings.patience,
        min_delta=settings.min_delta,
        average=average,
        save_best=task.save_best,
    )
    if checkpoint is not None:
        keeper.progress = open_checkpoint(checkpoint, average)
    if not keeper.progress.is_over:
        log = MetricsLog(run / METRICS_LOG_FILE)
        log.forget_after(keeper.progress.step)
        curves = tensorboard_callback(run / TENSORBOARD_FOLDER, from_step=keeper.progress.step)
        trainer = TaggingTrainer(task, arguments, settings, average)
        watch = EvaluationWatch(task.watch) if task.watch else None
        tracker_log = TrackerLog(trackers) if trackers else None
        for callback in filter(None, (log, keeper, curves, watch, tracker_log)):
            trainer.add_callback(callback)
        _train(trainer, checkpoint, console)
    done = keeper.progress
    assert done.best_f1 is not None, "a run ends with an evaluation"
    return FinetuneResult(
        best_f1=done.best_f1,
        best_epoch=done.best_epoch,
        epochs=done.epoch,
        steps=done.step,
        stopped_early=keeper.has_stalled,
        seconds=time.monotonic() - started,
    )


def _train(trainer: TaggingTrainer, checkpoint: Path | None, console: Console | None) -> None:
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    bar = ProgressBar(console) if console else None
    if bar is not None:
        trainer.add_callback(bar)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        if bar is not None:
            bar.stop()


def _arguments(settings: FinetuneSettings, run: Path, num_examples: int) -> TrainingArguments:
    batches = math.ceil(num_examples / settings.batch_size)
    updates = math.ceil(batches / settings.gradient_accumulation_steps)
    arguments = TrainingArguments(
        output_dir=str(run / CHECKPOINTS_FOLDER),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=settings.precision == "bf16",
        # bf16 autocast exists on the CPU too, but must be told that the CPU is meant.
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="steps",
        logging_steps=max(1, min(_MOST_STEPS_BETWEEN_LOGS, updates // _LOGS_PER_EPOCH)),
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        average_tokens_across_devices=False,
    )
    # A batch is laid out flat, so it cannot be scattered: one device, however many there are.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments

"""Pre-training: a masked-diffusion model and token stores become an encoder in a run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from rich.console import Console
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ossamma.schema.atomic import atomic_write
from ossamma.training.checkpoints import (
    Progress,
    checkpoint_folder,
    latest_checkpoint,
    open_checkpoint,
    prune_checkpoints,
    seal_checkpoint,
)
from ossamma.training.curves import tensorboard_callback
from ossamma.training.diffusion_trainer import DiffusionTrainer, PretrainTask, StopInTime
from ossamma.training.held_out import HeldOutScores
from ossamma.training.metrics_log import MetricsLog
from ossamma.training.pretrain_settings import PretrainSettings
from ossamma.training.progress_bar import ProgressBar
from ossamma.training.rates import Clock
from ossamma.training.run_files import CHECKPOINTS_FOLDER, METRICS_LOG_FILE, TENSORBOARD_FOLDER
from ossamma.training.sharded_trainer import ShardedDiffusionTrainer
from ossamma.training.throughput import Throughput
from ossamma.training.trackers import TrackerLog, Trackers

_CLOCK_FILE: Final = "clock.json"
_KEPT_CHECKPOINTS: Final = 2
_STEPS_BETWEEN_LOGS: Final = 25


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """How a run ended. `scores` are those of the final weights on the held-out rows."""

    scores: HeldOutScores
    steps: int
    seconds: float
    """Time of training, over all parts of an interrupted run."""


def pretrain(
    task: PretrainTask,
    settings: PretrainSettings,
    run: Path,
    *,
    resume: bool = False,
    console: Console | None = None,
    trackers: Trackers | None = None,
) -> PretrainResult:
    """Train until the steps or the time are used up; the model then has the final weights.

    Writes checkpoints, a TensorBoard log and metrics.jsonl under `run`. With `resume`, the newest
    complete checkpoint is taken up: where steps decide and not the clock, the run ends with the
    very weights that it would have had without the interruption (on a CPU with the same number of
    threads: bit for bit), also on another number of processes times accumulation steps of the same
    product, up to rounding. The figures also go to `trackers`.

    Raises:
        CheckpointError: the newest complete checkpoint cannot be read.
        DataError: there is no row to train on.
        TrainingError: gradients are no longer numbers.
    """
    checkpoint = latest_checkpoint(run / CHECKPOINTS_FOLDER) if resume else None
    clock = Clock(_seconds_at(checkpoint))
    arguments = _arguments(settings, run)
    kind = ShardedDiffusionTrainer if settings.parallel == "fsdp" else DiffusionTrainer
    trainer = kind(task, arguments, settings, clock)
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    if step < settings.max_steps and not _is_over(checkpoint):
        callbacks = [TrackerLog(trackers)] if trackers else []
        _fit(trainer, run, checkpoint, console, step=step, further=callbacks)
    elif checkpoint is not None:
        trainer._load_from_checkpoint(str(checkpoint))
    scores = trainer.held_out.scores(trainer.task.model, arguments.device)
    trainer.finish()
    return PretrainResult(scores, max(trainer.state.global_step, step), clock.seconds)


def _fit(
    trainer: DiffusionTrainer,
    run: Path,
    checkpoint: Path | None,
    console: Console | None,
    *,
    step: int,
    further: Sequence[TrainerCallback],
) -> None:
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    bar = None
    callbacks: list[TrainerCallback] = [StopInTime(trainer.settings, trainer.clock)]
    if trainer.args.process_index == 0:
        log = MetricsLog(run / METRICS_LOG_FILE)
        log.forget_after(step)
        curves = tensorboard_callback(run / TENSORBOARD_FOLDER, from_step=step)
        bar = ProgressBar(console) if console else None
        seal = Seal(trainer.clock)
        callbacks += [each for each in (log, curves, bar, seal) if each is not None]
    # It must see a log before those that write it.
    throughput = Throughput(trainer.task.model, lambda: trainer.pieces_seen)
    trainer.callback_handler.callbacks.insert(0, throughput)
    for callback in (*callbacks, *further):
        trainer.add_callback(callback)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        if bar is not None:
            bar.stop()


class Seal(TrainerCallback):
    """Completes the checkpoints that the Trainer writes, and drops older ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Add the time spent and the seal."""
        del kwargs
        is_over = bool(control.should_training_stop) or state.global_step >= state.max_steps
        folder = Path(args.output_dir)
        path = checkpoint_folder(folder, state.global_step)
        with atomic_write(path / _CLOCK_FILE) as file:
            json.dump({"seconds": self._clock.seconds}, file)
        progress = Progress(step=state.global_step, epoch=float(state.epoch or 0), is_over=is_over)
        seal_checkpoint(path, None, progress)
        prune_checkpoints(folder, keep=_KEPT_CHECKPOINTS)


def _seconds_at(checkpoint: Path | None) -> float:
    if checkpoint is None:
        return 0.0
    content = json.loads((checkpoint / _CLOCK_FILE).read_text(encoding="utf-8"))
    return float(content["seconds"])


def _is_over(checkpoint: Path | None) -> bool:
    if checkpoint is None:
        return False
    return open_checkpoint(checkpoint, None).is_over


def _arguments(settings: PretrainSettings, run: Path) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(run / CHECKPOINTS_FOLDER),
        max_steps=settings.max_steps,
        # Batches come from our own sampler; this number is only what the Trainer prints.
        per_device_train_batch_size=1,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        torch_compile=settings.compile,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="steps",
        eval_steps=settings.evaluate_every,
        save_strategy="steps",
        save_steps=settings.checkpoint_every,
        logging_strategy="steps",
        logging_steps=min(_STEPS_BETWEEN_LOGS, settings.evaluate_every),
        # A loss that is not a number must be seen; the step itself is skipped by its gradient.
        logging_nan_inf_filter=True,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        # Every weight has a gradient in every step; looking for those without costs time.
        ddp_find_unused_parameters=False,
        average_tokens_across_devices=False,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments

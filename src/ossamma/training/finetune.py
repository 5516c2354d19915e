"""Fine-tuning: a model, examples and an evaluation become the best model of a run folder."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import nn
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from ossamma.schema.errors import CheckpointError
from ossamma.tokenization.batches import Example
from ossamma.training.averaging import WeightAverage
from ossamma.training.callbacks import KeepBest, MetricsLog, ProgressBar, SaveBest
from ossamma.training.checkpoints import latest_checkpoint
from ossamma.training.settings import FinetuneSettings
from ossamma.training.trainer import AverageWeights, Evaluate, TaggingTrainer

CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
METRICS_LOG = "metrics.jsonl"


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
    *,
    model: nn.Module,
    examples: list[Example],
    pad_id: int,
    settings: FinetuneSettings,
    run: Path,
    evaluate: Evaluate,
    save_best: SaveBest,
    resume: bool = False,
    console: Console | None = None,
) -> FinetuneResult:
    """Train until the dev score no longer improves; `save_best` has then seen the best model.

    Writes checkpoints, a TensorBoard log and metrics.jsonl under `run`. With `resume`, the newest
    complete checkpoint is taken up and the run ends with the very weights it would have had
    without the interruption (on a CPU with the same number of threads: bit for bit).

    Raises:
        CheckpointError: `resume` without any complete checkpoint.
        TrainingError: the loss is no longer a number.
    """
    checkpoint = latest_checkpoint(run / CHECKPOINTS) if resume else None
    if resume and checkpoint is None:
        raise CheckpointError(
            f"{run} holds no complete checkpoint to resume from; start it again without --resume"
        )
    average = WeightAverage(model, settings.average_decay) if settings.average_decay else None
    keeper = KeepBest(
        patience=settings.patience,
        min_delta=settings.min_delta,
        average=average,
        save_best=save_best,
    )
    callbacks: list[TrainerCallback] = [MetricsLog(run / METRICS_LOG), keeper]
    if average is not None:
        callbacks.insert(0, AverageWeights(average))
    if console is not None:
        callbacks.append(ProgressBar(console))
    trainer = TaggingTrainer(
        model=model,
        arguments=_arguments(settings, run, len(examples)),
        settings=settings,
        examples=examples,
        pad_id=pad_id,
        evaluate_model=evaluate,
        average=average,
        callbacks=callbacks,
    )
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    _add_tensorboard(trainer, run / TENSORBOARD)
    if checkpoint is not None:
        keeper.resume(checkpoint)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return FinetuneResult(
        best_f1=keeper.best_f1,
        best_epoch=keeper.best_epoch,
        epochs=float(trainer.state.epoch or 0.0),
        steps=trainer.state.global_step,
        stopped_early=keeper.stopped_early,
        seconds=time.monotonic() - started,
    )


def _arguments(settings: FinetuneSettings, run: Path, num_examples: int) -> TrainingArguments:
    batches = math.ceil(num_examples / settings.batch_size)
    updates = math.ceil(batches / settings.gradient_accumulation_steps)
    return TrainingArguments(
        output_dir=str(run / CHECKPOINTS),
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
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=max(1, min(50, updates // 4)),
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        average_tokens_across_devices=False,
    )


def _add_tensorboard(trainer: TaggingTrainer, folder: Path) -> None:
    """Log to TensorBoard where it is installed; training must not need it."""
    try:
        from torch.utils.tensorboard import SummaryWriter
        from transformers.integrations import TensorBoardCallback
    except ImportError:
        logging.getLogger(__name__).warning(
            "tensorboard is not installed; the curves are in %s only", METRICS_LOG
        )
        return
    folder.mkdir(parents=True, exist_ok=True)
    trainer.add_callback(TensorBoardCallback(SummaryWriter(log_dir=str(folder))))



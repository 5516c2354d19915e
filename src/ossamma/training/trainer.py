"""TaggingTrainer: the Hugging Face Trainer with our batches, optimiser groups and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ossamma.schema.errors import TrainingError
from ossamma.tokenization.batches import Batch, Example, collate
from ossamma.training.averaging import WeightAverage
from ossamma.training.balance import window_repeats
from ossamma.training.best_model import SaveBest
from ossamma.training.optim import Rates, build_optimizer, build_schedule, parameter_groups
from ossamma.training.sampling import LengthBatchSampler
from ossamma.training.settings import FinetuneSettings
from ossamma.training.watch import Watch

Evaluate = Callable[[nn.Module], Mapping[str, float]]
"""Scores a model on the development set: "f1", "precision" and "recall"."""

_ADVICE = "lower learning_rate, or raise warmup_ratio"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What is trained, on what, and who judges and keeps it."""

    model: nn.Module
    """Takes a Batch by keyword and returns an output with `loss`."""
    examples: list[Example]
    """Windows with supervision."""
    pad_id: int
    """The piece that fills up batches."""
    evaluate: Evaluate
    """Called after every epoch, on the averaged weights where there is an average."""
    save_best: SaveBest
    """Called whenever the score is the best so far."""
    watch: Watch | None = None
    """Hears of every evaluation after the model was kept, and may end the run."""


class ExampleDataset(Dataset[Example]):
    """A list of examples as a torch data set."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


class TaggingTrainer(Trainer):
    """Trains a tagger on windows; evaluates through a callable handed in from above."""

    def __init__(
        self,
        task: Task,
        arguments: TrainingArguments,
        settings: FinetuneSettings,
        average: WeightAverage | None,
    ) -> None:
        self.task = task
        self.settings = settings
        self.average = average
        super().__init__(
            model=task.model,
            args=arguments,
            train_dataset=ExampleDataset(task.examples),
            # Never read: `evaluate` below does not use it. The Trainer only wants to see one.
            eval_dataset=ExampleDataset([]),
            callbacks=[AverageWeights(average)] if average else None,
        )

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Batches of like length, in an order decided by seed and epoch."""
        threshold = self.settings.repeat_threshold
        sampler = LengthBatchSampler(
            [example.length for example in self.task.examples],
            batch_size=self.settings.batch_size,
            seed=self.settings.seed,
            repeats=window_repeats(self.task.examples, threshold) if threshold else None,
        )
        loader: DataLoader[Batch] = self.accelerator.prepare(
            DataLoader(
                ExampleDataset(self.task.examples), batch_sampler=sampler, collate_fn=self._collate
            )
        )
        return loader

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW over our parameter groups."""
        del model
        if self.optimizer is None:
            self.optimizer = build_optimizer(
                parameter_groups(self.task.model, _rates_of(self.settings))
            )
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Warm-up and descent over the planned number of steps."""
        self.lr_scheduler = build_schedule(
            optimizer or self.create_optimizer(),
            schedule=self.settings.schedule,
            warmup_steps=round(self.settings.warmup_ratio * num_training_steps),
            total_steps=num_training_steps,
        )
        return self.lr_scheduler

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002  the Trainer's own signature
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:  # noqa: ANN401  a loss, or a pair with the output
        """Return the model's own loss; a loss that is not a number stops the run at once."""
        del num_items_in_batch
        output = model(**inputs)
        if not torch.isfinite(output.loss):
            raise TrainingError(
                f"the loss became {output.loss.item()} at step {self.state.global_step + 1}; "
                f"{_ADVICE}"
            )
        return (output.loss, output) if return_outputs else output.loss

    def evaluate(self, *args: object, **kwargs: object) -> dict[str, float]:
        """Score the model, or the averaged weights, with the callable handed in."""
        del args, kwargs
        self._refuse_broken_weights()
        model = self.task.model
        model.eval()
        if self.average is None:
            scores = self.task.evaluate(model)
        else:
            with self.average.applied(model):
                scores = self.task.evaluate(model)
        model.train()
        metrics = {f"eval_{name}": float(value) for name, value in scores.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _refuse_broken_weights(self) -> None:
        """A finite loss can still have a gradient that is not; the next loss would be too late."""
        for name, parameter in self.task.model.named_parameters():
            if not torch.isfinite(parameter).all():
                raise TrainingError(
                    f"the weights {name} are no longer numbers after step "
                    f"{self.state.global_step}; {_ADVICE}"
                )

    def _collate(self, examples: list[Example]) -> Batch:
        return collate(examples, pad_id=self.task.pad_id)


def _rates_of(settings: FinetuneSettings) -> Rates:
    return Rates(**{field.name: getattr(settings, field.name) for field in fields(Rates)})


class AverageWeights(TrainerCallback):
    """Feeds the running average after each optimiser step."""

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take in the new weights."""
        del args, state, control
        self.average.update(kwargs["model"])

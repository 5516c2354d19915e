"""TaggingTrainer: the Hugging Face Trainer with our batches, optimiser groups and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ossamma.schema.errors import TrainingError
from ossamma.tokenization.batches import Batch, Example, collate
from ossamma.training.averaging import WeightAverage
from ossamma.training.optim import build_optimizer, build_schedule, parameter_groups
from ossamma.training.sampling import LengthBatchSampler
from ossamma.training.settings import FinetuneSettings

Evaluate = Callable[[nn.Module], Mapping[str, float]]
"""Scores a model on the development set; must contain "f1"."""


class ExampleDataset(Dataset[Example]):
    """A list of examples as a torch data set."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


class TaggingTrainer(Trainer):  # type: ignore[misc]
    """Trains a tagger on windows; evaluates through a callable handed in from above."""

    def __init__(
        self,
        *,
        model: nn.Module,
        arguments: TrainingArguments,
        settings: FinetuneSettings,
        examples: list[Example],
        pad_id: int,
        evaluate_model: Evaluate,
        average: WeightAverage | None,
        callbacks: list[TrainerCallback],
    ) -> None:
        self._settings = settings
        self._pad_id = pad_id
        self._evaluate_model = evaluate_model
        self._average = average
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=ExampleDataset(examples),
            # Never read: `evaluate` below does not use it. The Trainer only wants to see one.
            eval_dataset=ExampleDataset([]),
            callbacks=callbacks,
        )

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Batches of like length, in an order decided by seed and epoch."""
        dataset: ExampleDataset = self.train_dataset
        sampler = LengthBatchSampler(
            [example.length for example in dataset.examples],
            batch_size=self._settings.batch_size,
            seed=self._settings.seed,
        )
        pad_id = self._pad_id
        loader: DataLoader[Batch] = self.accelerator.prepare(
            DataLoader(
                dataset,
                batch_sampler=sampler,
                collate_fn=lambda examples: collate(examples, pad_id=pad_id),
            )
        )
        return loader

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW over our parameter groups."""
        del model
        if self.optimizer is None:
            self.optimizer = build_optimizer(
                parameter_groups(
                    self.model,
                    learning_rate=self._settings.learning_rate,
                    crf_learning_rate=self._settings.crf_learning_rate,
                    weight_decay=self._settings.weight_decay,
                )
            )
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Warm-up and descent over the planned number of steps."""
        self.lr_scheduler = build_schedule(
            optimizer or self.optimizer,
            schedule=self._settings.schedule,
            warmup_steps=round(self._settings.warmup_ratio * num_training_steps),
            total_steps=num_training_steps,
        )
        return self.lr_scheduler

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002  the Trainer's own signature
        num_items_in_batch: Tensor | None = None,
    ) -> Any:  # noqa: ANN401
        """The model's own loss; a loss that is not a number stops the run at once."""
        del num_items_in_batch
        output = model(**inputs)
        if not torch.isfinite(output.loss):
            raise TrainingError(
                f"the loss became {output.loss.item()} at step {self.state.global_step + 1}; "
                "nothing was updated with it. Lower learning_rate, or raise warmup_ratio"
            )
        return (output.loss, output) if return_outputs else output.loss

    def evaluate(self, *args: object, **kwargs: object) -> dict[str, float]:
        """Score the averaged weights with the callable handed in."""
        del args, kwargs
        self.model.eval()
        if self._average is None:
            scores = self._evaluate_model(self.model)
        else:
            with self._average.applied(self.model):
                scores = self._evaluate_model(self.model)
        self.model.train()
        metrics = {f"eval_{name}": float(value) for name, value in scores.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


class AverageWeights(TrainerCallback):  # type: ignore[misc]
    """Feeds the running average after each optimiser step."""

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Take in the new weights."""
        del args, state, control
        self.average.update(kwargs["model"])

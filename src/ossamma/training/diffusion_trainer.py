"""DiffusionTrainer: the Hugging Face Trainer for masked-diffusion pre-training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from ossamma.schema.errors import TrainingError
from ossamma.tokenization.token_store import TextRow, TokenStore
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.training.held_out import HeldOut
from ossamma.training.masking import MaskedBatch, Masking
from ossamma.training.muon import MuonAdamW
from ossamma.training.optim import Rates, build_optimizer, parameter_groups
from ossamma.training.pretrain_settings import PretrainSettings
from ossamma.training.rates import Clock, rate_factor
from ossamma.training.row_batches import RowBatchSampler, RowPick, RowSource
from ossamma.training.sharding import whole

_ADVICE = "lower learning_rate, raise warmup_steps, or use precision bf16 or fp32"


@dataclass(frozen=True, slots=True)
class WeightedStore:
    """A corpus of pre-training."""

    store: TokenStore
    weight: float = 1.0
    """How often one pass goes over it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainTask:
    """What is pre-trained, on what, and what it is measured on."""

    model: nn.Module
    """An OssammaForMaskedDiffusion."""
    corpora: Sequence[WeightedStore]
    """The training text."""
    held_out: Sequence[TextRow]
    """Rows that are never trained on."""
    tokenizer: PieceTokenizer
    """Whose pieces the corpora hold."""


class RowDataset(Dataset[TextRow]):
    """Rows of several stores end to end. A row's number differs with the pass that reads it."""

    def __init__(self, stores: Sequence[TokenStore], tokenizer: PieceTokenizer) -> None:
        self._stores = tuple(stores)
        self._tokenizer = tokenizer

    def __len__(self) -> int:
        """Number of rows."""
        return sum(len(store) for store in self._stores)

    def __getitem__(self, pick: RowPick) -> TextRow:
        """Return a row under a number of its own, so that each pass masks it anew."""
        place = pick.row
        for store in self._stores:
            if place < len(store):
                row = store.row(place, self._tokenizer)
                return replace(row, number=pick.visit * len(self) + pick.row)
            place -= len(store)
        raise IndexError(pick.row)


class MaskRows:
    """Collates rows into a masked batch; an object, so that worker processes can have it."""

    def __init__(self, masking: Masking, seed: int) -> None:
        self._masking = masking
        self._seed = seed

    def __call__(self, rows: list[TextRow]) -> MaskedBatch:
        """Mask the rows of one batch."""
        return self._masking.mask(rows, self._seed)


class DiffusionTrainer(Trainer):
    """Trains on masked rows; the noise of a batch depends on seed, pass and rows alone."""

    def __init__(
        self,
        task: PretrainTask,
        arguments: TrainingArguments,
        settings: PretrainSettings,
        clock: Clock,
    ) -> None:
        self.task = task
        self.settings = settings
        self.clock = clock
        self.steps_skipped_in_a_row = 0
        self.pieces_seen = 0
        self.masking = Masking(
            settings=settings.noise,
            mask_id=task.tokenizer.mask_id,
            pad_id=task.tokenizer.pad_id,
            # A fixed divisor: losses of parts of a step add up, whoever computes them.
            num_pieces=settings.batch_pieces,
        )
        self.held_out = HeldOut(task.held_out, self.masking, batch_pieces=settings.batch_pieces)
        super().__init__(
            model=task.model,
            args=arguments,
            train_dataset=self._rows(),
            # Never read: `evaluate` below does not use it. The Trainer only wants to see one.
            eval_dataset=self._rows(),
        )

    def get_train_dataloader(self) -> DataLoader[MaskedBatch]:
        """Return the batches of this process, in an order that the seed decides."""
        sampler = RowBatchSampler(
            [RowSource(each.store.lengths, each.weight) for each in self.task.corpora],
            batch_pieces=self.settings.batch_pieces,
            seed=self.settings.seed,
            num_batches=self.settings.max_steps * self.settings.gradient_accumulation_steps,
            rank=self.args.process_index,
            world_size=self.args.world_size,
        )
        loader: DataLoader[Any] = DataLoader(
            self._rows(),
            batch_sampler=sampler,
            collate_fn=MaskRows(self.masking, self.settings.seed),
            num_workers=self.settings.num_workers,
            pin_memory=torch.cuda.is_available(),
        )
        return loader

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW over our parameter groups, or Muon for the matrices inside the blocks."""
        del model
        if self.optimizer is None:
            rates = Rates(
                learning_rate=self.settings.learning_rate,
                crf_learning_rate=self.settings.learning_rate,
                weight_decay=self.settings.weight_decay,
            )
            groups = parameter_groups(self.task.model, rates)
            if self.settings.optimizer == "adamw":
                self.optimizer = build_optimizer(groups)
            else:
                self.optimizer = MuonAdamW(_with_muon(groups, self.task.model, self.settings))
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Warm-up by steps, descent by steps or by the clock."""
        del num_training_steps
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.create_optimizer(), rate_factor(self.settings, self.clock)
        )
        return self.lr_scheduler

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Add a batch's gradient; one that does not fit into the memory is taken in two halves.

        The loss of a batch is the sum of its rows' losses over a fixed divisor, so that halves add
        up to the whole.
        """
        try:
            return super().training_step(model, inputs, num_items_in_batch)
        except torch.OutOfMemoryError:
            halves = halved(inputs)
            if len(halves) < 2:
                raise
            torch.cuda.empty_cache()
        losses = [self.training_step(model, half, num_items_in_batch) for half in halves]
        return losses[0] + losses[1]

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002  the Trainer's own signature
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:  # noqa: ANN401  a loss, or a pair with the output
        """Return the model's own loss, and count the pieces."""
        del num_items_in_batch
        output = model(**inputs)
        self.pieces_seen += int(inputs["attention_mask"].sum())
        return (output.loss, output) if return_outputs else output.loss

    def evaluate(self, *args: object, **kwargs: object) -> dict[str, float]:
        """Measure the held-out bound and accuracy."""
        del args, kwargs
        scores = self.held_out.scores(self.task.model, self.args.device)
        metrics = {f"eval_{name}": value for name, value in scores.to_json().items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def finish(self) -> None:
        """Leave the trained weights in the task's model, where they already are."""

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        """Clip as ever; a gradient that is not a number is dropped, so that the step does nothing.

        Raises:
            TrainingError: too many steps in a row had none.
        """
        norm: Tensor = whole(super()._clip_grad_norm(model))  # type: ignore[no-untyped-call]
        if torch.isfinite(norm):
            self.steps_skipped_in_a_row = 0
            return norm
        self.steps_skipped_in_a_row += 1
        model.zero_grad(set_to_none=True)
        if self.steps_skipped_in_a_row > self.settings.most_skipped_steps:
            raise TrainingError(
                f"the gradient was not a number in {self.steps_skipped_in_a_row} steps in a row, "
                f"up to step {self.state.global_step + 1}; {_ADVICE}"
            )
        return norm

    def _rows(self) -> RowDataset:
        return RowDataset([each.store for each in self.task.corpora], self.task.tokenizer)


class StopInTime(TrainerCallback):
    """Ends the run when its time is used up."""

    def __init__(self, settings: PretrainSettings, clock: Clock) -> None:
        self._limit = settings.max_seconds
        self._clock = clock

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Ask the Trainer for a last evaluation, a checkpoint and the end."""
        del args, state, kwargs
        if self._limit and self._clock.seconds >= self._limit:
            control.should_training_stop = True
            control.should_evaluate = True
            control.should_save = True


def halved(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Cut a batch into two halves by rows; a batch of one row cannot be cut."""
    num_rows = len(inputs["input_ids"])
    if num_rows < 2:
        return [inputs]
    middle = num_rows // 2
    return [
        {name: tensor[part] for name, tensor in inputs.items()}
        for part in (slice(0, middle), slice(middle, num_rows))
    ]


def _with_muon(
    groups: list[dict[str, Any]], model: nn.Module, settings: PretrainSettings
) -> list[dict[str, Any]]:
    """Move the matrices of the blocks into a group of their own."""
    inside = {p for name, p in model.named_parameters() if ".blocks." in name and p.ndim == 2}
    muon = {
        "name": "muon",
        "muon": True,
        "params": [p for group in groups for p in group["params"] if p in inside],
        "lr": settings.muon_learning_rate,
        "weight_decay": settings.weight_decay,
    }
    rest = [
        {**group, "params": [p for p in group["params"] if p not in inside]} for group in groups
    ]
    return [group for group in (muon, *rest) if group["params"]]

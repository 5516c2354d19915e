"""ShardedDiffusionTrainer: the trainer of pre-training over shards of the model.

The Trainer's own `fsdp` runs plain data parallelism on a CPU, without a word. Here the model is
sharded by PyTorch alone, on every device, so that what the tests see is what a GPU runs.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from ossamma.schema.errors import ConfigurationError, TrainingError
from ossamma.training.diffusion_trainer import DiffusionTrainer, PretrainTask
from ossamma.training.pretrain_settings import PretrainSettings
from ossamma.training.rates import Clock
from ossamma.training.sharding import Sharded, load_whole, shard, shard_state, whole

_WEIGHTS: Final = "model.safetensors"
_OPTIMIZER: Final = "optimizer.pt"
_SCHEDULER: Final = "scheduler.pt"


class ShardedDiffusionTrainer(DiffusionTrainer):
    """Trains a sharded copy of the task's model; `finish` brings the weights back."""

    def __init__(
        self,
        task: PretrainTask,
        arguments: TrainingArguments,
        settings: PretrainSettings,
        clock: Clock,
    ) -> None:
        if not dist.is_initialized():
            raise ConfigurationError(
                "parallel fsdp shards a model over several processes, got one: start the command "
                "with torchrun --nproc-per-node NUMBER -m ossamma.cli.app, or set parallel to ddp"
            )
        self._whole = task.model
        model = deepcopy(task.model).to(arguments.device)
        shard(model, arguments.device)
        super().__init__(replace(task, model=model), arguments, settings, clock)

    def finish(self) -> None:
        """Put the trained weights into the model that came in; all processes must call it."""
        self._whole.load_state_dict(whole(self.task.model.state_dict()))

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Add a batch's gradient. It cannot be halved: the others would wait for one pass more.

        Raises:
            TrainingError: the memory is too small.
        """
        try:
            return Trainer.training_step(self, model, inputs, num_items_in_batch)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"a batch of {self.settings.batch_pieces:,} pieces does not fit into the memory of "
                "the device; lower batch_pieces and raise gradient_accumulation_steps"
            ) from error

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:  # noqa: FBT001, FBT002
        """Write whole weights; all processes gather, the first writes."""
        state = whole(self.task.model.state_dict())
        if self.args.should_save:
            self._save(output_dir, state_dict=state)

    def _wrap_model(self, model: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
        """Return what is called instead of the model; the Trainer then wraps it in nothing else."""
        del args, kwargs
        if isinstance(model, Sharded):
            return model
        is_narrow = self.settings.precision != "fp32"
        autocast = torch.autocast(self.args.device.type, torch.bfloat16, enabled=is_narrow)
        return Sharded(model, autocast)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        assert self.optimizer is not None
        assert self.lr_scheduler is not None
        state = whole(self.optimizer.state_dict())
        if self.args.should_save:
            torch.save(state, Path(output_dir) / _OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / _SCHEDULER)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        assert self.optimizer is not None
        assert self.lr_scheduler is not None
        folder = Path(checkpoint)
        state = torch.load(folder / _OPTIMIZER, map_location="cpu", weights_only=True)
        self.optimizer.load_state_dict(state)
        # Accelerate has put a shell around it.
        shard_state(getattr(self.optimizer, "optimizer", self.optimizer))
        self.lr_scheduler.load_state_dict(torch.load(folder / _SCHEDULER, weights_only=True))

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        del model
        load_whole(self.task.model, load_file(Path(resume_from_checkpoint) / _WEIGHTS))

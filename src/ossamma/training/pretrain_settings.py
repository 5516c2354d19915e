"""PretrainSettings: everything that decides how an encoder is pre-trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from ossamma.schema.errors import ConfigurationError
from ossamma.training.noise import NoiseSettings

OptimizerName = Literal["adamw", "muon"]
PretrainSchedule = Literal["cosine", "linear", "constant", "wsd"]
PretrainPrecision = Literal["fp32", "bf16", "fp16"]
Parallel = Literal["ddp", "fsdp"]

_AT_LEAST = {
    "seed": 0,
    "max_steps": 1,
    "batch_pieces": 8,
    "gradient_accumulation_steps": 1,
    "weight_decay": 0.0,
    "warmup_steps": 0,
    "max_seconds": 0.0,
    "evaluate_every": 1,
    "checkpoint_every": 1,
    "held_out_rows": 1,
    "num_workers": 0,
    "num_threads": 0,
    "most_skipped_steps": 0,
}
_ABOVE_0 = ("learning_rate", "muon_learning_rate", "max_grad_norm")
_CHOICES = {
    "optimizer": get_args(OptimizerName),
    "schedule": get_args(PretrainSchedule),
    "precision": get_args(PretrainPrecision),
    "parallel": get_args(Parallel),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainSettings:
    """Settings of masked-diffusion pre-training. The defaults suit a GPU and the preset base."""

    seed: int = 1
    """Decides initial weights, order of the data, noise and dropout; below 2^32."""
    max_steps: int = 500_000
    """Optimiser steps."""
    batch_pieces: int = 16_384
    """Most pieces in a forward pass, padding included."""
    gradient_accumulation_steps: int = 4
    """Forward passes per optimiser step and process."""
    optimizer: OptimizerName = "adamw"
    """AdamW for all, or Muon for the matrices inside the blocks."""
    learning_rate: float = 1e-4
    """Peak rate of AdamW."""
    muon_learning_rate: float = 1e-3
    """Peak rate of Muon."""
    weight_decay: float = 0.01
    """Decay of matrices; vectors and embeddings are not decayed."""
    warmup_steps: int = 10_000
    """Steps with a rising rate."""
    schedule: PretrainSchedule = "cosine"
    """Descent after the warm-up; wsd keeps the rate, then lowers it linearly at the end."""
    decay_share: float = 0.2
    """Share of the run in which wsd lowers the rate."""
    max_seconds: float = 0.0
    """Time budget of the whole run; the descent then follows the clock. 0: steps alone decide."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    precision: PretrainPrecision = "bf16"
    """Arithmetic of the forward pass, under autocast."""
    compile: bool = False
    """Compile the model with torch.compile."""
    parallel: Parallel = "ddp"
    """Several processes hold the whole model each (ddp) or a part of every weight (fsdp)."""
    evaluate_every: int = 1000
    """Steps between evaluations on held-out rows."""
    checkpoint_every: int = 5000
    """Steps between checkpoints."""
    held_out_rows: int = 512
    """Most held-out rows that an evaluation reads."""
    num_workers: int = 0
    """Processes that prepare batches; 0 prepares them in the training process."""
    num_threads: int = 0
    """CPU threads; 0 leaves the choice to torch."""
    most_skipped_steps: int = 10
    """The run stops after so many steps in a row whose gradient was not a number."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    """How much is masked."""

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            self._require(name, f"at least {least}", fits=getattr(self, name) >= least)
        for name in _ABOVE_0:
            self._require(name, "above 0 and finite", fits=0.0 < getattr(self, name) < math.inf)
        for name, choices in _CHOICES.items():
            self._require(name, " or ".join(choices), fits=getattr(self, name) in choices)
        self._require("seed", "below 2^32", fits=self.seed < 2**32)
        self._require("decay_share", "in (0, 1]", fits=0.0 < self.decay_share <= 1.0)
        if self.parallel == "fsdp":
            self._check_shards()

    def _check_shards(self) -> None:
        """Refuse what is not built, or not tested, for a model in shards."""
        self._require("optimizer", "adamw with parallel fsdp", fits=self.optimizer == "adamw")
        self._require("precision", "fp32 or bf16 with parallel fsdp", fits=self.precision != "fp16")
        self._require("compile", "False with parallel fsdp", fits=not self.compile)

    def _require(self, name: str, expected: str, *, fits: bool) -> None:
        if not fits:
            raise ConfigurationError(f"{name} must be {expected}, got {getattr(self, name)!r}")

"""FinetuneSettings: everything that decides how a tagger is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ossamma.schema.errors import ConfigurationError
from ossamma.training.optim import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneSettings:
    """Settings of a fine-tuning run. The defaults are those for a pre-trained encoder."""

    seed: int = 1
    """Decides initial weights, order of the data, and dropout."""
    epochs: int = 20
    """Most passes over the training set."""
    batch_size: int = 16
    """Windows per forward pass."""
    gradient_accumulation_steps: int = 2
    """Forward passes per optimiser step."""
    learning_rate: float = 2e-5
    """Peak rate of encoder and heads."""
    crf_learning_rate: float = 1e-3
    """Peak rate of the CRF's transitions, which need more."""
    weight_decay: float = 0.01
    """Decay of matrices; vectors, embeddings and transitions are not decayed."""
    warmup_ratio: float = 0.1
    """Share of all steps with a rising rate."""
    schedule: Schedule = "linear"
    """Descent after the warm-up."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    average_decay: float = 0.0
    """Decay of the running average of the weights that is evaluated and kept; 0 turns it off."""
    patience: int = 5
    """Training stops after so many evaluations without improvement."""
    min_delta: float = 0.001
    """Smallest rise of dev micro-F1 that counts as improvement."""
    window_pieces: int = 254
    """Pieces per training window, [CLS] and [SEP] not counted."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the forward pass; bf16 runs under autocast."""
    num_threads: int = 0
    """CPU threads; 0 leaves the choice to torch. Bitwise repetition needs the same number."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "gradient_accumulation_steps", "patience"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "crf_learning_rate", "max_grad_norm"):
            if not getattr(self, name) > 0.0:
                raise ConfigurationError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("warmup_ratio", "average_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigurationError(f"{name} must lie in [0, 1), got {getattr(self, name)}")
        if self.weight_decay < 0.0:
            raise ConfigurationError(f"weight_decay must be >= 0, got {self.weight_decay}")
        if self.window_pieces < 8:
            raise ConfigurationError(f"window_pieces must be >= 8, got {self.window_pieces}")
        if self.schedule not in ("linear", "cosine", "constant"):
            raise ConfigurationError(
                f"schedule must be linear, cosine or constant, got {self.schedule!r}"
            )
        if self.precision not in ("fp32", "bf16"):
            raise ConfigurationError(f"precision must be fp32 or bf16, got {self.precision!r}")

"""FinetuneSettings: everything that decides how a tagger is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD
from ossamma.training.optim import Schedule

Precision = Literal["fp32", "bf16"]

_SMALLEST_WINDOW = MAX_PIECES_PER_WORD + 1  # the longest word, and the [SEP] before it
_AT_LEAST = {
    "seed": 0,
    "epochs": 1,
    "batch_size": 1,
    "gradient_accumulation_steps": 1,
    "weight_decay": 0.0,
    "patience": 1,
    "min_delta": 0.0,
    "window_pieces": _SMALLEST_WINDOW,
    "num_threads": 0,
    "head_learning_rate": 0.0,
    "frozen_layers": 0,
    "lora_rank": 0,
    "lora_alpha": 1,
    "type_weight_power": 0.0,
    "max_type_weight": 1.0,
}
_ABOVE_0 = ("learning_rate", "crf_learning_rate", "max_grad_norm")
_BELOW_1 = ("warmup_ratio", "average_decay", "lora_dropout", "repeat_threshold")
_CHOICES = {"schedule": get_args(Schedule), "precision": get_args(Precision)}


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneSettings:
    """Settings of a fine-tuning run. The defaults are those for a pre-trained encoder."""

    seed: int = 1
    """Decides initial weights, order of the data, and dropout; below 2^32."""
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
    head_learning_rate: float = 0.0
    """Peak rate of the heads above the encoder; 0 takes `learning_rate`."""
    layer_decay: float = 1.0
    """Each layer of the encoder learns at this times the rate of the layer above it, the embeddings
    at this times that of the lowest layer; 1 is one rate for all."""
    frozen_layers: int = 0
    """So many layers of the encoder from below, and its embeddings, do not learn; 0: all learn."""
    lora_rank: int = 0
    """Rank of low-rank adapters beside every linear layer of an encoder of transformers, which
    then learn in its place; 0 turns them off. A bundle has them merged into plain weights."""
    lora_alpha: int = 16
    """The adapters are scaled by this / lora_rank."""
    lora_dropout: float = 0.0
    """Dropout before the adapters."""
    weight_decay: float = 0.01
    """Decay of matrices; vectors, embeddings and transitions are not decayed."""
    warmup_ratio: float = 0.1
    """Share of all steps with a rising rate."""
    schedule: Schedule = "linear"
    """Descent after the warm-up."""
    type_weight_power: float = 0.0
    """An entity of a type weighs (count of the most frequent type / count of its own)^this in the
    CRF's loss, as odds against every wrong path; 0 weighs all types alike."""
    max_type_weight: float = 10.0
    """Greatest weight of a type."""
    repeat_threshold: float = 0.0
    """Windows whose rarest type is in less than this share of the windows are read more often in an
    epoch (Gupta et al. 2019); 0 reads every window once."""
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
    precision: Precision = "fp32"
    """Arithmetic of the forward pass; bf16 runs under autocast."""
    num_threads: int = 0
    """CPU threads; 0 leaves the choice to torch. Bitwise repetition needs the same number."""

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            self._require(name, f"at least {least}", fits=getattr(self, name) >= least)
        for name in _ABOVE_0:
            value = getattr(self, name)
            self._require(name, "above 0 and finite", fits=0.0 < value < math.inf)
        for name in _BELOW_1:
            self._require(name, "in [0, 1)", fits=0.0 <= getattr(self, name) < 1.0)
        for name, choices in _CHOICES.items():
            self._require(name, " or ".join(choices), fits=getattr(self, name) in choices)
        self._require("layer_decay", "in (0, 1]", fits=0.0 < self.layer_decay <= 1.0)
        self._require("seed", "below 2^32", fits=self.seed < 2**32)

    def _require(self, name: str, expected: str, *, fits: bool) -> None:
        if not fits:
            raise ConfigurationError(f"{name} must be {expected}, got {getattr(self, name)!r}")

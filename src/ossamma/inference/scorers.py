"""Scorers: what turns a batch of windows into emissions. Everything around it is the same for all.

B windows, T pieces, F word features, S lines, W words, K tags.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from torch import Tensor

from ossamma.model.modeling import OssammaForTokenClassification
from ossamma.tokenization.batches import Batch


class Backend(StrEnum):
    """What runs the encoder."""

    AUTO = "auto"
    """The fastest that answers the same: PyTorch."""
    TORCH = "torch"
    """PyTorch, on whatever device the model is."""
    ONNX = "onnx"
    """ONNX Runtime, on the CPU."""


class Scorer(Protocol):
    """Runs the encoder. Safe to call from several threads."""

    @property
    def backend(self) -> Backend:
        """What runs it: never AUTO."""
        ...

    def __call__(self, batch: Batch) -> Tensor:
        """Return emissions (S, W, K), float32 on the CPU, of a batch without supervision."""
        ...


class TorchScorer:
    """The model itself."""

    backend = Backend.TORCH

    def __init__(self, model: OssammaForTokenClassification) -> None:
        self.model = model

    def __call__(self, batch: Batch) -> Tensor:
        """Return emissions (S, W, K)."""
        device = self.model.device
        emissions_SWK: Tensor = self.model(
            input_ids=batch["input_ids"].to(device),
            attention_mask=batch["attention_mask"].to(device),
            word_features=batch["word_features"].to(device),
            first_pieces=batch["first_pieces"].to(device),
        ).logits
        return emissions_SWK.float().cpu()

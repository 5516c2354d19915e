"""A running average of the weights: steadier than the last step, and free at inference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of the trainable parameters (Polyak and Juditsky 1992).

    The decay rises with the number of updates n as min(decay, (1 + n) / (10 + n)), so that the
    random start is forgotten early. `decay` 0 keeps the last weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must lie in [0, 1), got {decay}")
        self.decay = decay
        self.num_updates = 0
        self._average = {n: p.detach().clone() for n, p in _trainable(model)}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after an optimiser step."""
        self.num_updates += 1
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        names, weights = zip(*_trainable(model), strict=True)
        averages = [self._average[name] for name in names]
        torch._foreach_lerp_(averages, [w.detach() for w in weights], 1.0 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the average into the model for the time of a `with` block."""
        kept = {name: parameter.detach().clone() for name, parameter in _trainable(model)}
        self._write(model, self._average)
        try:
            yield
        finally:
            self._write(model, kept)

    def state(self) -> dict[str, Tensor]:
        """Return the average, by parameter name."""
        return dict(self._average)

    @torch.no_grad()
    def load_state(self, average: dict[str, Tensor], num_updates: int) -> None:
        """Restore an average that `state` gave."""
        if set(average) != set(self._average):
            raise ValueError("the stored average belongs to another model")
        for name, tensor in average.items():
            self._average[name].copy_(tensor)
        self.num_updates = num_updates

    @staticmethod
    @torch.no_grad()
    def _write(model: nn.Module, weights: dict[str, Tensor]) -> None:
        for name, parameter in _trainable(model):
            parameter.copy_(weights[name])


def _trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]

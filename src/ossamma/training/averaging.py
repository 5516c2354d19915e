"""A running average of the weights: steadier than the last step, and free at inference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ossamma.schema.errors import CheckpointError, ConfigurationError


class WeightAverage:
    """Exponential moving average of the trainable parameters (Polyak and Juditsky 1992).

    The decay of update n is min(decay, (1 + n) / (10 + n)), so that the random start is forgotten
    early. The average lies on the device on which the model is when it is made.

    Raises:
        ConfigurationError: `decay` is outside [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0.0 <= decay < 1.0:
            raise ConfigurationError(f"average_decay must lie in [0, 1), got {decay}")
        self.decay = decay
        self.num_updates = 0
        self._average = _copy_of(model)

    def decay_of(self, update: int) -> float:
        """Return the decay of one update, counted from 1."""
        return min(self.decay, (1 + update) / (10 + update))

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after an optimiser step: a <- decay a + (1 - decay) w."""
        self.num_updates += 1
        weights = _trainable(model)
        assert weights.keys() == self._average.keys(), "the model's trainable parameters changed"
        # One call for all tensors: thousands of small ones would cost more than the arithmetic.
        torch._foreach_lerp_(
            [self._average[name] for name in weights],
            [weight.detach() for weight in weights.values()],
            1.0 - self.decay_of(self.num_updates),
        )

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the average into the model for the time of a `with` block."""
        kept = _copy_of(model)
        _write(model, self._average)
        try:
            yield
        finally:
            _write(model, kept)

    def state(self) -> dict[str, Tensor]:
        """Return the average by parameter name: the tensors themselves, not copies."""
        return dict(self._average)

    @torch.no_grad()
    def load_state(self, average: dict[str, Tensor], num_updates: int) -> None:
        """Restore an average that `state` gave.

        Raises:
            CheckpointError: the average belongs to another model.
        """
        for name in self._average.keys() | average.keys():
            expected, got = (_shape(tensors, name) for tensors in (self._average, average))
            if expected != got:
                raise CheckpointError(
                    f"the stored average belongs to another model: expected {name} to be "
                    f"{expected}, got {got}"
                )
        for name, tensor in average.items():
            self._average[name].copy_(tensor)
        self.num_updates = num_updates


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _copy_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in _trainable(model).items()}


@torch.no_grad()
def _write(model: nn.Module, weights: dict[str, Tensor]) -> None:
    for name, parameter in _trainable(model).items():
        parameter.copy_(weights[name])


def _shape(tensors: dict[str, Tensor], name: str) -> str:
    return f"of shape {tuple(tensors[name].shape)}" if name in tensors else "absent"

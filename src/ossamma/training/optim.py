"""Optimiser groups and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from ossamma.training.layers import layer_depths

Schedule = Literal["linear", "cosine", "constant"]


_ENCODER = "encoder"
_HEAD = "head"
_KINDS = ("decayed", "free", "crf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Peak learning rates of the parts of a tagger, and the decay of its weights."""

    learning_rate: float
    """Of the encoder's last layer, and of all that stands above it but the CRF."""
    crf_learning_rate: float
    """Of the CRF's transitions."""
    weight_decay: float
    """Of matrices."""
    head_learning_rate: float = 0.0
    """Of the heads; 0 takes `learning_rate`."""
    layer_decay: float = 1.0
    """What the rate of a layer is multiplied by for the layer below it; see `rate_at`."""

    def rate_at(self, depth: int, num_layers: int) -> float:
        """Return the rate at a depth that `layer_depths` gives.

        learning_rate * layer_decay^(num_layers - depth) for layers and, with depth 0, for the
        embeddings; learning_rate itself above. After Clark et al. 2020 (ELECTRA), section A.2.
        """
        below = max(0, num_layers - depth)
        return self.learning_rate * self.layer_decay**below


def parameter_groups(model: nn.Module, rates: Rates) -> list[dict[str, object]]:
    """Split trainable parameters by learning rate and by whether weight decay suits them.

    The CRF's transitions have their own rate, and heads and layers may. Vectors and scalars
    (biases, norms, oscillator parameters), embeddings and transitions are not decayed. Every
    trainable parameter is in exactly one group.

    Raises:
        ConfigurationError: the rates go by layers that cannot be told apart.
    """
    embeddings = {
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    depth_rates = _rates_by_depth(model, rates)
    groups: dict[tuple[str, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        parts = name.split(".")
        if "crf" in parts:
            kind, rate = "crf", rates.crf_learning_rate
        else:
            kind = "decayed" if parameter.ndim >= 2 and parameter not in embeddings else "free"
            rate = depth_rates.get(name, rates.learning_rate)
            if parts[0] == _HEAD:
                rate = rates.head_learning_rate or rates.learning_rate
        groups.setdefault((kind, rate), []).append(parameter)
    # An order that does not hang on that of the parameters: a checkpoint goes by it.
    ordered = sorted(groups, key=lambda key: (_KINDS.index(key[0]), -key[1]))
    return [
        {
            "name": kind,
            "params": groups[kind, rate],
            "lr": rate,
            "weight_decay": rates.weight_decay if kind == "decayed" else 0.0,
        }
        for kind, rate in ordered
    ]


def _rates_by_depth(model: nn.Module, rates: Rates) -> dict[str, float]:
    """Return the rate of each of the encoder's parameters by name; empty where all are alike."""
    if rates.layer_decay == 1.0:
        return {}
    encoder, config = model.get_submodule(_ENCODER), getattr(model, "config")  # noqa: B009
    depths = layer_depths(encoder, config.num_hidden_layers)
    return {
        f"{_ENCODER}.{name}": rates.rate_at(depth, config.num_hidden_layers)
        for name, depth in depths.items()
    }


def build_optimizer(groups: list[dict[str, object]]) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) in its fused form, which exists for CPU and CUDA."""
    return torch.optim.AdamW(groups, fused=True)


def build_schedule(
    optimizer: torch.optim.Optimizer, *, schedule: Schedule, warmup_steps: int, total_steps: int
) -> LambdaLR:
    """Scale all learning rates: linear warm-up, then the named descent to zero."""
    return LambdaLR(optimizer, scale_of(schedule, warmup_steps, total_steps))


def scale_of(schedule: Schedule, warmup_steps: int, total_steps: int) -> Callable[[int], float]:
    """Return step -> factor in [0, 1]."""

    def scale(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        if schedule == "constant":
            return 1.0
        done = min((step - warmup_steps) / max(total_steps - warmup_steps, 1), 1.0)
        return 1.0 - done if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))

    return scale

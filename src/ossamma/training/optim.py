"""Optimiser groups and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

Schedule = Literal["linear", "cosine", "constant"]


def parameter_groups(
    model: nn.Module, *, learning_rate: float, crf_learning_rate: float, weight_decay: float
) -> list[dict[str, object]]:
    """Split trainable parameters by learning rate and by whether weight decay suits them.

    The CRF's transitions have their own rate. Vectors and scalars (biases, norms, oscillator
    parameters), embeddings and transitions are not decayed. Every trainable parameter is in exactly
    one group.
    """
    embeddings = {
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    groups: dict[str, list[nn.Parameter]] = {"decayed": [], "free": [], "crf": []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if "crf" in name.split("."):
            groups["crf"].append(parameter)
        elif parameter.ndim >= 2 and parameter not in embeddings:
            groups["decayed"].append(parameter)
        else:
            groups["free"].append(parameter)
    rates = {"decayed": learning_rate, "free": learning_rate, "crf": crf_learning_rate}
    return [
        {
            "name": name,
            "params": parameters,
            "lr": rates[name],
            "weight_decay": weight_decay if name == "decayed" else 0.0,
        }
        for name, parameters in groups.items()
        if parameters
    ]


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

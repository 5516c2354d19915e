"""Pieces per second, use of arithmetic (MFU), GPU and memory, in every line of the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import nn
from transformers import TrainerCallback

from ossamma.training.gpu_monitor import gpu_monitor

_FLOPS_PER_WEIGHT: Final = 6
"""Of a forward and a backward pass, per piece (Kaplan et al. 2020, "Scaling laws")."""
_PEAK_FLOPS: Final = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L4": 121e12,
    "4090": 165e12,
    "4060": 60e12,
}
"""Dense bf16 peaks from the makers' data sheets, by a part of the device's name."""


class Throughput(TrainerCallback):
    """Counts the real pieces of every step and adds figures to what is logged."""

    def __init__(self, model: nn.Module, pieces_seen: Callable[[], int]) -> None:
        """Watch a model; `pieces_seen` tells how many real pieces this process has trained on."""
        self._num_weights = matrix_weights(model)
        self._pieces_seen = pieces_seen
        self._pieces = 0
        self._since = time.monotonic()
        self._peak = peak_flops()
        self._monitor = gpu_monitor()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Look at the GPU."""
        del args, state, control, kwargs
        if self._monitor:
            self._monitor.look()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Add the figures since the last line of training."""
        del state, control
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            self._since = time.monotonic()  # an evaluation is not training
            return
        now, pieces = time.monotonic(), self._pieces_seen()
        rate = (pieces - self._pieces) / max(now - self._since, 1e-9)
        logs["pieces_per_second"] = rate * args.world_size
        if self._peak:
            logs["mfu"] = rate * _FLOPS_PER_WEIGHT * self._num_weights / self._peak
        if torch.cuda.is_available():
            logs["gpu_memory_gb"] = torch.cuda.max_memory_allocated() / 2**30
        if self._monitor:
            logs.update(self._monitor.figures())
        self._since, self._pieces = now, pieces


def matrix_weights(model: nn.Module) -> int:
    """Count the weights that every piece is multiplied with: all but the embedding tables.

    A tied head does not count: it is multiplied with the masked pieces only.
    """
    tables = {
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    return sum(p.numel() for p in set(model.parameters()) if p not in tables)


def peak_flops() -> float | None:
    """Return the dense bf16 peak of the first GPU; None without one, or one that is not listed."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    return next((peak for part, peak in _PEAK_FLOPS.items() if part in name), None)

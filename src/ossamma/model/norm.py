"""Layer norm conditioned on the diffusion time, and the embedding of that time.

B batch, T pieces, D width, E time dimension.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ossamma.model.linear import StartedLinear


class TimeEmbedding(nn.Module):
    """Sinusoidal features of t in [0, 1], then a two-layer MLP to `time_dimension`."""

    def __init__(self, time_dimension: int) -> None:
        super().__init__()
        self.num_frequencies = max(time_dimension // 2, 1)
        self.rise = nn.Linear(2 * self.num_frequencies, time_dimension)
        self.settle = nn.Linear(time_dimension, time_dimension)

    def forward(self, time_B: Tensor) -> Tensor:
        """Return (B, E) from times of shape (B,)."""
        # Frequencies 1 ... 1000: t has 1000 steps in the discretised objective.
        exponent = torch.linspace(0.0, 1.0, self.num_frequencies, device=time_B.device)
        angle = time_B[:, None].float() * 1000.0**exponent * math.pi
        waves = torch.cat([angle.sin(), angle.cos()], dim=-1).to(self.rise.weight.dtype)
        embedded: Tensor = self.settle(nn.functional.silu(self.rise(waves)))
        return embedded


class TimeConditionedNorm(nn.Module):
    """z = LN(x) * (1 + scale(t)) + shift(t), and the mixing bias a_t = bias(t).

    Starts as a plain layer norm for every t.
    """

    def __init__(self, hidden_size: int, time_dimension: int, eps: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size, eps=eps)
        self.modulation = StartedLinear(time_dimension, 2 * hidden_size + 1, start_std=0.0)

    def forward(self, x_BTD: Tensor, time_BE: Tensor) -> tuple[Tensor, Tensor]:
        """Return z of shape (B, T, D) and a_t of shape (B, 1, 1)."""
        width = x_BTD.shape[-1]
        modulation = self.modulation(nn.functional.silu(time_BE))[:, None, :]
        scale, shift, bias = modulation.split([width, width, 1], dim=-1)
        return self.norm(x_BTD) * (1.0 + scale) + shift, bias

    def at_time(self, time_BE: Tensor) -> tuple[nn.LayerNorm, Tensor]:
        """Return the plain layer norm that this is at one time, and a_t of shape (1, 1, 1)."""
        width = len(self.norm.weight)
        modulation = self.modulation(nn.functional.silu(time_BE))[0]
        scale, shift, bias = modulation.split([width, width, 1])
        plain = nn.LayerNorm(width, eps=self.norm.eps)
        plain.weight = nn.Parameter(self.norm.weight * (1.0 + scale))
        plain.bias = nn.Parameter(self.norm.bias * (1.0 + scale) + shift)
        return plain, bias.view(1, 1, 1)

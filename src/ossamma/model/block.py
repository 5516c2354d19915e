"""One OSSAMMA block: a global branch that gates a local one twice, mixed per piece.

B batch, T pieces, D width, E time dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ossamma.model.configuration import OssammaConfig
from ossamma.model.linear import StartedLinear
from ossamma.model.linear_attention import LinearAttention
from ossamma.model.norm import TimeConditionedNorm
from ossamma.model.oscillator import DLinOSS
from ossamma.model.window_attention import SlidingWindowAttention


class Gate(nn.Module):
    """sigmoid(W x) without bias and with small weights, so that it starts near 1/2."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.projection = StartedLinear(width_in, width_out, bias=False, start_std=0.02)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return values in (0, 1), shape (B, T, width_out)."""
        return torch.sigmoid(self.projection(x_BTD))


class FixedGate(nn.Module):
    """A gate that stands still: 1 is open, 0 is shut. What an ablation puts in a gate's place."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return the value, broadcastable against (B, T, D)."""
        return x_BTD.new_full((1, 1, 1), self.value)


class OscillatorGate(nn.Module):
    """sigmoid(DLinOSS(g)): the oscillators decide what the linear attention may say."""

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__()
        self.oscillator = DLinOSS(config.oscillator_settings())

    def forward(self, g_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Return values in (0, 1), shape (B, T, D)."""
        return torch.sigmoid(self.oscillator(g_BTD, mask_BT))


class OpenOscillatorGate(nn.Module):
    """The ablation without oscillators: always 1."""

    def forward(self, g_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Return 1, broadcastable against (B, T, D)."""
        del mask_BT
        return g_BTD.new_ones((1, 1, 1))


class AdaptiveMixing(nn.Module):
    """alpha = sigmoid(w . z + a_t), one number per piece; time biases the mix."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(hidden_size, 1)

    def forward(self, z_BTD: Tensor, time_bias_B11: Tensor) -> Tensor:
        """Return alpha of shape (B, T, 1)."""
        return torch.sigmoid(self.projection(z_BTD) + time_bias_B11)


class EvenMixing(nn.Module):
    """The ablation of the mixing: alpha = 1/2 everywhere."""

    def forward(self, z_BTD: Tensor, time_bias_B11: Tensor) -> Tensor:
        """Return 1/2, broadcastable against (B, T, D)."""
        del time_bias_B11
        return z_BTD.new_full((1, 1, 1), 0.5)


class SwiGLU(nn.Module):
    """W_down(silu(W_gate x) * W_up x) (Shazeer 2020, eq. 6), after a layer norm."""

    def __init__(self, hidden_size: int, expansion: float, eps: float) -> None:
        super().__init__()
        inner = 8 * max(round(hidden_size * expansion / 8), 1)
        self.norm = nn.LayerNorm(hidden_size, eps=eps)
        self.gate_and_up = nn.Linear(hidden_size, 2 * inner, bias=False)
        self.down = nn.Linear(inner, hidden_size, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return (B, T, D)."""
        gate, up = self.gate_and_up(self.norm(x_BTD)).chunk(2, dim=-1)
        result: Tensor = self.down(nn.functional.silu(gate) * up)
        return result


class NoFeedForward(nn.Module):
    """The block without FFN (`ffn_expansion = 0`): adds nothing."""

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return zero, broadcastable against (B, T, D)."""
        return x_BTD.new_zeros((1, 1, 1))


class OssammaBlock(nn.Module):
    """One block.

    ::

        z = norm(x, t) --+-- W_glu --+-- c -- LinearAttention ---- * -- W_o -- G
                         |           |                             |
                         |           +-- g -- DLinOSS -- sigmoid --+
                         |
                         +-- * -- window attention -- + -- L
                             |                        |
                      sigmoid(W_in G)        sigmoid(W_out G) * G

        x = x + alpha * G + (1 - alpha) * L          alpha = sigmoid(w_a . z + a_t)
        x = x + SwiGLU(LN(x))
    """

    def __init__(self, config: OssammaConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.norm = TimeConditionedNorm(width, config.time_dimension, config.layer_norm_eps)
        self.glu = nn.Linear(width, 2 * width)
        self.linear_attention = LinearAttention(width, config.num_attention_heads)
        self.oscillator_gate: nn.Module = (
            OscillatorGate(config) if config.use_oscillator else OpenOscillatorGate()
        )
        self.global_output = nn.Linear(width, width)
        self.input_gate: nn.Module = Gate(width, width) if config.input_gate else FixedGate(1.0)
        self.window_attention = SlidingWindowAttention(
            width,
            config.num_attention_heads,
            window_size=config.window_size,
            rope_theta=config.rope_theta_base,
            mode=config.attention_mode,
        )
        self.output_gate: nn.Module = Gate(width, width) if config.output_gate else FixedGate(0.0)
        self.mixing: nn.Module = AdaptiveMixing(width) if config.adaptive_mixing else EvenMixing()
        self.feed_forward: nn.Module = (
            SwiGLU(width, config.ffn_expansion, config.layer_norm_eps)
            if config.ffn_expansion > 0
            else NoFeedForward()
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTD: Tensor, time_BE: Tensor, mask_BT: Tensor) -> Tensor:
        """Return (B, T, D). Real pieces do not depend on what stands at padding."""
        z_BTD, time_bias_B11 = self.norm(x_BTD, time_BE)
        content_BTD, rhythm_BTD = self.glu(z_BTD).chunk(2, dim=-1)
        attended_BTD = self.linear_attention(content_BTD, mask_BT)
        global_BTD = self.global_output(attended_BTD * self.oscillator_gate(rhythm_BTD, mask_BT))
        local_BTD = self.window_attention(z_BTD * self.input_gate(global_BTD), mask_BT)
        local_BTD = local_BTD + self.output_gate(global_BTD) * global_BTD
        alpha_BT1 = self.mixing(z_BTD, time_bias_B11)
        x_BTD = x_BTD + self.dropout(alpha_BT1 * global_BTD + (1.0 - alpha_BT1) * local_BTD)
        result: Tensor = x_BTD + self.dropout(self.feed_forward(x_BTD))
        return result

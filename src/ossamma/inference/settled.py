"""A copy of a tagger for a processor that only recognises: constants computed once, weights packed.

PyTorch hands products of float32 matrices to MKL, which keeps to AVX2 on processors that are not
Intel's. oneDNN uses what there is, in the same precision: on one core of an AMD EPYC with AVX-512
it makes twice as many products a second (docs/results.md). The copy shares the model's tensors;
what is packed comes on top. It stands still: who trains or moves the model makes a new copy.

Letters: B windows, T pieces, D width, P rows of a weight matrix, M rows of a product, N
oscillators.
"""

from __future__ import annotations

import copy
from typing import Any, Final, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ossamma.inference.scorers import TorchScorer
from ossamma.model.linear_attention import LinearAttention, fold_features
from ossamma.model.modeling import OssammaForTokenClassification, OssammaModel
from ossamma.model.norm import TimeConditionedNorm
from ossamma.model.oscillation_kernels import (
    ChunkKernel,
    OscillatorCoefficients,
    chunk_kernel,
    convolve_by_chunks,
)
from ossamma.model.oscillator import DLinOSS

M = TypeVar("M", bound=nn.Module)

CHUNK_STEPS: Final = 32
"""Steps in a chunk of the oscillators, whatever the length of a window."""
_LEAST_WEIGHTS: Final = 16_384
"""A smaller matrix is faster unpacked: calling oneDNN costs more than the product."""
_ROWS_EXPECTED: Final = 512
"""Packing asks how many rows there will be; any number of them works."""


def torch_scorer(model: OssammaForTokenClassification) -> TorchScorer:
    """Return the fastest way to run a model that will not change, by PyTorch where it is."""
    return TorchScorer(settle(model) if can_settle(model) else model)


def can_settle(model: nn.Module) -> bool:
    """Whether `settle` can serve this model: float32, on a processor for which oneDNN is built."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and all(p.device.type == "cpu" and p.dtype == torch.float32 for p in model.parameters())
    )


def settle(model: M) -> M:
    """Return a copy that computes the same faster, in inference mode only.

    Its tensors are those of `model`, which stays as it is.
    """
    assert not model.training, "only a model in its eval mode can be settled"
    assert can_settle(model), "the caller asks can_settle first"
    shared: dict[int, Any] = {id(tensor): tensor for tensor in model.parameters()}
    shared |= {id(tensor): tensor for tensor in model.buffers()}
    settled = copy.deepcopy(model, shared)
    with torch.inference_mode():
        for part in list(settled.modules()):
            if isinstance(part, OssammaModel):
                _settle_time(part)
        for part in list(settled.modules()):
            for name, child in list(part.named_children()):
                if (replacement := _settled(child)) is not None:
                    setattr(part, name, replacement)
    return settled


def _settle_time(encoder: OssammaModel) -> None:
    """Tagging happens at one diffusion time: fold it into the norms."""
    time_BE = encoder.time_embedding(torch.full((1,), encoder.config.tagging_time))
    for block in encoder.blocks:
        block.norm = SettledNorm(cast("TimeConditionedNorm", block.norm), time_BE)


def _settled(module: nn.Module) -> nn.Module | None:
    """Return what takes the place of a module; None leaves it."""
    if isinstance(module, LinearAttention):
        return SettledLinearAttention(module)
    if isinstance(module, DLinOSS):
        return SettledOscillators(module)
    if isinstance(module, nn.Linear) and module.weight.numel() >= _LEAST_WEIGHTS:
        return PackedLinear(module.weight, module.bias)
    return None


class PackedLinear(nn.Module):
    """x W^T + b by oneDNN, from a matrix that lies as it reads it; `nn.Linear` is the slow twin."""

    def __init__(self, weight_PD: Tensor, bias_P: Tensor | None) -> None:
        super().__init__()
        self.weight = weight_PD
        self.bias = bias_P
        # Not a buffer: the layout is no strided one, which state_dict and deepcopy want.
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight_PD.detach(), _ROWS_EXPECTED)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return (B, T, P)."""
        num_rows = x_BTD.shape[:-1].numel()
        x_MD = x_BTD.reshape(num_rows, -1)
        if spare := rounded_rows(num_rows) - num_rows:
            x_MD = functional.pad(x_MD, (0, 0, 0, spare))
        y_MP: Tensor = torch.ops.mkldnn._linear_pointwise(
            x_MD, self._packed, self.bias, "none", [], ""
        )
        return y_MP[:num_rows].view(*x_BTD.shape[:-1], -1)


def rounded_rows(number: int) -> int:
    """Return the rows that a product is given for so many: a multiple of 32, 16 sizes an octave.

    oneDNN writes code for every new shape and keeps that of the last thousand. Texts have any
    number of pieces: without rounding it would write code all the time (11 instead of 7.5
    microseconds a piece for eight products of 20 to 500 rows), and keep 80 MB of it.
    """
    step = max(32, (1 << (number.bit_length() - 1)) // 16)
    return -(-number // step) * step


class SettledNorm(nn.Module):
    """A layer norm at one diffusion time."""

    def __init__(self, norm: TimeConditionedNorm, time_BE: Tensor) -> None:
        super().__init__()
        self.norm, self.bias_B11 = norm.at_time(time_BE)

    def forward(self, x_BTD: Tensor, time_BE: Tensor) -> tuple[Tensor, Tensor]:
        """Return z of shape (B, T, D) and a_t of shape (1, 1, 1), whatever the time."""
        del time_BE
        return self.norm(x_BTD), self.bias_B11


class SettledLinearAttention(LinearAttention):
    """Linear attention whose feature maps are multiplied into its projection for good."""

    def __init__(self, attention: LinearAttention) -> None:
        nn.Module.__init__(self)
        self.num_heads = attention.num_heads
        folded_PD = fold_features(attention.query_key_value.weight, attention.feature_HFE)
        self.folded = PackedLinear(folded_PD, None)

    def _project(self, c_BTD: Tensor) -> Tensor:
        p_BT3HE = self.folded(c_BTD).unflatten(-1, (3, self.num_heads, -1))
        p_3BHTE: Tensor = p_BT3HE.permute(2, 0, 3, 1, 4)
        return p_3BHTE


class SettledOscillators(DLinOSS):
    """Oscillators whose matrices are computed once."""

    def __init__(self, oscillators: DLinOSS) -> None:
        nn.Module.__init__(self)
        self.settings = oscillators.settings
        self.drive = oscillators.drive
        self.packed_readout = PackedLinear(oscillators.readout.weight, None)
        share = self.settings.num_oscillators // len(oscillators.runs_backwards)
        coefficients = [part_N.split(share) for part_N in oscillators.coefficients()]
        self._kernels: tuple[ChunkKernel, ...] = tuple(
            chunk_kernel(
                OscillatorCoefficients(*share_N), CHUNK_STEPS, dtype=torch.float32, reverse=reverse
            )
            for *share_N, reverse in zip(*coefficients, oscillators.runs_backwards, strict=True)
        )

    def _positions(self, u_NBT: Tensor) -> Tensor:
        shares = zip(self._kernels, u_NBT.chunk(len(self._kernels)), strict=True)
        return torch.cat([convolve_by_chunks(kernel, share_NBT) for kernel, share_NBT in shares])

    def _read(self, h_NBT: Tensor) -> Tensor:
        y_MD: Tensor = self.packed_readout(h_NBT.reshape(len(h_NBT), -1).t())
        return y_MD.view(*h_NBT.shape[1:], -1)

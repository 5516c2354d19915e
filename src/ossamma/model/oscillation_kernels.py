"""The oscillators in closed form: powers of their poles, responses, and matrices of chunks.

Letters: B batch, T steps, N channels, C chunks, L steps in a chunk, M chunks of all rows together,
K terms of a response, P powers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class OscillatorCoefficients(NamedTuple):
    """What one step does, per channel: the logarithm of the poles and the weight of the input."""

    decay_N: Tensor
    """Amplitude lost per step, -log of the pole's radius; above 0."""
    angle_N: Tensor
    """Phase advanced per step in radians, strictly between 0 and pi."""
    gain_N: Tensor
    """Weight of the input, dt^2 s."""


def chunk_length(num_steps: int) -> int:
    """Return L: the even share of as few chunks as keep L within the measured optimum.

    Forward and backward of N = 192, B = 8, T = 512 on one CPU thread took 9.1, 5.3, 5.3, 6.6, 7.1
    and 12.2 ms with L = 8, 16, 32, 48, 64 and 128; 32 stays within a tenth of the best from
    T = 32 to T = 8192, with one thread and with two.
    """
    return -(-num_steps // -(-num_steps // 32))


class ChunkKernel(NamedTuple):
    """The recurrence in one direction as what happens within a chunk of L steps and between two.

    What a chunk leaves behind is its modal state z_t = exp(-decay + i angle) z_{t-1} + u_t, of
    which x_t = gain Im(exp(i angle) z_t) / sin(angle). It only turns and shrinks, so that the
    carry is well conditioned at every angle, which (x_{t-1}, x_{t-2}) is not.
    """

    toeplitz_NLL: Tensor
    """What a chunk's inputs give inside it."""
    memory_N2L: Tensor
    """What the step n before a chunk's end leaves, real and imaginary part."""
    echo_N2L: Tensor
    """What the carry gives n steps later."""
    advance_N: Tensor
    """How the modal state turns and shrinks in L steps; complex."""
    reverse: bool
    """Time runs backwards."""


def chunk_kernel(
    coefficients: OscillatorCoefficients, length: int, *, dtype: torch.dtype, reverse: bool
) -> ChunkKernel:
    """Return what `convolve_by_chunks` needs for chunks of `length` steps; all real in `dtype`."""
    power_NK = powers(coefficients, length + 1)
    response_NK = responses(coefficients, power_NK)
    toeplitz_NLL = _toeplitz(response_NK[:, :length].imag.to(dtype))
    memory_NL, echo_NL = power_NK[:, :length], response_NK[:, 1:]
    if reverse:
        toeplitz_NLL, echo_NL = toeplitz_NLL.mT, echo_NL.flip(1)
    else:
        memory_NL = memory_NL.flip(1)
    return ChunkKernel(
        toeplitz_NLL,
        torch.stack([memory_NL.real, memory_NL.imag], 1).to(dtype),
        torch.stack([echo_NL.imag, echo_NL.real], 1).to(dtype),
        power_NK[:, length],
        reverse,
    )


def convolve_by_chunks(kernel: ChunkKernel, u_NBT: Tensor) -> Tensor:
    """Return x_NBT, the positions that the drive u_NBT causes from rest."""
    num_channels, batch_size, num_steps = u_NBT.shape
    length = kernel.toeplitz_NLL.shape[-1]
    num_chunks = -(-num_steps // length)
    if missing := num_chunks * length - num_steps:  # a pad of nothing would still copy
        u_NBT = functional.pad(u_NBT, (0, missing))
    u_NML = u_NBT.reshape(num_channels, batch_size * num_chunks, length)
    x_NML = torch.bmm(u_NML, kernel.toeplitz_NLL)
    if num_chunks > 1:
        left_NBC2 = torch.bmm(u_NML, kernel.memory_N2L.mT).view(
            num_channels, batch_size, num_chunks, 2
        )
        carry_NBC2 = _carries(left_NBC2, kernel.advance_N, reverse=kernel.reverse)
        x_NML.baddbmm_(carry_NBC2.view(num_channels, -1, 2), kernel.echo_N2L)
    return x_NML.view(num_channels, batch_size, -1)[..., :num_steps]


class ChunkMatrices(NamedTuple):
    """The recurrence as matrices, for code that must neither loop over chunks nor be complex."""

    toeplitz_NLL: Tensor
    """What a chunk's inputs give inside it, for u_L @ M."""
    memory_NL2: Tensor
    """The modal state that a chunk's inputs leave, real and imaginary part."""
    echo_N2L: Tensor
    """What the modal state that enters a chunk gives inside it."""
    power_2NP: Tensor
    """The modal state after k chunks of silence at index k + 1; 0 at index 0. P = chunks + 1."""


def chunk_matrices(
    coefficients: OscillatorCoefficients,
    shares: tuple[int, int],
    *,
    num_steps: int,
    num_chunks: int,
) -> ChunkMatrices:
    """Return the matrices of chunks of `num_steps` steps, for at most `num_chunks` chunks.

    Args:
        coefficients: three numbers per channel.
        shares: how many channels run forward, and how many of those behind them backward.
        num_steps: L.
        num_chunks: how far the table of powers reaches.
    """
    forward, _ = shares
    power_NK = powers(coefficients, num_steps + 1)
    response_NK = responses(coefficients, power_NK)
    toeplitz_NLL = _toeplitz(response_NK[:, :num_steps].imag)
    memory_NL2 = torch.view_as_real(power_NK[:, :num_steps])
    echo_N2L = torch.stack([response_NK[:, 1:].imag, response_NK[:, 1:].real], 1)
    advance_N1 = torch.log(power_NK[:, num_steps:])
    power_NP = torch.exp(advance_N1 * torch.arange(num_chunks, device=advance_N1.device))
    power_2NP = functional.pad(torch.view_as_real(power_NP).movedim(-1, 0), (1, 0))
    return ChunkMatrices(
        torch.cat([toeplitz_NLL[:forward], toeplitz_NLL[forward:].mT]),
        torch.cat([memory_NL2[:forward].flip(1), memory_NL2[forward:]]),
        torch.cat([echo_N2L[:forward], echo_N2L[forward:].flip(2)]),
        power_2NP,
    )


def _carries(left_NBC2: Tensor, advance_N: Tensor, *, reverse: bool) -> Tensor:
    """Return the modal state that enters each chunk, given what each chunk alone leaves.

    The loop is over chunks and touches 2 / L of the input.
    """
    left_NBC = torch.view_as_complex(left_NBC2)
    num_chunks = left_NBC.shape[-1]
    advance_N1 = advance_N.to(left_NBC.dtype).unsqueeze(1)
    order = range(num_chunks - 1, -1, -1) if reverse else range(num_chunks)
    carry_NBC = torch.empty_like(left_NBC)
    carry_NB = torch.zeros_like(left_NBC[..., 0])
    for chunk in order:
        carry_NBC[..., chunk] = carry_NB
        carry_NB = torch.addcmul(left_NBC[..., chunk], carry_NB, advance_N1)
    return torch.view_as_real(carry_NBC)


def powers(coefficients: OscillatorCoefficients, num_terms: int) -> Tensor:
    """Return the complex exp((-decay + i angle) n) for n = 0, 1, ...; (N, terms).

    In double precision where the device has it: in single, n x angle is off by 1e-4 at n = 1000.
    """
    decay_N, angle_N, _ = coefficients
    dtype = torch.float32 if decay_N.device.type == "mps" else torch.float64
    n_K = torch.arange(num_terms, dtype=dtype, device=decay_N.device)
    return torch.polar(
        torch.exp(-decay_N.to(dtype).unsqueeze(1) * n_K), angle_N.to(dtype).unsqueeze(1) * n_K
    )


def responses(coefficients: OscillatorCoefficients, power_NK: Tensor) -> Tensor:
    """Return gain exp(i angle) power / sin(angle): its imaginary part is the kernel h."""
    angle_N = coefficients.angle_N.to(power_NK.real.dtype)
    turn_N = torch.polar(coefficients.gain_N.to(angle_N.dtype) / torch.sin(angle_N), angle_N)
    return turn_N.unsqueeze(1) * power_NK


def _toeplitz(h_NL: Tensor) -> Tensor:
    """Return the matrices M with M[j, i] = h[i - j] for i >= j, else 0, for u_L @ M."""
    length = h_NL.shape[1]
    windows_NLL = functional.pad(h_NL, (length - 1, 0)).unfold(1, length, 1)
    return windows_NLL.flip(1)

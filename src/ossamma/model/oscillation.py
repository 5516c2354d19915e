"""Damped oscillations: one linear recurrence per channel, evaluated in ways that must agree.

A channel is the oscillator x'' + c x' + k x = u, discretised implicitly in its velocity with the
step dt. With s = 1 / (1 + dt c) its position follows

    x_t = (1 + s - dt^2 k s) x_{t-1} - s x_{t-2} + dt^2 s u_t

whose poles are exp(-decay +- i angle): s = exp(-2 decay), and the impulse response is

    h[n] = gain g[n],   g[n] = exp(-decay n) sin((n + 1) angle) / sin(angle),   gain = dt^2 s

so that sum |h[n]| <= gain / (sin(angle) (1 - exp(-decay))): a bounded input stays bounded.

`oscillate_recurrent` is that recurrence, the slow twin of the others and the form for streams.
`oscillate_fft` and `oscillate_chunked` have the same signature. They share one backward pass, for
the gradient of a causal convolution is the same convolution run backwards in time. The kernels in
`ossamma.model.oscillation_fused` have a backward pass of their own.

Rows are independent and start from rest; a reset inside a row (documents packed end to end) would
be one more argument of `stream_oscillation` and of `Convolution`. Padding is the caller's affair:
where the input is zero nothing is added. All state, kernels and sums are float32 at least,
whatever the input's type.

Letters: B batch, T steps, N channels, C chunks, L steps in a chunk, K terms of a response.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

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


class OscillatorState(NamedTuple):
    """All that the past leaves behind, per batch item and channel."""

    position_BN: Tensor
    """The last output x_t."""
    increment_BN: Tensor
    """Its last change x_t - x_{t-1}; kept instead of x_{t-1} for it loses no digits."""


class Convolution(Protocol):
    """A fast way to run every channel from rest. It records nothing for autograd."""

    def __call__(
        self, coefficients: OscillatorCoefficients, u_NBT: Tensor, *, reverse: bool
    ) -> Tensor:
        """Return x_NBT; all tensors have one type, float32 or wider."""
        ...


def oscillate_recurrent(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, *, reverse: bool = False
) -> Tensor:
    """Run the recurrence step by step from rest: the definition, slow and never optimised.

    Args:
        coefficients: Three numbers per channel.
        u_BTN: The input.
        reverse: Run from the last step to the first.

    Returns:
        x_BTN in the input's type.
    """
    if reverse:
        return oscillate_recurrent(coefficients, u_BTN.flip(1)).flip(1)
    x_BTN, _ = stream_oscillation(coefficients, u_BTN, rest_state(coefficients, len(u_BTN)))
    return x_BTN


def rest_state(coefficients: OscillatorCoefficients, batch_size: int) -> OscillatorState:
    """Return the state before the first step: nothing moves."""
    decay_N = coefficients.decay_N
    zero_BN = torch.zeros(
        batch_size, len(decay_N), dtype=_at_least_float32(decay_N.dtype), device=decay_N.device
    )
    return OscillatorState(zero_BN, zero_BN)


def stream_oscillation(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, state: OscillatorState
) -> tuple[Tensor, OscillatorState]:
    """Continue the recurrence from `state`; return the outputs and the state after them.

    With w_t = x_t - x_{t-1} the recurrence reads w_t = s w_{t-1} - dt^2 k s x_{t-1} + gain u_t.
    This form keeps full precision for slow oscillators, where x_{t-1} and x_{t-2} nearly agree.
    """
    retain_N, restore_N = _difference_form(coefficients)
    x_BN, w_BN = state
    positions: list[Tensor] = []
    for u_BN in u_BTN.to(x_BN.dtype).unbind(1):
        w_BN = retain_N * w_BN - restore_N * x_BN + coefficients.gain_N * u_BN
        x_BN = x_BN + w_BN
        positions.append(x_BN)
    return torch.stack(positions, 1).to(u_BTN.dtype), OscillatorState(x_BN, w_BN)


def oscillate_fft(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, *, reverse: bool = False
) -> Tensor:
    """Evaluate the recurrence as one zero-padded Fourier convolution, O(T log T).

    See `oscillate_recurrent` for the arguments. Gradients exist once, not twice.
    """
    return _evaluate(_convolve_fft, coefficients, u_BTN, reverse=reverse)


def oscillate_chunked(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, *, reverse: bool = False
) -> Tensor:
    """Evaluate the recurrence by matrix products within chunks and a carry between them, O(T L).

    See `oscillate_recurrent` for the arguments. Gradients exist once, not twice. Beside input and
    output it holds one N x L x L matrix and two numbers per chunk and channel.
    """
    return _evaluate(_convolve_chunked, coefficients, u_BTN, reverse=reverse)


def _evaluate(
    convolve: Convolution, coefficients: OscillatorCoefficients, u_BTN: Tensor, *, reverse: bool
) -> Tensor:
    """Put the channels first, where time is contiguous; costs nothing if u_BTN is such a view."""
    x_NBT: Tensor = _Oscillation.apply(  # type: ignore[no-untyped-call]
        torch.stack(coefficients), u_BTN.permute(2, 0, 1), convolve, reverse
    )
    return x_NBT.permute(1, 2, 0)


class _Oscillation(torch.autograd.Function):
    """A convolution with h and its adjoint, by any `Convolution`.

    With D_t = dL/dx_t and the adjoint M_t = sum_n h[n] D_{t+n}, the recurrence gives

        dL/du_t = M_t,   dL/ds = sum_t M_t (x_{t-1} - x_{t-2}) / gain,
        dL/d(dt^2 k s) = -sum_t M_t x_{t-1} / gain,   dL/dgain = sum_t M_t u_t / gain

    so that a backward pass costs one convolution and three sums, and keeps only u and x.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - autograd's own type lacks half of what it offers
        coefficients_3N: Tensor,
        u_NBT: Tensor,
        convolve: Convolution,
        reverse: bool,  # noqa: FBT001 - autograd passes no keywords
    ) -> Tensor:
        dtype = _at_least_float32(torch.promote_types(u_NBT.dtype, coefficients_3N.dtype))
        coefficients = OscillatorCoefficients(*coefficients_3N.to(dtype))
        with torch.autocast(u_NBT.device.type, enabled=False):
            x_NBT = convolve(coefficients, u_NBT.to(dtype), reverse=reverse).to(u_NBT.dtype)
        ctx.save_for_backward(coefficients_3N, u_NBT, x_NBT)
        ctx.dtype, ctx.convolve, ctx.reverse = dtype, convolve, reverse
        return x_NBT

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        *grads: Tensor,
    ) -> tuple[Tensor | None, Tensor, None, None]:
        coefficients_3N, u_NBT, x_NBT = ctx.saved_tensors
        coefficients = OscillatorCoefficients(*coefficients_3N.to(ctx.dtype))
        with torch.autocast(u_NBT.device.type, enabled=False):
            adjoint_NBT = ctx.convolve(
                coefficients, grads[0].to(ctx.dtype), reverse=not ctx.reverse
            )
            slopes_3N = None
            if ctx.needs_input_grad[0]:
                slopes = _slopes(coefficients, adjoint_NBT, u_NBT, x_NBT, reverse=ctx.reverse)
                slopes_3N = torch.stack(slopes).to(coefficients_3N.dtype)
        return slopes_3N, adjoint_NBT.to(u_NBT.dtype), None, None


def _slopes(
    coefficients: OscillatorCoefficients,
    adjoint_NBT: Tensor,
    u_NBT: Tensor,
    x_NBT: Tensor,
    *,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the derivatives by decay, angle and gain: `_Oscillation`'s sums and the chain rule."""
    decay_N, angle_N, gain_N = coefficients
    if reverse:
        now_NBT, before_NBT = adjoint_NBT[..., :-1], x_NBT[..., 1:]
        change_NBT, changed_NBT = now_NBT.diff(), before_NBT[..., 1:]
        first_NB1 = now_NBT[..., :1] * before_NBT[..., :1]
    else:
        now_NBT, before_NBT = adjoint_NBT[..., 1:], x_NBT[..., :-1]
        change_NBT, changed_NBT = now_NBT[..., :-1] - now_NBT[..., 1:], before_NBT[..., :-1]
        first_NB1 = now_NBT[..., -1:] * before_NBT[..., -1:]
    by_gain_N = (adjoint_NBT * u_NBT).sum((1, 2)) / gain_N
    by_restore_N = -(now_NBT * before_NBT).sum((1, 2)) / gain_N
    # By parts: M_t (x_{t-1} - x_{t-2}) summed is x_{t-1} (M_t - M_{t+1}) summed. M is exact here;
    # differences of an x that was rounded to bfloat16 would be noise.
    by_retain_N = ((change_NBT * changed_NBT).sum((1, 2)) + first_NB1.sum((1, 2))) / gain_N
    radius_N = torch.exp(-decay_N)
    restore_slope_N = -2 * radius_N * (torch.expm1(-decay_N) + 2 * torch.sin(angle_N / 2) ** 2)
    by_decay_N = -2 * radius_N**2 * by_retain_N + restore_slope_N * by_restore_N
    return by_decay_N, 2 * radius_N * torch.sin(angle_N) * by_restore_N, by_gain_N


def _convolve_fft(coefficients: OscillatorCoefficients, u_NBT: Tensor, *, reverse: bool) -> Tensor:
    """Convolve with the closed-form kernel; backwards in time its spectrum is conjugated."""
    num_steps = u_NBT.shape[-1]
    size = _fast_fourier_size(2 * num_steps - 1)
    response_NT = _responses(coefficients, _powers(coefficients, num_steps))
    kernel_N1F = torch.fft.rfft(response_NT.imag.to(u_NBT.dtype), n=size).unsqueeze(1)
    spectrum_NBF = torch.fft.rfft(u_NBT, n=size) * (kernel_N1F.conj() if reverse else kernel_N1F)
    x_NBT: Tensor = torch.fft.irfft(spectrum_NBF, n=size)[..., :num_steps]
    return x_NBT


def _convolve_chunked(
    coefficients: OscillatorCoefficients, u_NBT: Tensor, *, reverse: bool
) -> Tensor:
    """Convolve within chunks by Toeplitz matrices, then add the echo of the chunks before.

    What a chunk leaves behind is its modal state z_t = exp(-decay + i angle) z_{t-1} + u_t, of
    which x_t = gain Im(exp(i angle) z_t) / sin(angle). It only turns and shrinks, so that the
    carry is well conditioned at every angle, which (x_{t-1}, x_{t-2}) is not.
    """
    num_channels, batch_size, num_steps = u_NBT.shape
    length = _chunk_length(num_steps)
    num_chunks = -(-num_steps // length)
    if missing := num_chunks * length - num_steps:  # a pad of nothing would still copy
        u_NBT = functional.pad(u_NBT, (0, missing))
    u_NML = u_NBT.reshape(num_channels, batch_size * num_chunks, length)
    power_NK = _powers(coefficients, length + 1)
    response_NK = _responses(coefficients, power_NK)
    toeplitz_NLL = _toeplitz(response_NK[:, :length].imag.to(u_NBT.dtype))
    x_NML = torch.bmm(u_NML, toeplitz_NLL.mT if reverse else toeplitz_NLL)
    if num_chunks > 1:
        # What the step n before a chunk's end leaves, and what the carry gives n steps later.
        memory_NL, echo_NL = power_NK[:, :length], response_NK[:, 1:]
        if reverse:
            echo_NL = echo_NL.flip(1)
        else:
            memory_NL = memory_NL.flip(1)
        memory_N2L = torch.stack([memory_NL.real, memory_NL.imag], 1).to(u_NBT.dtype)
        echo_N2L = torch.stack([echo_NL.imag, echo_NL.real], 1).to(u_NBT.dtype)
        left_NBC2 = torch.bmm(u_NML, memory_N2L.mT).view(num_channels, batch_size, num_chunks, 2)
        carry_NBC2 = _carries(left_NBC2, power_NK[:, length], reverse=reverse)
        x_NML.baddbmm_(carry_NBC2.view(num_channels, -1, 2), echo_N2L)
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
    power_NK = _powers(coefficients, num_steps + 1)
    response_NK = _responses(coefficients, power_NK)
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


def _powers(coefficients: OscillatorCoefficients, num_terms: int) -> Tensor:
    """Return the complex exp((-decay + i angle) n) for n = 0, 1, ...; (N, terms).

    In double precision where the device has it: in single, n x angle is off by 1e-4 at n = 1000.
    """
    decay_N, angle_N, _ = coefficients
    dtype = torch.float32 if decay_N.device.type == "mps" else torch.float64
    n_K = torch.arange(num_terms, dtype=dtype, device=decay_N.device)
    return torch.polar(
        torch.exp(-decay_N.to(dtype).unsqueeze(1) * n_K), angle_N.to(dtype).unsqueeze(1) * n_K
    )


def _responses(coefficients: OscillatorCoefficients, power_NK: Tensor) -> Tensor:
    """Return gain exp(i angle) power / sin(angle): its imaginary part is the kernel h."""
    angle_N = coefficients.angle_N.to(power_NK.real.dtype)
    turn_N = torch.polar(coefficients.gain_N.to(angle_N.dtype) / torch.sin(angle_N), angle_N)
    return turn_N.unsqueeze(1) * power_NK


def _toeplitz(h_NL: Tensor) -> Tensor:
    """Return the matrices M with M[j, i] = h[i - j] for i >= j, else 0, for u_L @ M."""
    length = h_NL.shape[1]
    windows_NLL = functional.pad(h_NL, (length - 1, 0)).unfold(1, length, 1)
    return windows_NLL.flip(1)


def _difference_form(coefficients: OscillatorCoefficients) -> tuple[Tensor, Tensor]:
    """Return s and dt^2 k s: what of the last change is kept, and the pull back to rest."""
    decay_N, angle_N, _ = coefficients
    restore_N = torch.expm1(-decay_N) ** 2 + 4 * torch.exp(-decay_N) * torch.sin(angle_N / 2) ** 2
    return torch.exp(-2 * decay_N), restore_N


def _chunk_length(num_steps: int) -> int:
    """Return L: the even share of as few chunks as keep L within the measured optimum.

    Forward and backward of N = 192, B = 8, T = 512 on one CPU thread took 9.1, 5.3, 5.3, 6.6, 7.1
    and 12.2 ms with L = 8, 16, 32, 48, 64 and 128; 32 stays within a tenth of the best from
    T = 32 to T = 8192, with one thread and with two.
    """
    return -(-num_steps // -(-num_steps // 32))


def _fast_fourier_size(at_least: int) -> int:
    """Return the least 2^a, 3 x 2^a or 5 x 2^a that is not below `at_least`."""
    return min(factor << max(0, (-(-at_least // factor) - 1).bit_length()) for factor in (1, 3, 5))


def _at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)

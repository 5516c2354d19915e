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

Letters: B batch, T steps, N channels, K terms of a response, F frequencies.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from ossamma.model.oscillation_kernels import (
    OscillatorCoefficients,
    chunk_kernel,
    chunk_length,
    convolve_by_chunks,
    powers,
    responses,
)


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
    response_NT = responses(coefficients, powers(coefficients, num_steps))
    kernel_N1F = torch.fft.rfft(response_NT.imag.to(u_NBT.dtype), n=size).unsqueeze(1)
    spectrum_NBF = torch.fft.rfft(u_NBT, n=size) * (kernel_N1F.conj() if reverse else kernel_N1F)
    x_NBT: Tensor = torch.fft.irfft(spectrum_NBF, n=size)[..., :num_steps]
    return x_NBT


def _convolve_chunked(
    coefficients: OscillatorCoefficients, u_NBT: Tensor, *, reverse: bool
) -> Tensor:
    """Convolve within chunks by Toeplitz matrices, then add the echo of the chunks before."""
    length = chunk_length(u_NBT.shape[-1])
    kernel = chunk_kernel(coefficients, length, dtype=u_NBT.dtype, reverse=reverse)
    return convolve_by_chunks(kernel, u_NBT)


def _difference_form(coefficients: OscillatorCoefficients) -> tuple[Tensor, Tensor]:
    """Return s and dt^2 k s: what of the last change is kept, and the pull back to rest."""
    decay_N, angle_N, _ = coefficients
    restore_N = torch.expm1(-decay_N) ** 2 + 4 * torch.exp(-decay_N) * torch.sin(angle_N / 2) ** 2
    return torch.exp(-2 * decay_N), restore_N


def _fast_fourier_size(at_least: int) -> int:
    """Return the least 2^a, 3 x 2^a or 5 x 2^a that is not below `at_least`."""
    return min(factor << max(0, (-(-at_least // factor) - 1).bit_length()) for factor in (1, 3, 5))


def _at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)

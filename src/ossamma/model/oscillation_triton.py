"""The kernels of the damped oscillations: one pass over memory each way, written in Triton.

This module needs Triton, so that nothing imports it but `ossamma.model.oscillation_fused`. With
TRITON_INTERPRET=1 in the environment when it is imported, the kernels run on a CPU, slowly.

A program owns one channel and some rows of the batch, and walks along time in tiles. Everything
rests on the modal state z_t = pole z_{t-1} + u_t, pole = exp(-decay + i angle), of which

    x_t = gain (Re z_t + cot(angle) Im z_t),   x_{t-1} = gain exp(decay) Im z_t / sin(angle)

A tile is a matrix of groups: a group is W consecutive steps, as many as one thread loads at once.
What a group leaves behind is two numbers, and so the time inside a tile is parallel:

    1. `left_G`: what each group leaves, a weighted sum of its W inputs;
    2. `entry_G`: the state that enters each group, a scan over groups with the pole^W;
    3. the states inside a group, a scan of W steps that stays within a thread, plus the echo of
       the group's entry.

Each group needs what the group BEFORE it left. A shift across threads would cost more than to
load the neighbour's inputs again, which the nearest cache still holds: from memory each input is
read once. Backwards in time groups are counted from the end and the scan within a thread runs the
other way, so that loads stay contiguous.

The poles of W steps and of a tile come from a phase reduced in double precision: errors grow with
the number of tiles, not of steps. All else is float32.

Letters: G groups of a tile, W steps of a group; N channels, B batch, T steps, P programs.
"""

# Triton's values have no Python types, and a kernel takes what it takes.
# ruff: noqa: ANN001, ANN201, ANN202, PLR0913
# mypy: disable-error-code="import-untyped, import-not-found"
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

from __future__ import annotations

import math

import triton
import triton.language as tl

_RADIANS_OF_QUARTER = tl.constexpr(math.pi / 2)
_QUARTERS_OF_RADIAN = tl.constexpr(2 / math.pi)


@triton.jit
def _add(left, right):
    return left + right


INTERPRETED = not isinstance(_add, triton.JITFunction)
"""Whether the kernels run on the CPU: decided when they are defined, of which `_add` is one."""


@triton.jit
def _join(a_re, a_im, y_re, y_im, b_re, b_im, z_re, z_im):
    """Two stretches of time as one: the later turns what the earlier left and adds."""
    return (
        a_re * b_re - a_im * b_im,
        a_re * b_im + a_im * b_re,
        z_re + y_re * b_re - y_im * b_im,
        z_im + y_re * b_im + y_im * b_re,
    )


@triton.jit
def _cosine_and_sine(angle, steps):
    """Return those of angle x steps, each to a few units in its last place, however small it is.

    The nearest quarter turn is taken off in double precision; Taylor's series do the rest. The
    library's functions would cost a short row more than the row itself.
    """
    quarters = angle.to(tl.float64) * (steps * _QUARTERS_OF_RADIAN)
    nearest = tl.floor(quarters + 0.5)
    rest = ((quarters - nearest) * _RADIANS_OF_QUARTER).to(tl.float32)
    square = rest * rest
    sine = 1 / 120 + square * (-1 / 5040 + square * (1 / 362880))
    sine = rest + rest * square * (-1 / 6 + square * sine)
    cosine = -1 / 720 + square * (1 / 40320 - square * (1 / 3628800))
    cosine = 1 + square * (-1 / 2 + square * (1 / 24 + square * cosine))
    quadrant = nearest.to(tl.int32)
    is_odd = (quadrant & 1) == 1
    turned_cosine = tl.where(is_odd, sine, cosine)
    turned_sine = tl.where(is_odd, cosine, sine)
    return (
        tl.where(((quadrant + 1) & 2) == 2, -turned_cosine, turned_cosine),
        tl.where((quadrant & 2) == 2, -turned_sine, turned_sine),
    )


@triton.jit
def _pole_of(decay, angle, steps):
    """Return exp((-decay + i angle) steps)."""
    radius = tl.exp(-decay * steps)
    cosine, sine = _cosine_and_sine(angle, steps)
    return radius * cosine, radius * sine


@triton.jit
def _powers(re, im, exponent_W, NUM_BITS: tl.constexpr):
    """Return (re + i im)^exponent, by squaring; an exponent has at most `NUM_BITS` bits."""
    power_re_W = tl.where((exponent_W & 1) == 1, re, 1.0)
    power_im_W = tl.where((exponent_W & 1) == 1, im, 0.0)
    for bit in tl.static_range(1, NUM_BITS):
        square_re = re * re - im * im
        im = 2 * re * im
        re = square_re
        is_in_W = ((exponent_W >> bit) & 1) == 1
        product_re_W = power_re_W * re - power_im_W * im
        power_im_W = tl.where(is_in_W, power_re_W * im + power_im_W * re, power_im_W)
        power_re_W = tl.where(is_in_W, product_re_W, power_re_W)
    return power_re_W, power_im_W


@triton.jit
def _poles_of(decay, angle, GROUPS: tl.constexpr, WIDTH: tl.constexpr):
    """Return the poles of one step, of a group and of a tile, six numbers."""
    step_re, step_im = _pole_of(decay, angle, 1)
    group_re, group_im = _pole_of(decay, angle, WIDTH)
    tile_re, tile_im = _pole_of(decay, angle, GROUPS * WIDTH)
    return step_re, step_im, group_re, group_im, tile_re, tile_im


@triton.jit
def _flip(x_GW, GROUPS: tl.constexpr, WIDTH: tl.constexpr):
    """Return the steps of each group in the opposite order: registers change names, no more.

    A scan that runs backwards would move every number through five shuffles.
    """
    if WIDTH == 8:
        x = tl.reshape(x_GW, (GROUPS, 2, 2, 2))
        for _ in tl.static_range(3):
            first, second = tl.split(x)
            x = tl.permute(tl.join(second, first), (0, 3, 1, 2))
    else:
        x = tl.reshape(x_GW, (GROUPS, 2, 2))
        for _ in tl.static_range(2):
            first, second = tl.split(x)
            x = tl.permute(tl.join(second, first), (0, 2, 1))
    return tl.reshape(x, (GROUPS, WIDTH))


@triton.jit
def _states(
    row_ptr,
    tile,
    num_steps,
    carry,
    poles,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
    REVERSE: tl.constexpr,
):
    """Return the steps of a tile, which of them exist, their inputs and states, and the new carry.

    All are ordered as memory is. The carry is the state that enters the LAST group of a tile.
    """
    step_re, step_im, group_re, group_im, tile_re, tile_im = poles
    index_G = tl.arange(0, GROUPS)
    index_W = tl.arange(0, WIDTH)
    group_G = tile * GROUPS + index_G
    if REVERSE:
        group_G = (num_steps + WIDTH - 1) // WIDTH - 1 - group_G
    step_GW = group_G[:, None] * WIDTH + index_W[None, :]
    before_GW = step_GW + (WIDTH if REVERSE else -WIDTH)
    exists_GW = (group_G >= 0)[:, None] & (step_GW < num_steps)
    existed_GW = (before_GW >= 0) & (before_GW < num_steps)
    u_GW = tl.load(row_ptr + step_GW, mask=exists_GW, other=0.0).to(tl.float32)
    previous_GW = tl.load(row_ptr + before_GW, mask=existed_GW, other=0.0).to(tl.float32)

    ordered_GW = u_GW
    if REVERSE:
        ordered_GW = _flip(u_GW, GROUPS, WIDTH)
        previous_GW = _flip(previous_GW, GROUPS, WIDTH)

    # An input is multiplied by the pole once for each step that is left in its group.
    weight_re_W, weight_im_W = _powers(
        step_re, step_im, WIDTH - 1 - index_W, 3 if WIDTH == 8 else 2
    )
    left_re_G = tl.reduce(previous_GW * weight_re_W[None, :], 1, _add)
    left_im_G = tl.reduce(previous_GW * weight_im_W[None, :], 1, _add)
    ones_G = tl.full((GROUPS,), 1.0, tl.float32)
    advance_re_G, advance_im_G, entry_re_G, entry_im_G = tl.associative_scan(
        (group_re * ones_G, group_im * ones_G, left_re_G, left_im_G), 0, _join
    )
    is_last_G = index_G == GROUPS - 1
    last_re = tl.reduce(tl.where(is_last_G, entry_re_G, 0.0), 0, _add)
    last_im = tl.reduce(tl.where(is_last_G, entry_im_G, 0.0), 0, _add)
    carry_re, carry_im = carry
    entry_re_G = entry_re_G + advance_re_G * carry_re - advance_im_G * carry_im
    entry_im_G = entry_im_G + advance_re_G * carry_im + advance_im_G * carry_re
    last_re = last_re + tile_re * carry_re - tile_im * carry_im
    last_im = last_im + tile_re * carry_im + tile_im * carry_re

    ones_GW = tl.full((GROUPS, WIDTH), 1.0, tl.float32)
    turn_re_GW, turn_im_GW, z_re_GW, z_im_GW = tl.associative_scan(
        (step_re * ones_GW, step_im * ones_GW, ordered_GW, 0.0 * ones_GW), 1, _join
    )
    entry_re_GW = entry_re_G[:, None]
    entry_im_GW = entry_im_G[:, None]
    z_re_GW = z_re_GW + turn_re_GW * entry_re_GW - turn_im_GW * entry_im_GW
    z_im_GW = z_im_GW + turn_re_GW * entry_im_GW + turn_im_GW * entry_re_GW
    if REVERSE:
        z_re_GW = _flip(z_re_GW, GROUPS, WIDTH)
        z_im_GW = _flip(z_im_GW, GROUPS, WIDTH)
    return step_GW, exists_GW, u_GW, (z_re_GW, z_im_GW), (last_re, last_im)


@triton.jit
def _forward_rows(
    coefficients_ptr,
    u_ptr,
    x_ptr,
    num_channels,
    batch_size,
    num_steps,
    rows_per_program,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
    REVERSE: tl.constexpr,
):
    """Run the rows of this program."""
    channel = tl.program_id(0)
    decay = tl.load(coefficients_ptr + channel)
    angle = tl.load(coefficients_ptr + num_channels + channel)
    gain = tl.load(coefficients_ptr + 2 * num_channels + channel)
    poles = _poles_of(decay, angle, GROUPS, WIDTH)
    cosine, sine = _cosine_and_sine(angle, 1)
    cotangent = cosine / sine
    first_row = tl.program_id(1) * rows_per_program
    num_tiles = (num_steps + GROUPS * WIDTH - 1) // (GROUPS * WIDTH)
    for row in range(first_row, tl.minimum(first_row + rows_per_program, batch_size)):
        start = (channel.to(tl.int64) * batch_size + row) * num_steps
        carry_re = 0.0 * gain
        carry_im = 0.0 * gain
        for tile in range(num_tiles):
            step_GW, exists_GW, _, z_GW, carry = _states(
                u_ptr + start, tile, num_steps, (carry_re, carry_im), poles, GROUPS, WIDTH, REVERSE
            )
            carry_re, carry_im = carry
            x_GW = gain * (z_GW[0] + cotangent * z_GW[1])
            x_GW = x_GW.to(x_ptr.dtype.element_ty)
            tl.store(x_ptr + start + step_GW, x_GW, mask=exists_GW)


@triton.jit
def forward_kernel(
    coefficients_ptr,
    u_ptr,
    x_ptr,
    num_channels,
    batch_size,
    num_steps,
    first_backward,
    rows_per_program,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write x; one launch for both directions of time."""
    if tl.program_id(0) < first_backward:
        _forward_rows(
            coefficients_ptr, u_ptr, x_ptr, num_channels, batch_size, num_steps, rows_per_program,
            GROUPS, WIDTH, False,
        )  # fmt: skip
    else:
        _forward_rows(
            coefficients_ptr, u_ptr, x_ptr, num_channels, batch_size, num_steps, rows_per_program,
            GROUPS, WIDTH, True,
        )  # fmt: skip


@triton.jit
def _chain(decay, cosine, sine, by_re, by_im):
    """Return the slopes by decay and angle, of the sums over the states of the adjoint."""
    # exp(decay) - 1 in a form that keeps its digits, and likewise 1 - cos(angle).
    series = decay * (1 + decay / 2 * (1 + decay / 3 * (1 + decay / 4 * (1 + decay / 5))))
    excess = tl.where(decay < 0.1, series, tl.exp(decay) - 1.0)
    growth = excess + 1.0
    half_tangent = tl.where(cosine > 0, sine / (1 + cosine), (1 - cosine) / sine)
    by_retain = growth * ((growth * half_tangent - excess / sine) * by_im + growth * by_re)
    by_restore = -growth * by_im / sine
    by_decay = (
        2 * (excess / growth - sine * half_tangent) * by_restore - 2 * by_retain / growth
    ) / growth
    by_angle = 2 * sine * by_restore / growth
    return by_decay, by_angle


@triton.jit
def _backward_rows(
    coefficients_ptr,
    grad_ptr,
    u_ptr,
    x_ptr,
    adjoint_ptr,
    slopes_ptr,
    num_channels,
    batch_size,
    num_steps,
    rows_per_program,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
    REVERSE: tl.constexpr,
):
    """Run the adjoint of this program's rows, and write its share of the slopes.

    With M the adjoint in the order in which it runs, D the gradient by x and z M's state, the
    sums of `ossamma.model.oscillation` are free of shifts, for M one and two steps earlier are

        M' = gain exp(decay) Im z / sin(angle)
        M' - M" = gain exp(decay) (Im z (1 - exp(decay) cos(angle)) / sin(angle)
                                   + exp(decay) (Re z - D))
    """
    channel = tl.program_id(0)
    decay = tl.load(coefficients_ptr + channel)
    angle = tl.load(coefficients_ptr + num_channels + channel)
    gain = tl.load(coefficients_ptr + 2 * num_channels + channel)
    poles = _poles_of(decay, angle, GROUPS, WIDTH)
    cosine, sine = _cosine_and_sine(angle, 1)
    cotangent = cosine / sine
    first_row = tl.program_id(1) * rows_per_program
    num_tiles = (num_steps + GROUPS * WIDTH - 1) // (GROUPS * WIDTH)
    by_u_G = tl.full((GROUPS,), 0.0, tl.float32)
    by_re_G = tl.full((GROUPS,), 0.0, tl.float32)
    by_im_G = tl.full((GROUPS,), 0.0, tl.float32)
    for row in range(first_row, tl.minimum(first_row + rows_per_program, batch_size)):
        start = (channel.to(tl.int64) * batch_size + row) * num_steps
        carry_re = 0.0 * gain
        carry_im = 0.0 * gain
        for tile in range(num_tiles):
            step_GW, exists_GW, grad_GW, z_GW, carry = _states(
                grad_ptr + start, tile, num_steps, (carry_re, carry_im), poles, GROUPS, WIDTH,
                REVERSE,
            )  # fmt: skip
            carry_re, carry_im = carry
            u_GW = tl.load(u_ptr + start + step_GW, mask=exists_GW, other=0.0).to(tl.float32)
            x_GW = tl.load(x_ptr + start + step_GW, mask=exists_GW, other=0.0).to(tl.float32)
            m_GW = z_GW[0] + cotangent * z_GW[1]
            by_u_G += tl.reduce(m_GW * u_GW, 1, _add)
            by_re_G += tl.reduce((z_GW[0] - grad_GW) * x_GW, 1, _add)
            by_im_G += tl.reduce(z_GW[1] * x_GW, 1, _add)
            adjoint_GW = (gain * m_GW).to(adjoint_ptr.dtype.element_ty)
            tl.store(adjoint_ptr + start + step_GW, adjoint_GW, mask=exists_GW)
    by_gain = tl.reduce(by_u_G, 0, _add)
    by_re = tl.reduce(by_re_G, 0, _add)
    by_im = tl.reduce(by_im_G, 0, _add)

    by_decay, by_angle = _chain(decay, cosine, sine, by_re, by_im)
    place = channel * tl.num_programs(1) + tl.program_id(1)
    stride = num_channels * tl.num_programs(1)
    tl.store(slopes_ptr + place, by_decay)
    tl.store(slopes_ptr + stride + place, by_angle)
    tl.store(slopes_ptr + 2 * stride + place, by_gain)


@triton.jit
def backward_kernel(
    coefficients_ptr,
    grad_ptr,
    u_ptr,
    x_ptr,
    adjoint_ptr,
    slopes_ptr,
    num_channels,
    batch_size,
    num_steps,
    first_backward,
    rows_per_program,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    """Write the adjoint and the slopes; each channel runs against its own direction of time."""
    if tl.program_id(0) < first_backward:
        _backward_rows(
            coefficients_ptr, grad_ptr, u_ptr, x_ptr, adjoint_ptr, slopes_ptr, num_channels,
            batch_size, num_steps, rows_per_program, GROUPS, WIDTH, True,
        )  # fmt: skip
    else:
        _backward_rows(
            coefficients_ptr, grad_ptr, u_ptr, x_ptr, adjoint_ptr, slopes_ptr, num_channels,
            batch_size, num_steps, rows_per_program, GROUPS, WIDTH, False,
        )  # fmt: skip

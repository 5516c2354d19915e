"""Damped oscillations on a GPU: the fused kernels as an operator that PyTorch can differentiate.

The operator is a `torch.library.custom_op` and not an `autograd.Function` around the kernels: for
`torch.compile` it is one opaque node with a known result, where tracing into the kernels would
fail in their interpreter, and its body, which is never traced, can import Triton when it first
runs. What the compiler loses is little: the neighbours are matrix products, which it would not
fuse with a recurrence either. `oscillate_recurrent` is the slow twin.

Triton is optional. It is imported on the first call, and only there.

Letters: B batch, T steps, N channels, P programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ossamma.model.installed_triton import TRITON_VERSION, release_of
from ossamma.model.oscillation_kernels import OscillatorCoefficients
from ossamma.schema.errors import ConfigurationError

STEPS_ALIGNED = 16
"""Rows of a multiple of these are read 16 bytes at a time; others are padded to one."""
LEAST_TRITON = (3, 6)
"""3.4 and 3.5 compile the kernels to narrow loads and shared memory, 3.3 not at all."""
_TYPES = (torch.bfloat16, torch.float16, torch.float32)
_BYTES_OF_A_LOAD = 16
_MOST_GROUPS = 64
"""Two per thread of a warp: a row of 512 steps of bfloat16 is one tile."""
_WANTED_PROGRAMS = 4096
"""About the number that an H100 holds at a time: 132 multiprocessors, up to 32 programs each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How the work is cut into programs, and a program's walk along time into tiles."""

    rows_per_program: int
    """Rows of one channel that share the preparation of its poles."""
    num_groups: int
    """Groups of steps in a tile, a power of two."""


def plan_launch(u_NBT: Tensor) -> Launch:
    """Return a launch with enough programs to fill a GPU, and tiles no longer than the rows.

    A kernel is compiled anew for each size of tile, so that these are few.
    """
    num_channels, batch_size, num_steps = u_NBT.shape
    num_needed = -(-num_steps // _group_width(u_NBT))
    return Launch(
        rows_per_program=min(max(num_channels * batch_size // _WANTED_PROGRAMS, 1), batch_size),
        num_groups=min(1 << (num_needed - 1).bit_length(), _MOST_GROUPS),
    )


def fused_can_run(device_type: str, dtype: torch.dtype) -> bool:
    """Whether the kernels run on such tensors here. On a CPU only their interpreter could."""
    return device_type == "cuda" and dtype in _TYPES and release_of(TRITON_VERSION) >= LEAST_TRITON


def oscillate_fused(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, *, reverse: bool = False
) -> Tensor:
    """Evaluate the recurrence by one kernel that reads u once and writes x once.

    See `ossamma.model.oscillation.oscillate_recurrent` for the arguments. Gradients exist once,
    not twice.

    Raises:
        ConfigurationError: There is no Triton, no GPU, or the input has a type that it cannot
            take; with TRITON_INTERPRET=1 set from the start a CPU will do.
    """
    u_NBT = u_BTN.permute(2, 0, 1)
    x_NBT = oscillate_both_ways(coefficients, u_NBT, 0 if reverse else len(u_NBT))
    return x_NBT.permute(1, 2, 0)


def oscillate_both_ways(
    coefficients: OscillatorCoefficients, u_NBT: Tensor, first_backward: int
) -> Tensor:
    """Return x_NBT from one launch for both directions of time; see `oscillate_fused`.

    Channels from `first_backward` on run from the last step to the first.
    """
    coefficients_3N = torch.stack(coefficients).to(torch.float32)
    num_steps = u_NBT.shape[-1]
    if missing := -num_steps % STEPS_ALIGNED:  # silence behind the end changes nothing before it
        u_NBT = functional.pad(u_NBT, (0, missing))
    x_NBT: Tensor = _oscillate(coefficients_3N, u_NBT, first_backward)
    return x_NBT[..., :num_steps]


@torch.library.custom_op("ossamma::oscillate", mutates_args=())
def _oscillate(coefficients_3N: Tensor, u_NBT: Tensor, first_backward: int) -> Tensor:
    """Return x_NBT, contiguous and of u's type."""
    return run_forward(coefficients_3N, u_NBT, first_backward)


@_oscillate.register_fake
def _(coefficients_3N: Tensor, u_NBT: Tensor, first_backward: int) -> Tensor:
    del coefficients_3N, first_backward
    return torch.empty_like(u_NBT, memory_format=torch.contiguous_format)


@torch.library.custom_op("ossamma::oscillate_backward", mutates_args=())
def _oscillate_backward(
    coefficients_3N: Tensor, grad_NBT: Tensor, u_NBT: Tensor, x_NBT: Tensor, first_backward: int
) -> tuple[Tensor, Tensor]:
    """Return the gradients by the coefficients and by u."""
    return run_backward(coefficients_3N, (grad_NBT, u_NBT, x_NBT), first_backward)


@_oscillate_backward.register_fake
def _(
    coefficients_3N: Tensor, grad_NBT: Tensor, u_NBT: Tensor, x_NBT: Tensor, first_backward: int
) -> tuple[Tensor, Tensor]:
    del grad_NBT, x_NBT, first_backward
    return (
        torch.empty_like(coefficients_3N, memory_format=torch.contiguous_format),
        torch.empty_like(u_NBT, memory_format=torch.contiguous_format),
    )


def _save(
    ctx: Any,  # noqa: ANN401 - autograd's own type lacks half of what it offers
    inputs: tuple[Tensor, Tensor, int],
    output: Tensor,
) -> None:
    coefficients_3N, u_NBT, ctx.first_backward = inputs
    ctx.save_for_backward(coefficients_3N, u_NBT, output)


def _differentiate(
    ctx: Any,  # noqa: ANN401
    grad_NBT: Tensor,
) -> tuple[Tensor, Tensor, None]:
    coefficients_3N, u_NBT, x_NBT = ctx.saved_tensors
    slopes_3N, adjoint_NBT = _oscillate_backward(
        coefficients_3N, grad_NBT, u_NBT, x_NBT, ctx.first_backward
    )
    return slopes_3N, adjoint_NBT, None


_oscillate.register_autograd(_differentiate, setup_context=_save)


def run_forward(
    coefficients_3N: Tensor, u_NBT: Tensor, first_backward: int, *, launch: Launch | None = None
) -> Tensor:
    """Launch the forward kernel and return x_NBT.

    Args:
        coefficients_3N: Decay, angle and gain in float32.
        u_NBT: Rows of any length; only an aligned one is fast.
        first_backward: From 0 (all channels run backwards) to N (none does).
        launch: By default that of `plan_launch`; the tests try others.
    """
    kernels = _kernels(u_NBT)
    u_NBT = u_NBT.contiguous()
    x_NBT = torch.empty_like(u_NBT)
    if u_NBT.numel():
        launch = launch or plan_launch(u_NBT)
        num_programs = -(-u_NBT.shape[1] // launch.rows_per_program)
        with torch.cuda.device_of(u_NBT):
            kernels.forward_kernel[len(u_NBT), num_programs](
                coefficients_3N.contiguous(), u_NBT, x_NBT, *u_NBT.shape, first_backward,
                launch.rows_per_program, GROUPS=launch.num_groups, WIDTH=_group_width(u_NBT),
                num_warps=1,
            )  # fmt: skip
    return x_NBT


def run_backward(
    coefficients_3N: Tensor,
    tensors: tuple[Tensor, Tensor, Tensor],
    first_backward: int,
    *,
    launch: Launch | None = None,
) -> tuple[Tensor, Tensor]:
    """Launch the backward kernel; return the gradients by the coefficients and by u.

    Args:
        coefficients_3N: As in `run_forward`.
        tensors: The gradient by x, the input u and the output x, of one type.
        first_backward: As in `run_forward`; the adjoint runs the opposite way.
        launch: As in `run_forward`.
    """
    kernels = _kernels(tensors[1])
    grad_NBT, u_NBT, x_NBT = (part.contiguous() for part in tensors)
    adjoint_NBT = torch.empty_like(u_NBT)
    if not u_NBT.numel():
        return torch.zeros_like(coefficients_3N), adjoint_NBT
    launch = launch or plan_launch(u_NBT)
    num_programs = -(-u_NBT.shape[1] // launch.rows_per_program)
    slopes_3NP = coefficients_3N.new_empty(*coefficients_3N.shape, num_programs)
    with torch.cuda.device_of(u_NBT):
        kernels.backward_kernel[len(u_NBT), num_programs](
            coefficients_3N.contiguous(), grad_NBT, u_NBT, x_NBT, adjoint_NBT, slopes_3NP,
            *u_NBT.shape, first_backward, launch.rows_per_program,
            GROUPS=launch.num_groups, WIDTH=_group_width(u_NBT), num_warps=1,
        )  # fmt: skip
    return slopes_3NP.sum(-1), adjoint_NBT


def _kernels(u_NBT: Tensor) -> ModuleType:
    """Return the module of the kernels, or say why it cannot serve this input."""
    advice = "; set oscillator_mode to 'auto'"
    if release_of(TRITON_VERSION) < LEAST_TRITON:
        raise ConfigurationError(
            f"oscillator_mode 'triton' needs the package triton {'.'.join(map(str, LEAST_TRITON))} "
            f"or later, found {TRITON_VERSION or 'none'}{advice}"
        )
    if u_NBT.dtype not in _TYPES:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in _TYPES)
        raise ConfigurationError(
            f"oscillator_mode 'triton' takes {names}, got {u_NBT.dtype}{advice}"
        )
    kernels = import_module("ossamma.model.oscillation_triton")
    if not (u_NBT.is_cuda or kernels.INTERPRETED):
        raise ConfigurationError(
            f"oscillator_mode 'triton' needs a tensor on a CUDA device, got one on "
            f"{u_NBT.device}{advice}"
        )
    return kernels


def _group_width(u_NBT: Tensor) -> int:
    """Return the number of steps that a thread loads at once."""
    return _BYTES_OF_A_LOAD // u_NBT.element_size()

"""DLinOSS: a layer of learned damped oscillators, stable whatever the optimiser does to it.

Letters: B batch, T steps, D hidden size, N oscillators.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import torch
from torch import Tensor, nn

from ossamma.model.oscillation import (
    OscillatorState,
    oscillate_chunked,
    oscillate_fft,
    oscillate_recurrent,
    rest_state,
    stream_oscillation,
)
from ossamma.model.oscillation_fused import fused_can_run, oscillate_both_ways, oscillate_fused
from ossamma.model.oscillation_kernels import OscillatorCoefficients
from ossamma.schema.errors import ConfigurationError

Direction: TypeAlias = Literal["bidirectional", "forward"]
Mode: TypeAlias = Literal["auto", "recurrent", "chunked", "fft", "triton"]

DECAY_RANGE = (1e-4, 2.0)
"""Bounds of -log r: the pole's radius r stays within [0.135, 0.9999]."""
ANGLE_MARGIN = 1e-3
"""The angle stays within [margin, pi - margin] radians a step: a period of 2 to 6,283 steps."""
STEP_RANGE = (1e-3, 1.0)
"""Bounds of dt."""
_LEAST_SHARE = math.sin(ANGLE_MARGIN / 2) ** 2
"""Least value of sin^2(angle / 2) and of cos^2(angle / 2)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OscillatorSettings:
    """What a DLinOSS layer is made of and where its oscillators start."""

    hidden_size: int
    """Width D of input and output."""
    num_oscillators: int
    """Number N of oscillators; even if the layer is bidirectional."""
    direction: Direction = "bidirectional"
    """Bidirectional: the second half of the oscillators run from the last token to the first."""
    min_frequency: float = 0.1
    """Least initial stiffness k."""
    max_frequency: float = 10.0
    """Greatest initial stiffness k; those between are spaced evenly on a log scale."""
    dt: float = 0.1
    """Initial time step."""
    damping: float = 0.01
    """Initial friction c."""
    mode: Mode = "auto"
    """How to evaluate the recurrence; auto asks `choose_mode`. Triton runs on a GPU only."""

    def __post_init__(self) -> None:
        if self.hidden_size < 1 or self.num_oscillators < 1:
            raise ConfigurationError(
                f"hidden_size and num_oscillators must be at least 1, got {self.hidden_size} "
                f"and {self.num_oscillators}"
            )
        for name, value, known in (
            ("direction", self.direction, get_args(Direction)),
            ("mode", self.mode, get_args(Mode)),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} must be one of {known}, got {value!r}")
        if self.direction == "bidirectional" and self.num_oscillators % 2:
            raise ConfigurationError(
                f"a bidirectional layer needs an even num_oscillators, got {self.num_oscillators}"
            )
        if not 0.0 < self.min_frequency <= self.max_frequency:
            raise ConfigurationError(
                f"frequencies must satisfy 0 < min_frequency <= max_frequency, got "
                f"{self.min_frequency} and {self.max_frequency}"
            )
        self._check_oscillation()

    def _check_oscillation(self) -> None:
        """Refuse initial values outside what the free parameters can reach."""
        if not STEP_RANGE[0] < self.dt < STEP_RANGE[1]:
            raise ConfigurationError(f"dt must lie inside {STEP_RANGE}, got {self.dt}")
        decay = math.log1p(self.dt * self.damping) / 2 if self.damping > 0.0 else 0.0
        if not DECAY_RANGE[0] < decay < DECAY_RANGE[1]:
            low, high = (math.expm1(2 * bound) / self.dt for bound in DECAY_RANGE)
            raise ConfigurationError(
                f"with dt = {self.dt} damping must lie inside ({low:.3g}, {high:.3g}), "
                f"got {self.damping}"
            )
        low, high = (
            (4 * math.exp(-decay) * sine**2 + math.expm1(-decay) ** 2)
            * math.exp(2 * decay)
            / self.dt**2
            for sine in (math.sin(ANGLE_MARGIN / 2), math.cos(ANGLE_MARGIN / 2))
        )
        if not low < self.min_frequency <= self.max_frequency < high:
            raise ConfigurationError(
                f"with dt = {self.dt} and damping = {self.damping} the oscillators only oscillate "
                f"at frequencies inside ({low:.3g}, {high:.3g}), got {self.min_frequency} to "
                f"{self.max_frequency}"
            )


def choose_mode(device_type: str, dtype: torch.dtype, length: int) -> Mode:
    """Return the fastest way to evaluate rows of `length` steps.

    Best times in ms of forward and backward, N = 384, B = 8, float32, on a CPU with AVX-512:

        T                    1     8    32   128   512  2048  8192
        recurrent         0.17  0.49  1.63  9.02  46.4   221
        fft               0.35  0.64  1.32  5.71  26.2   277  1331
        chunked           0.32  0.52  1.04  2.31   9.4    35   367

    That is CPU time of one thread. With two threads, by the clock of a machine that had other
    work to do, the order was the same: 0.51, 0.82, 0.54 at T = 8 and 56, 59, 14 at T = 512. With
    bfloat16 input all take up to a fifth more, and no order changes.

    On a GPU the fused kernel is taken wherever it runs, by its count of bytes and launches and not
    yet by a clock: `benchmarks/oscillator_gpu.py` holds it against the others and its floor.
    """
    if fused_can_run(device_type, dtype):
        return "triton"
    return "recurrent" if length < 8 else "chunked"


def oscillate(
    coefficients: OscillatorCoefficients, u_BTN: Tensor, *, mode: Mode, reverse: bool = False
) -> Tensor:
    """Evaluate the recurrence by the named mode; see `oscillate_recurrent` for the arguments."""
    if mode == "auto":
        mode = choose_mode(u_BTN.device.type, u_BTN.dtype, u_BTN.shape[1])
    evaluate = {
        "recurrent": oscillate_recurrent,
        "chunked": oscillate_chunked,
        "fft": oscillate_fft,
        "triton": oscillate_fused,
    }[mode]
    return evaluate(coefficients, u_BTN, reverse=reverse)


class PhysicalParameters(NamedTuple):
    """The oscillators in the terms of x'' + damping x' + stiffness x = u."""

    stiffness_N: Tensor
    """k, per unit of time squared."""
    damping_N: Tensor
    """c, per unit of time."""
    step_N: Tensor
    """dt, the time from one token to the next."""


class DLinOSS(nn.Module):
    """Drive damped oscillators with W_B x, read their positions with W_C: y = W_C (h * W_B x).

    After Rusch and Rus, "Oscillatory State-Space Models" (2025), with damping and the velocity
    taken implicitly. Three free numbers per oscillator pass through bounded maps:

        decay = -log r  in DECAY_RANGE,   angle  in [margin, pi - margin],   dt  in STEP_RANGE

        s = r^2,   dt^2 k s = (1 - r)^2 + 4 r sin^2(angle / 2),   c = (1 / s - 1) / dt

    so that every value they can take, however extreme, is a stable oscillation: with |u| <= 1 no
    position exceeds `position_bound`. See `ossamma.model.oscillation` for the recurrence.
    """

    def __init__(self, settings: OscillatorSettings) -> None:
        super().__init__()
        self.settings = settings
        num_oscillators = settings.num_oscillators
        self.drive = nn.Linear(settings.hidden_size, num_oscillators, bias=False)
        self.readout = nn.Linear(num_oscillators, settings.hidden_size, bias=False)
        self.free_decay_N = nn.Parameter(torch.empty(num_oscillators))
        self.free_angle_N = nn.Parameter(torch.empty(num_oscillators))
        self.free_step_N = nn.Parameter(torch.empty(num_oscillators))
        self.runs_backwards = (False, True) if settings.direction == "bidirectional" else (False,)
        self.reset_oscillators()

    def reset_oscillators(self) -> None:
        """Set the oscillators to the initial values of the settings; W_B and W_C stay."""
        settings = self.settings
        decay = math.log1p(settings.dt * settings.damping) / 2
        stiffness_N = torch.logspace(
            math.log10(settings.min_frequency),
            math.log10(settings.max_frequency),
            settings.num_oscillators // len(self.runs_backwards),
            dtype=torch.float64,
        ).repeat(len(self.runs_backwards))
        pull_N = settings.dt**2 * math.exp(-2 * decay) * stiffness_N - math.expm1(-decay) ** 2
        share_N = (pull_N / (4 * math.exp(-decay)) - _LEAST_SHARE) / (1 - 2 * _LEAST_SHARE)
        with torch.no_grad():
            self.free_decay_N.fill_(_log_logit(decay, DECAY_RANGE))
            self.free_step_N.fill_(_log_logit(settings.dt, STEP_RANGE))
            self.free_angle_N.copy_(torch.logit(share_N))

    def coefficients(self) -> OscillatorCoefficients:
        """Return the recurrence's coefficients, in float32 at least."""
        decay_N = _log_sigmoid(self.free_decay_N, DECAY_RANGE)
        step_N = _log_sigmoid(self.free_step_N, STEP_RANGE)
        free_N = _at_least_float32(self.free_angle_N)
        # sin^2 and cos^2 of half the angle; each from its own sigmoid, exact at both ends.
        sine_N = (_LEAST_SHARE + (1 - 2 * _LEAST_SHARE) * torch.sigmoid(free_N)).sqrt()
        cosine_N = (_LEAST_SHARE + (1 - 2 * _LEAST_SHARE) * torch.sigmoid(-free_N)).sqrt()
        angle_N = 2 * torch.atan2(sine_N, cosine_N)
        return OscillatorCoefficients(decay_N, angle_N, step_N**2 * torch.exp(-2 * decay_N))

    def physical(self) -> PhysicalParameters:
        """Return stiffness, friction and time step, for inspection."""
        decay_N, angle_N, _ = self.coefficients()
        step_N = _log_sigmoid(self.free_step_N, STEP_RANGE)
        pull_N = torch.expm1(-decay_N) ** 2 + 4 * torch.exp(-decay_N) * torch.sin(angle_N / 2) ** 2
        stiffness_N = pull_N * torch.exp(2 * decay_N) / step_N**2
        return PhysicalParameters(stiffness_N, torch.expm1(2 * decay_N) / step_N, step_N)

    def position_bound(self) -> Tensor:
        """Return dt^2 s / (sin(angle) (1 - r)) per oscillator, which sum |h[n]| cannot exceed."""
        decay_N, angle_N, gain_N = self.coefficients()
        return gain_N / (torch.sin(angle_N) * -torch.expm1(-decay_N))

    def forward(self, x_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """Filter each sequence; positions where the mask is False count as silence.

        Args:
            x_BTD: Finite everywhere, padding included.
            mask_BT: True at real tokens.

        Returns:
            y_BTD, zero at padding.
        """
        mask_BT1 = mask_BT.unsqueeze(-1)
        return self._read(self._positions(self._drive(x_BTD * mask_BT1))) * mask_BT1

    def _positions(self, u_NBT: Tensor) -> Tensor:
        """Run every oscillator in its direction."""
        mode = self.settings.mode
        if mode == "auto":
            mode = choose_mode(u_NBT.device.type, u_NBT.dtype, u_NBT.shape[-1])
        coefficients = self.coefficients()
        share = len(u_NBT) // len(self.runs_backwards)
        if mode == "triton":  # one launch for both directions, and nothing to put together
            return oscillate_both_ways(coefficients, u_NBT, first_backward=share)
        # split, not slices: the gradient of a slice fills the whole tensor with zeros.
        each_share = zip(
            *(c_N.split(share) for c_N in coefficients),
            u_NBT.split(share),
            self.runs_backwards,
            strict=True,
        )
        positions = [
            oscillate(
                OscillatorCoefficients(*c_N), u.permute(1, 2, 0), mode=mode, reverse=reverse
            ).permute(2, 0, 1)
            for *c_N, u, reverse in each_share
        ]
        return torch.cat(positions)

    def initial_state(self, batch_size: int) -> OscillatorState:
        """Return the state in which nothing was heard yet, for `stream`."""
        return rest_state(self.coefficients(), batch_size)

    def stream(self, x_BTD: Tensor, state: OscillatorState) -> tuple[Tensor, OscillatorState]:
        """Continue sequences from `state`: the same outputs as one `forward` over the whole.

        Raises:
            ConfigurationError: The layer is bidirectional, so its answer depends on the future.
        """
        if self.settings.direction != "forward":
            raise ConfigurationError(
                f"streaming needs direction='forward', got {self.settings.direction!r}"
            )
        u_BTN = self._drive(x_BTD).permute(1, 2, 0)
        h_BTN, state = stream_oscillation(self.coefficients(), u_BTN, state)
        return self._read(h_BTN.permute(2, 0, 1)), state

    def _drive(self, x_BTD: Tensor) -> Tensor:
        """Return W_B x with the channels first.

        The product itself writes the order that the fast modes read; the order of a Linear would
        cost a transposing copy each way.
        """
        batch_size, num_steps, hidden_size = x_BTD.shape
        u_NM = torch.mm(self.drive.weight, x_BTD.reshape(-1, hidden_size).t())
        return u_NM.view(-1, batch_size, num_steps)

    def _read(self, h_NBT: Tensor) -> Tensor:
        """Return W_C h with the channels last."""
        y_MD: Tensor = self.readout(h_NBT.reshape(len(h_NBT), -1).t())
        return y_MD.view(*h_NBT.shape[1:], -1)


def _log_sigmoid(free_N: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Map any number into the bounds, evenly on a log scale around the middle."""
    low, high = bounds
    return low * torch.exp(math.log(high / low) * torch.sigmoid(_at_least_float32(free_N)))


def _log_logit(value: float, bounds: tuple[float, float]) -> float:
    """Return the free number that `_log_sigmoid` maps to `value`."""
    low, high = bounds
    share = math.log(value / low) / math.log(high / low)
    return math.log(share / (1 - share))


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))

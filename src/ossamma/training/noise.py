"""Masked (absorbing-state) diffusion: how much is hidden, when, and what the loss weighs.

A text is hidden piece by piece: at time t in (0, 1] each piece is masked with probability m(t),
independently. A model that names masked pieces from the rest then bounds the likelihood of the
text from below (Sahoo et al. 2024, "Simple and effective masked diffusion language models"; Shi et
al. 2024, "Simplified and generalized masked diffusion"):

    -log p(x) <= E_t [ m'(t) / m(t) * sum over masked i of -log p(x_i | rest, t) ]

Since m'(t) dt = dm, the bound is an integral over the mask rate m alone, whatever the schedule:

    -log p(x) <= integral over m in (0, 1] of 1/m * E[ sum over masked i of -log p(x_i | rest) ]

So everything here is a distribution of mask rates with cumulative distribution F: a rate m is
drawn, and weighs 1 / (m F'(m)). A schedule says which time belongs to a rate, and is the uniform
draw of time. With `num_timesteps` = N the time is one of 1/N ... 1, and the integral a sum with
steps m_k - m_(k-1), which is a bound again, slightly looser.

B rows, T pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ossamma.schema.errors import ConfigurationError

NoiseSchedule = Literal["cosine", "linear"]
TimeSampling = Literal["uniform", "bell"]

_SQRT_2_PI = math.sqrt(2.0 * math.pi)
_SMALLEST_RATE = 1e-6  # below it nothing is masked in any text; keeps 1/m finite


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseSettings:
    """How mask rates are drawn."""

    schedule: NoiseSchedule = "cosine"
    """m(t): cosine is 1 - cos(pi t / 2), linear is t."""
    num_timesteps: int = 1000
    """Number of discrete times; 0 for continuous time."""
    mask_ratio_min: float = 0.0
    """Smallest mask rate. Above 0 the loss no longer bounds the likelihood."""
    mask_ratio_max: float = 1.0
    """Largest mask rate. Below 1 the loss no longer bounds the likelihood."""
    time_sampling: TimeSampling = "uniform"
    """Draw the time uniformly, or so that most mask rates lie around `bell_centre`."""
    bell_centre: float = 0.38
    """Median mask rate of the bell."""
    bell_width: float = 0.6
    """Standard deviation of the bell, in log-odds of the mask rate."""
    bell_floor: float = 0.1
    """Share of the rates that is drawn uniformly beside the bell: it bounds the weights."""

    def __post_init__(self) -> None:
        low, high = self.mask_ratio_min, self.mask_ratio_max
        for name, fits, expected in (
            ("schedule", self.schedule in get_args(NoiseSchedule), "cosine or linear"),
            ("time_sampling", self.time_sampling in get_args(TimeSampling), "uniform or bell"),
            ("num_timesteps", self.num_timesteps >= 0, "0 or more"),
            ("mask_ratio_min", 0.0 <= low < high, "in [0, mask_ratio_max)"),
            ("mask_ratio_max", high <= 1.0, "at most 1"),
            ("bell_centre", 0.0 < self.bell_centre < 1.0, "in (0, 1)"),
            ("bell_width", 0.0 < self.bell_width < math.inf, "above 0 and finite"),
            ("bell_floor", 0.0 < self.bell_floor <= 1.0, "in (0, 1]"),
        ):
            if not fits:
                value = getattr(self, name)
                raise ConfigurationError(f"{name} must be {expected}, got {value!r}")

    @property
    def is_bound(self) -> bool:
        """Whether the weighted loss bounds the negative log-likelihood: no rate is left out."""
        return self.mask_ratio_min == 0.0 and self.mask_ratio_max == 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Times, mask rates and loss weights of a batch's rows, float64."""

    time_B: Tensor
    rate_B: Tensor
    weight_B: Tensor


def mask_rate(time: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Return m(t), rising from 0 at t = 0 to 1 at t = 1."""
    return time if schedule == "linear" else 1.0 - torch.cos(0.5 * math.pi * time)


def time_of_rate(rate: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Return t with m(t) = rate: the inverse of `mask_rate`."""
    return rate if schedule == "linear" else torch.acos(1.0 - rate) * (2.0 / math.pi)


def draw_noise(position_B: Tensor, settings: NoiseSettings) -> Noise:
    """Turn uniform numbers into times, mask rates and weights.

    Args:
        position_B: numbers in [0, 1), such as those of `stratified`; equal ones give equal noise.
        settings: the distribution.
    """
    position_B = position_B.double()
    low, high = (
        float(_cumulative(position_B.new_tensor(edge), settings))
        for edge in (settings.mask_ratio_min, settings.mask_ratio_max)
    )
    rate_B = _quantile(low + (high - low) * position_B, settings)
    rate_B = rate_B.clamp(max(settings.mask_ratio_min, _SMALLEST_RATE), settings.mask_ratio_max)
    if settings.num_timesteps:
        return _discrete(rate_B, high - low, settings)
    density_B = _density(rate_B, settings) / (high - low)
    return Noise(time_of_rate(rate_B, settings.schedule), rate_B, 1.0 / (rate_B * density_B))


def stratified(num_rows: int, generator: torch.Generator) -> Tensor:
    """Return (B,) uniform numbers, one in each of B equal parts of [0, 1), in random order.

    A batch then covers the whole range of mask rates, which takes most of the variance out of the
    loss (Kingma et al. 2021, "Variational diffusion models", use one shared offset likewise).
    """
    part_B = torch.randperm(num_rows, generator=generator).double()
    inside_B = torch.rand(num_rows, generator=generator, dtype=torch.float64)
    return (part_B + inside_B) / num_rows


def noise_at(rate: float, num_rows: int, settings: NoiseSettings) -> Noise:
    """Return noise of one rate for all rows, with weight 1; discrete times are rounded up."""
    time = time_of_rate(torch.tensor(rate, dtype=torch.float64), settings.schedule)
    if settings.num_timesteps:
        time = torch.ceil(time * settings.num_timesteps) / settings.num_timesteps
    time_B = time.expand(num_rows)
    return Noise(time_B, mask_rate(time_B, settings.schedule), torch.ones_like(time_B))


def _discrete(rate_B: Tensor, kept: float, settings: NoiseSettings) -> Noise:
    """Round times up to the grid; the weight is the step of m over its probability and m."""
    num = settings.num_timesteps
    index_B = torch.ceil(time_of_rate(rate_B, settings.schedule) * num).clamp(1, num)
    time_B = index_B / num
    # Where rates are cut off, the outermost steps are only partly there.
    above_B = mask_rate(time_B, settings.schedule).clamp(max=settings.mask_ratio_max)
    below_B = mask_rate((index_B - 1) / num, settings.schedule).clamp(min=settings.mask_ratio_min)
    chance_B = (_cumulative(above_B, settings) - _cumulative(below_B, settings)) / kept
    return Noise(time_B, above_B, (above_B - below_B) / (above_B * chance_B))


def _cumulative(rate: Tensor, settings: NoiseSettings) -> Tensor:
    """F: the probability of a mask rate up to this one, before any is cut off."""
    if settings.time_sampling == "uniform":
        return time_of_rate(rate, settings.schedule)
    floor = settings.bell_floor
    bell: Tensor = torch.special.ndtr(_standard(rate, settings))
    return floor * rate + (1.0 - floor) * bell


def _density(rate: Tensor, settings: NoiseSettings) -> Tensor:
    """F'."""
    if settings.time_sampling == "uniform":
        if settings.schedule == "linear":
            return torch.ones_like(rate)
        # d/dm of (2 / pi) acos(1 - m)
        return (2.0 / math.pi) / torch.sqrt(rate * (2.0 - rate))
    bell = torch.exp(-0.5 * _standard(rate, settings) ** 2) / _SQRT_2_PI
    # The log-odds have the derivative 1 / (m (1 - m)); at m = 1 the bell itself has vanished.
    slope = settings.bell_width * rate * (1.0 - rate)
    bell = torch.where(slope > 0.0, bell / slope.clamp_min(1e-300), torch.zeros_like(rate))
    return settings.bell_floor + (1.0 - settings.bell_floor) * bell


def _quantile(position: Tensor, settings: NoiseSettings) -> Tensor:
    """The inverse of F: closed for the uniform draw, by bisection for the mixture."""
    if settings.time_sampling == "uniform":
        return mask_rate(position, settings.schedule)
    low, high = torch.zeros_like(position), torch.ones_like(position)
    for _ in range(60):  # to the last bit of a float64
        middle = 0.5 * (low + high)
        is_below = _cumulative(middle, settings) < position
        low, high = torch.where(is_below, middle, low), torch.where(is_below, high, middle)
    return 0.5 * (low + high)


def _standard(rate: Tensor, settings: NoiseSettings) -> Tensor:
    """Log-odds of the rate, in standard deviations from the centre of the bell."""
    centre = math.log(settings.bell_centre / (1.0 - settings.bell_centre))
    return (torch.logit(rate) - centre) / settings.bell_width

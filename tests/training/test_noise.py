"""Laws of masked diffusion: mask rates, weights, and the bound against an exact likelihood."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError
from ossamma.training.noise import (
    NoiseSettings,
    draw_noise,
    mask_rate,
    noise_at,
    stratified,
    time_of_rate,
)

SETTINGS = [
    NoiseSettings(schedule=schedule, num_timesteps=steps, time_sampling=sampling)
    for schedule in ("cosine", "linear")
    for steps in (0, 50, 1000)
    for sampling in ("uniform", "bell")
]
CONTINUOUS = [settings for settings in SETTINGS if not settings.num_timesteps]


def fine_grid(num: int) -> torch.Tensor:
    """The middles of many equal parts of [0, 1): a mean over them is an integral."""
    return (torch.arange(num, dtype=torch.float64) + 0.5) / num


class Toy:
    """A distribution over words of three letters, with every conditional known exactly."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.joint = torch.rand(2, 3, 2, generator=generator, dtype=torch.float64) ** 3
        self.joint /= self.joint.sum()

    def hidden_nll(self, word: tuple[int, ...], hidden: tuple[int, ...]) -> float:
        """Sum over the hidden letters of -log p(letter | the letters in sight)."""
        total = 0.0
        for place in hidden:
            others = [i for i in hidden if i != place]
            seen = self.joint.sum(dim=others, keepdim=True) if others else self.joint
            index = tuple(0 if i in others else word[i] for i in range(3))
            row = seen[tuple(slice(None) if i == place else index[i] for i in range(3))]
            total -= math.log(float(row[word[place]] / row.sum()))
        return total

    def bound(self, word: tuple[int, ...], settings: NoiseSettings) -> float:
        """The bound for a word: the integral over noise, with all sets of hidden letters."""
        noise = draw_noise(fine_grid(20_000), settings)
        total = 0.0
        for size in (1, 2, 3):
            chance = noise.rate_B**size * (1.0 - noise.rate_B) ** (3 - size)
            share = float((noise.weight_B * chance).mean())
            for hidden in itertools.combinations(range(3), size):
                total += share * self.hidden_nll(word, hidden)
        return total


WORDS = list(itertools.product(range(2), range(3), range(2)))


@pytest.mark.parametrize("settings", CONTINUOUS, ids=str)
def test_with_exact_conditionals_the_continuous_bound_is_the_likelihood(
    settings: NoiseSettings,
) -> None:
    # With exact conditionals every order of revealing gives the exact likelihood.
    toy = Toy()
    for word in WORDS:
        assert toy.bound(word, settings) == pytest.approx(-math.log(toy.joint[word]), rel=2e-3)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("sampling", ["uniform", "bell"])
def test_discrete_time_gives_a_looser_bound_that_tightens(schedule: str, sampling: str) -> None:
    # Revealing several letters at once pays their dependence: on the average over words the
    # discrete bound is above the likelihood, the more so the fewer steps there are.
    toy = Toy()
    kind = {"schedule": schedule, "time_sampling": sampling}
    means = [
        sum(
            float(toy.joint[word]) * toy.bound(word, NoiseSettings(num_timesteps=steps, **kind))  # type: ignore[arg-type]
            for word in WORDS
        )
        for steps in (2, 10, 200)
    ]
    entropy = float(-(toy.joint * toy.joint.log()).sum())
    assert means[0] > means[1] > means[2] > entropy * (1 - 1e-6)
    assert means[2] == pytest.approx(entropy, rel=0.02)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_weights_turn_every_draw_into_the_same_integral(settings: NoiseSettings) -> None:
    # weight * rate is the density of the mask rate against dm: its mean is the length of (0, 1].
    noise = draw_noise(fine_grid(50_000), settings)
    assert float((noise.weight_B * noise.rate_B).mean()) == pytest.approx(1.0, rel=2e-3)
    # and the mean of weight * rate^2 is the integral of m, up to the steps of discrete time
    mean = float((noise.weight_B * noise.rate_B**2).mean())
    assert mean == pytest.approx(0.5, rel=2e-3 + 2.0 / (settings.num_timesteps or 1e9))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_time_and_rate_belong_together(settings: NoiseSettings) -> None:
    noise = draw_noise(fine_grid(999), settings)
    torch.testing.assert_close(mask_rate(noise.time_B, settings.schedule), noise.rate_B)
    assert float(noise.time_B.min()) > 0.0
    assert float(noise.time_B.max()) <= 1.0
    if settings.num_timesteps:
        index = noise.time_B * settings.num_timesteps
        torch.testing.assert_close(index, index.round())


@given(time=st.floats(0.0, 1.0), schedule=st.sampled_from(["cosine", "linear"]))
def test_time_of_rate_inverts_mask_rate(time: float, schedule: str) -> None:
    there = torch.tensor(time, dtype=torch.float64)
    back = time_of_rate(mask_rate(there, schedule), schedule)  # type: ignore[arg-type]
    assert float(back) == pytest.approx(time, abs=1e-7)


def test_the_cosine_weight_is_the_one_of_the_paper() -> None:
    # Uniform continuous time: m'(t) / m(t).
    noise = draw_noise(fine_grid(101), NoiseSettings(num_timesteps=0))
    half_pi = math.pi / 2
    expected = half_pi * torch.sin(half_pi * noise.time_B) / (1 - torch.cos(half_pi * noise.time_B))
    torch.testing.assert_close(noise.weight_B, expected, rtol=1e-6, atol=0.0)


def test_the_bell_puts_most_rates_between_a_fifth_and_three_fifths() -> None:
    noise = draw_noise(fine_grid(10_000), NoiseSettings(time_sampling="bell"))
    inside = (noise.rate_B > 0.2) & (noise.rate_B < 0.6)
    assert float(inside.double().mean()) > 0.7
    # The uniform floor bounds the weight: at most 1 / (m * floor), with room for the grid.
    assert float((noise.weight_B * noise.rate_B).max()) < 1.3 / 0.1


@given(low=st.floats(0.0, 0.6), width=st.floats(0.05, 0.4), steps=st.sampled_from([0, 37]))
def test_a_cut_range_keeps_its_rates_and_its_share_of_the_integral(
    low: float, width: float, steps: int
) -> None:
    settings = NoiseSettings(mask_ratio_min=low, mask_ratio_max=low + width, num_timesteps=steps)
    noise = draw_noise(fine_grid(20_000), settings)
    assert float(noise.rate_B.min()) >= low
    assert float(noise.rate_B.max()) <= low + width
    share = float((noise.weight_B * noise.rate_B).mean())
    assert share == pytest.approx(width, rel=0.02, abs=2e-3)
    assert not settings.is_bound


@pytest.mark.parametrize("num_rows", [1, 2, 7, 64])
def test_stratified_numbers_cover_every_part_once(num_rows: int) -> None:
    numbers = stratified(num_rows, torch.Generator().manual_seed(num_rows))
    parts = sorted((numbers * num_rows).floor().int().tolist())
    assert parts == list(range(num_rows))


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_noise_of_one_rate_is_that_of_its_time(settings: NoiseSettings) -> None:
    noise = noise_at(0.15, 3, settings)
    torch.testing.assert_close(mask_rate(noise.time_B, settings.schedule), noise.rate_B)
    step = 2.0 / settings.num_timesteps if settings.num_timesteps else 1e-9
    assert ((noise.rate_B >= 0.15 - 1e-12) & (noise.rate_B < 0.15 + step)).all()
    assert noise.weight_B.tolist() == [1.0] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "square"},
        {"time_sampling": "early"},
        {"num_timesteps": -1},
        {"mask_ratio_min": 0.5, "mask_ratio_max": 0.5},
        {"mask_ratio_max": 1.5},
        {"bell_floor": 0.0},
        {"bell_width": 0.0},
        {"bell_centre": 1.0},
    ],
)
def test_impossible_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        NoiseSettings(**wrong)  # type: ignore[arg-type]

"""The oscillator layer: stable whatever its parameters, blind to padding, even-handed in time."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.model.oscillation import oscillate_chunked
from ossamma.model.oscillator import (
    ANGLE_MARGIN,
    DECAY_RANGE,
    DLinOSS,
    OscillatorSettings,
    choose_mode,
    oscillate,
)
from ossamma.schema.errors import ConfigurationError

MODES = ["recurrent", "chunked", "fft"]
DIRECTIONS = ["bidirectional", "forward"]


def make_layer(seed=0, scatter=0.0, **settings_):
    """A layer with seeded weights, its free parameters moved at random by `scatter`."""
    layer = DLinOSS(OscillatorSettings(**{"hidden_size": 6, "num_oscillators": 8, **settings_}))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in (layer.drive.weight, layer.readout.weight):
            weight.copy_(0.4 * torch.randn(weight.shape, generator=generator))
        for free in (layer.free_decay_N, layer.free_angle_N, layer.free_step_N):
            free.add_(scatter * torch.randn(free.shape, generator=generator))
    return layer


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mask_of(lengths, num_steps):
    return torch.arange(num_steps) < torch.tensor(lengths)[:, None]


def relative_gap(result, reference):
    return float((result - reference).detach().abs().max() / reference.detach().abs().max())


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_oscillators_start_at_the_settings_exactly(direction):
    layer = make_layer(num_oscillators=64, direction=direction)
    stiffness_N, damping_N, step_N = layer.physical()
    expected = torch.logspace(-1, 1, 32 if direction == "bidirectional" else 64)
    if direction == "bidirectional":  # each half covers all frequencies
        expected = expected.repeat(2)
    torch.testing.assert_close(stiffness_N, expected, rtol=2e-5, atol=0.0)
    torch.testing.assert_close(damping_N, torch.full((64,), 0.01), rtol=2e-5, atol=0.0)
    torch.testing.assert_close(step_N, torch.full((64,), 0.1), rtol=2e-5, atol=0.0)


@given(
    dt=st.floats(0.01, 0.2),
    damping=st.floats(0.1, 5.0),
    low=st.floats(2.0, 5.0),
    ratio=st.floats(1.0, 3.0),
)
def test_any_reachable_start_is_reached(dt, damping, low, ratio):
    low = low + damping**2  # well above critical damping
    layer = make_layer(
        dt=dt, damping=damping, min_frequency=low, max_frequency=low * ratio, direction="forward"
    )
    stiffness_N, damping_N, step_N = layer.physical()
    expected = torch.logspace(math.log10(low), math.log10(low * ratio), 8)
    torch.testing.assert_close(stiffness_N, expected, rtol=1e-4, atol=0.0)
    torch.testing.assert_close(damping_N, torch.full((8,), damping), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(step_N, torch.full((8,), dt), rtol=1e-4, atol=0.0)


free_values = st.one_of(
    st.sampled_from([-1e6, -100.0, 0.0, 100.0, 1e6]), st.floats(-1e6, 1e6), st.floats(-10.0, 10.0)
)


@settings(max_examples=30)
@given(st.lists(st.tuples(free_values, free_values, free_values), min_size=4, max_size=4))
def test_no_parameter_can_make_it_blow_up(free):
    layer = make_layer(num_oscillators=4, direction="forward")
    with torch.no_grad():
        for parameter, values in zip(
            (layer.free_decay_N, layer.free_angle_N, layer.free_step_N),
            zip(*free, strict=True),
            strict=True,
        ):
            parameter.copy_(torch.tensor(values))
    decay_N, angle_N, gain_N = coefficients = layer.coefficients()
    slack = 1e-5
    assert (decay_N >= DECAY_RANGE[0] * (1 - slack)).all()
    assert (decay_N <= DECAY_RANGE[1] * (1 + slack)).all()
    assert (angle_N >= ANGLE_MARGIN * (1 - slack)).all()
    assert (angle_N <= math.pi - ANGLE_MARGIN * (1 - 1e-3)).all()
    assert (gain_N > 0).all()
    # The signs of the kernel, backwards: of all inputs within [-1, 1] the one that drives furthest.
    n = torch.arange(10_000, dtype=torch.float64)[:, None]
    worst_T = torch.sin((n + 1) * angle_N.detach().double()).sign().float().flip(0)
    with torch.no_grad():
        x_TN = oscillate_chunked(coefficients, worst_T.unsqueeze(0))[0]
        bound_N = layer.position_bound()
    assert (x_TN.abs() <= 1.001 * bound_N).all()
    layer(noise(1, 10, 6), torch.ones(1, 10, dtype=torch.bool)).sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad.isfinite().all()


def test_the_bound_is_nearly_reached():
    layer = make_layer(direction="forward")
    coefficients = layer.coefficients()
    n = torch.arange(20_000, dtype=torch.float64)[:, None]
    worst_TN = torch.sin((n + 1) * coefficients.angle_N.detach().double()).sign().float().flip(0)
    reached_N = oscillate_chunked(coefficients, worst_TN.unsqueeze(0))[0, -1]
    # The mean of |sin| is 2 / pi.
    torch.testing.assert_close(reached_N, layer.position_bound() * 2 / math.pi, rtol=0.02, atol=0.0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("scatter", [0.0, 1.0])
def test_all_modes_agree_in_value_and_gradient(direction, scatter):
    x_BTD, mask_BT = noise(3, 70, 6), mask_of([70, 40, 1], 70)
    results = []
    for mode in ["recurrent", "chunked", "fft", "auto"]:
        layer = make_layer(mode=mode, direction=direction, scatter=scatter)
        leaf = x_BTD.clone().requires_grad_()
        y_BTD = layer(leaf, mask_BT)
        (y_BTD * noise(3, 70, 6, seed=2)).sum().backward()
        results.append([y_BTD, leaf.grad, *(parameter.grad for parameter in layer.parameters())])
    for result in results[1:]:
        assert max(map(relative_gap, result, results[0])) < 1e-4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("direction", DIRECTIONS)
class TestPadding:
    def test_its_content_changes_nothing(self, mode, direction):
        layer = make_layer(mode=mode, direction=direction)
        x_BTD, mask_BT = noise(3, 50, 6), mask_of([50, 33, 2], 50)
        y_BTD = layer(x_BTD, mask_BT)
        for content in (0.0, 1e4, -1e30):
            filled = torch.where(mask_BT[..., None], x_BTD, content)
            assert torch.equal(layer(filled, mask_BT), y_BTD)
        assert (y_BTD[~mask_BT] == 0.0).all()

    def test_more_of_it_changes_nothing(self, mode, direction):
        layer = make_layer(mode=mode, direction=direction)
        x_BTD, mask_BT = noise(2, 40, 6), mask_of([40, 30], 40)
        longer = torch.cat([x_BTD, noise(2, 27, 6, seed=3)], 1)
        y_BTD = layer(longer, mask_of([40, 30], 67))[:, :40]
        assert relative_gap(y_BTD, layer(x_BTD, mask_BT)) < 1e-5

    def test_alone_is_as_in_a_batch(self, mode, direction):
        layer = make_layer(mode=mode, direction=direction)
        x_BTD, lengths = noise(4, 50, 6), [50, 33, 2, 1]
        y_BTD = layer(x_BTD, mask_of(lengths, 50))
        for row, length in enumerate(lengths):
            alone = layer(x_BTD[row : row + 1, :length], mask_of([length], length))
            assert relative_gap(y_BTD[row, :length], alone[0]) < 1e-5

    def test_order_in_the_batch_does_not_matter(self, mode, direction):
        layer = make_layer(mode=mode, direction=direction)
        x_BTD, mask_BT = noise(4, 20, 6), mask_of([20, 13, 2, 7], 20)
        order = torch.tensor([2, 0, 3, 1])
        permuted = layer(x_BTD[order], mask_BT[order])
        assert relative_gap(permuted, layer(x_BTD, mask_BT)[order]) < 1e-5

    def test_masked_tokens_inside_are_silence(self, mode, direction):
        layer = make_layer(mode=mode, direction=direction)
        x_BTD = noise(1, 20, 6)
        mask_BT = torch.ones(1, 20, dtype=torch.bool)
        mask_BT[0, [0, 7, 8, 19]] = False
        silent = layer(x_BTD * mask_BT[..., None], torch.ones_like(mask_BT))
        assert relative_gap(layer(x_BTD, mask_BT)[mask_BT], silent[mask_BT]) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_flipping_time_swaps_the_halves(mode):
    layer, swapped = make_layer(mode=mode, scatter=0.5), make_layer(mode=mode)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            dim = 1 if name == "readout.weight" else 0
            swapped.get_parameter(name).copy_(parameter.roll(4, dim))
    x_BTD, mask_BT = noise(2, 45, 6), torch.ones(2, 45, dtype=torch.bool)
    flipped = swapped(x_BTD.flip(1), mask_BT).flip(1)
    assert relative_gap(flipped, layer(x_BTD, mask_BT)) < 1e-5


@pytest.mark.parametrize("mode", MODES)
def test_only_the_bidirectional_layer_sees_the_future(mode):
    mask_BT = torch.ones(1, 60, dtype=torch.bool)
    for direction in DIRECTIONS:
        layer = make_layer(mode=mode, direction=direction).double()
        x_BTD = noise(1, 60, 6).double()
        other = x_BTD.clone()
        other[0, 40] += 1.0
        change_T = (layer(other, mask_BT) - layer(x_BTD, mask_BT)).abs().amax(-1)[0]
        assert (change_T[40:] > 1e-6).all()
        assert bool((change_T[:40] > 1e-6).all()) is (direction == "bidirectional")
        assert bool((change_T[:40] <= 1e-10).all()) is (direction == "forward")


def test_a_stream_gives_what_forward_gives():
    layer = make_layer(direction="forward")
    x_BTD = noise(2, 50, 6)
    state, parts = layer.initial_state(2), []
    for piece in x_BTD.split([1, 30, 19], dim=1):
        part, state = layer.stream(piece, state)
        parts.append(part)
    whole = layer(x_BTD, torch.ones(2, 50, dtype=torch.bool))
    assert relative_gap(torch.cat(parts, 1), whole) < 1e-4


def test_a_bidirectional_layer_cannot_stream():
    layer = make_layer()
    with pytest.raises(ConfigurationError, match="direction='forward'"):
        layer.stream(noise(1, 3, 6), layer.initial_state(1))


def test_it_runs_under_autocast():
    layer = make_layer()
    x_BTD, mask_BT = noise(2, 90, 6), mask_of([90, 20], 90)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(x_BTD, mask_BT)
    assert relative_gap(half.float(), layer(x_BTD, mask_BT)) < 3e-2
    half.float().sum().backward()
    assert layer.free_angle_N.grad.isfinite().all()


def test_resetting_brings_back_the_start():
    layer, fresh = make_layer(scatter=1.0), make_layer()
    assert not torch.equal(layer.free_angle_N, fresh.free_angle_N)
    layer.reset_oscillators()
    for name in ("free_decay_N", "free_angle_N", "free_step_N"):
        assert torch.equal(layer.get_parameter(name), fresh.get_parameter(name))


@pytest.mark.parametrize("length", [1, 5, 32, 500, 8192])
def test_the_chosen_mode_can_be_run(length):
    mode = choose_mode("cpu", torch.float32, length)
    assert mode in MODES
    layer = make_layer(direction="forward")
    u_BTN = noise(1, length, 8)
    chosen = oscillate(layer.coefficients(), u_BTN, mode=mode)
    assert torch.equal(chosen, oscillate(layer.coefficients(), u_BTN, mode="auto"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden_size": 0}, "at least 1, got 0 and 8"),
        ({"num_oscillators": 7}, "even num_oscillators, got 7"),
        ({"direction": "sideways"}, "direction must be one of .*got 'sideways'"),
        ({"mode": "triton?"}, "mode must be one of .*got 'triton"),
        ({"min_frequency": 5.0, "max_frequency": 1.0}, "min_frequency <= max_frequency"),
        ({"min_frequency": 0.0}, "0 < min_frequency"),
        ({"dt": 2.0}, r"dt must lie inside \(0.001, 1.0\), got 2.0"),
        ({"damping": 0.0}, r"damping must lie inside \(0.002, 536\), got 0.0"),
        ({"max_frequency": 500.0}, "only oscillate at frequencies inside"),
        ({"damping": 1.0, "min_frequency": 0.2}, "only oscillate at frequencies inside"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        make_layer(**wrong)

"""The three evaluations of one recurrence: against its literal definition and each other."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from ossamma.model.oscillation import (
    OscillatorState,
    oscillate_chunked,
    oscillate_fft,
    oscillate_recurrent,
    rest_state,
    stream_oscillation,
)
from ossamma.model.oscillation_kernels import OscillatorCoefficients

FAST = [oscillate_chunked, oscillate_fft]
ALL = [oscillate_recurrent, *FAST]
LENGTHS = [1, 2, 3, 7, 8, 33, 64, 65, 127, 500]


def initial_coefficients(num_channels=6):
    """Stiffness 0.1 to 10, dt = 0.1, friction 0.01: what a new layer has."""
    return coefficients_of(
        torch.logspace(-1, 1, num_channels, dtype=torch.float64),
        torch.full((num_channels,), 0.01, dtype=torch.float64),
        torch.full((num_channels,), 0.1, dtype=torch.float64),
    )


def coefficients_of(stiffness, damping, dt):
    s = 1 / (1 + dt * damping)
    return OscillatorCoefficients(
        -s.log() / 2, torch.acos((1 + s - dt**2 * stiffness * s) / (2 * s.sqrt())), dt**2 * s
    )


def random_coefficients(num_channels=6, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def uniform(low, high):
        unit = torch.rand(num_channels, generator=generator, dtype=torch.float64)
        return low + (high - low) * unit

    return OscillatorCoefficients(
        10 ** uniform(-4, -0.3), uniform(0.02, math.pi - 0.1), 10 ** uniform(-3, 0)
    )


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def values_and_gradients(evaluate, coefficients, u, grad, *, reverse):
    """Output and the gradients by decay, angle, gain and input, for the given output gradient."""
    leaves = [part.detach().clone().requires_grad_() for part in (*coefficients, u)]
    x = evaluate(OscillatorCoefficients(*leaves[:3]), leaves[3], reverse=reverse)
    return [x, *torch.autograd.grad(x, leaves, grad.to(x.dtype))]


def assert_close(results, references, tolerance):
    """Each tensor agrees, relative to its own greatest entry."""
    for name, result, reference in zip(
        ("x", "decay", "angle", "gain", "u"), results, references, strict=True
    ):
        scale = float(reference.detach().abs().max())
        gap = float((result.detach().double() - reference.detach()).abs().max())
        assert gap <= tolerance * scale, f"{name}: {gap:.2e} of {scale:.2e}"


@pytest.mark.parametrize("evaluate", ALL)
def test_it_is_the_recurrence_of_the_differential_equation(evaluate):
    stiffness = torch.tensor([0.1, 1.0, 10.0, 200.0], dtype=torch.float64)
    damping = torch.tensor([0.01, 0.5, 0.01, 2.0], dtype=torch.float64)
    dt = torch.tensor([0.1, 0.1, 0.2, 0.1], dtype=torch.float64)
    u = noise(2, 40, 4)
    s = 1 / (1 + dt * damping)
    x_before = x_now = v = position = torch.zeros(2, 4, dtype=torch.float64)
    result = evaluate(coefficients_of(stiffness, damping, dt), u)
    for step in range(40):
        # the two-term recurrence
        x_next = (1 + s - dt**2 * stiffness * s) * x_now - s * x_before + dt**2 * s * u[:, step]
        x_before, x_now = x_now, x_next
        torch.testing.assert_close(result[:, step], x_now, rtol=1e-9, atol=1e-12)
        # and one implicit step of velocity and position
        v = s * v - dt * stiffness * s * position + dt * s * u[:, step]
        position = position + dt * v
        torch.testing.assert_close(result[:, step], position, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("evaluate", ALL)
def test_the_impulse_response_has_its_closed_form(evaluate):
    coefficients = random_coefficients()
    impulse = torch.zeros(1, 90, 6, dtype=torch.float64)
    impulse[:, 0] = 1.0
    response = evaluate(coefficients, impulse)[0]
    for channel, (decay, angle, gain) in enumerate(zip(*coefficients, strict=True)):
        for n in range(90):
            expected = gain * math.exp(-decay * n) * math.sin((n + 1) * angle) / math.sin(angle)
            assert response[n, channel] == pytest.approx(float(expected), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("make", [initial_coefficients, random_coefficients])
def test_fast_equals_slow_in_value_and_gradient(make, reverse, length):
    single = torch.float32
    coefficients = OscillatorCoefficients(*(part.to(single).double() for part in make()))
    u, grad = (noise(2, length, 6, seed=seed).bfloat16().double() for seed in (1, 2))
    narrow = OscillatorCoefficients(*(part.to(single) for part in coefficients))
    slow = values_and_gradients(oscillate_recurrent, coefficients, u, grad, reverse=reverse)
    for evaluate in FAST:
        exact = values_and_gradients(evaluate, coefficients, u, grad, reverse=reverse)
        assert_close(exact, slow, 1e-9)
    for evaluate in ALL:
        result = values_and_gradients(evaluate, narrow, u.to(single), grad, reverse=reverse)
        assert_close(result, slow, 1e-4)
        half = values_and_gradients(evaluate, narrow, u.bfloat16(), grad, reverse=reverse)
        assert half[0].dtype is half[-1].dtype is torch.bfloat16
        assert half[1].dtype is single
        assert_close(half, slow, 1e-2)


@pytest.mark.parametrize("evaluate", FAST)
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_finite_differences(evaluate, reverse):
    u = noise(2, 37, 3)
    coefficients = random_coefficients(3)
    leaves = [part.clone().requires_grad_() for part in (*coefficients, u)]
    assert torch.autograd.gradcheck(
        lambda decay, angle, gain, u: evaluate(
            OscillatorCoefficients(decay, angle, gain), u, reverse=reverse
        ),
        leaves,
        fast_mode=True,
    )


@pytest.mark.parametrize("evaluate", ALL)
def test_backwards_is_forwards_on_the_flipped_input(evaluate):
    u = noise(2, 71, 6)
    backwards = evaluate(random_coefficients(), u, reverse=True)
    torch.testing.assert_close(
        backwards, evaluate(random_coefficients(), u.flip(1)).flip(1), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("evaluate", ALL)
def test_a_later_input_gives_the_same_output_later(evaluate):
    u = noise(2, 50, 6)
    delayed = torch.cat([torch.zeros(2, 19, 6, dtype=torch.float64), u], 1)
    late = evaluate(initial_coefficients(), delayed)
    assert late[:, :19].abs().max() <= 1e-12
    torch.testing.assert_close(
        late[:, 19:], evaluate(initial_coefficients(), u), rtol=1e-8, atol=1e-12
    )


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 99))
def test_a_stream_in_pieces_is_the_whole(cuts, seed):
    coefficients, u = random_coefficients(seed=seed), noise(2, 60, 6, seed=seed)
    state, parts = rest_state(coefficients, 2), []
    bounds = [0, *sorted(cuts), 60]
    for start, end in pairwise(bounds):
        if start < end:
            part, state = stream_oscillation(coefficients, u[:, start:end], state)
            parts.append(part)
    assert torch.equal(torch.cat(parts, 1), oscillate_recurrent(coefficients, u))


def test_an_undriven_oscillator_loses_energy_at_the_rate_of_its_decay():
    decay, angle, _ = coefficients = random_coefficients(8)
    state = OscillatorState(noise(3, 8), noise(3, 8, seed=2))
    silence = torch.zeros(3, 1, 8, dtype=torch.float64)
    energies = []
    for _ in range(200):
        _, state = stream_oscillation(coefficients, silence, state)
        # |z|^2 of the complex amplitude z whose imaginary part, one step on, is the position
        faded = (state.position_BN - state.increment_BN) * torch.exp(-decay)
        real = state.position_BN - faded * torch.cos(angle)
        energies.append(real**2 + (faded * torch.sin(angle)) ** 2)
    for earlier, later in pairwise(energies):
        torch.testing.assert_close(later, earlier * torch.exp(-2 * decay), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("evaluate", FAST)
def test_autocast_changes_nothing(evaluate):
    u = noise(2, 100, 6).float()
    coefficients = OscillatorCoefficients(*(part.float() for part in random_coefficients()))
    plain = values_and_gradients(evaluate, coefficients, u, u, reverse=False)
    with torch.autocast("cpu", torch.bfloat16):
        cast = values_and_gradients(evaluate, coefficients, u, u, reverse=False)
    for result, expected in zip(cast, plain, strict=True):
        assert torch.equal(result, expected)


class LargestTensor(TorchDispatchMode):
    """Notes the storage of the largest tensor that any operation returns."""

    def __init__(self):
        super().__init__()
        self.num_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.num_bytes = max(self.num_bytes, tensor.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize("length", [8192, 5000])
def test_the_chunked_form_needs_little_memory(length):
    u = noise(8, 2, length).float().permute(1, 2, 0).requires_grad_()
    coefficients = [part.float().requires_grad_() for part in random_coefficients(8)]
    saved = []
    with (
        torch.autograd.graph.saved_tensors_hooks(
            lambda t: saved.append(t.nbytes) or t, lambda t: t
        ),
        LargestTensor() as largest,
    ):
        x = oscillate_chunked(OscillatorCoefficients(*coefficients), u)
        torch.autograd.grad(x, [*coefficients, u], x.detach())
    input_bytes = 4 * u.numel()
    assert largest.num_bytes <= 1.1 * input_bytes
    assert sum(saved) <= 2.1 * input_bytes


@pytest.mark.slow
@pytest.mark.parametrize("evaluate", FAST)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_compiles_without_a_break(evaluate):
    u, grad = noise(2, 70, 6), noise(2, 70, 6, seed=2)
    compiled = torch.compile(evaluate, fullgraph=True, backend="aot_eager")
    plain = values_and_gradients(evaluate, random_coefficients(), u, grad, reverse=True)
    result = values_and_gradients(compiled, random_coefficients(), u, grad, reverse=True)
    assert_close(result, plain, 1e-12)

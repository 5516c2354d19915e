"""The running average is the weighted sum that its decay says, and leaves the model as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ossamma.schema.errors import CheckpointError, ConfigurationError
from ossamma.training.averaging import WeightAverage


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    made[1].bias.requires_grad_(requires_grad=False)
    return made


def wander(model: nn.Module, seed: int) -> None:
    """Move the weights, as a step of an optimiser does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999])
def test_the_average_equals_its_closed_form(decay):
    model = network()
    average = WeightAverage(model, decay)
    path = [snapshot(model)]
    for step in range(1, 8):
        wander(model, step)
        average.update(model)
        path.append(snapshot(model))
    # Weight i enters with (1 - d_i) and is scaled down by every later decay.
    decays = [0.0] + [min(decay, (1 + n) / (10 + n)) for n in range(1, 8)]
    for name, value in average.state().items():
        expected = torch.zeros_like(value, dtype=torch.float64)
        for index, weights in enumerate(path):
            share = 1.0 if index == 0 else 1.0 - decays[index]
            for later in decays[index + 1 :]:
                share *= later
            expected += share * weights[name].double()
        torch.testing.assert_close(value.double(), expected, atol=1e-6, rtol=1e-6)


def test_decay_0_keeps_the_last_weights():
    model = network()
    average = WeightAverage(model, 0.0)
    wander(model, 1)
    average.update(model)
    assert all(torch.equal(model.state_dict()[n], v) for n, v in average.state().items())


def test_the_start_is_forgotten_faster_than_the_decay_says():
    average = WeightAverage(network(), 0.999)
    assert [average.decay_of(n) for n in (1, 10, 89, 10**6)] == [2 / 11, 11 / 20, 90 / 99, 0.999]


def test_applied_shows_the_average_and_restores_bit_by_bit():
    model = network()
    average = WeightAverage(model, 0.5)
    wander(model, 1)
    average.update(model)
    before = snapshot(model)
    with average.applied(model):
        inside = snapshot(model)
    after = snapshot(model)
    assert all(torch.equal(inside[name], value) for name, value in average.state().items())
    assert any(not torch.equal(inside[name], before[name]) for name in average.state())
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_applied_restores_after_an_error():
    model = network()
    average = WeightAverage(model, 0.5)
    wander(model, 1)
    before = snapshot(model)
    with pytest.raises(KeyError), average.applied(model):
        raise KeyError
    assert all(torch.equal(before[name], value) for name, value in snapshot(model).items())


def test_a_frozen_parameter_is_not_averaged():
    assert set(WeightAverage(network(), 0.5).state()) == {"0.weight", "0.bias", "1.weight"}


def test_a_stored_average_goes_on_as_if_never_stored():
    straight, broken = network(), network()
    one, two = WeightAverage(straight, 0.9), WeightAverage(broken, 0.9)
    for step in range(4):
        wander(straight, step)
        wander(broken, step)
        one.update(straight)
        two.update(broken)
        stored = {name: tensor.clone() for name, tensor in two.state().items()}
        count = two.num_updates
        two = WeightAverage(network(seed=9), 0.9)
        two.load_state(stored, count)
    assert all(torch.equal(one.state()[name], value) for name, value in two.state().items())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda state: state.pop("0.bias"), r"expected 0.bias to be of shape \(4,\), got absent"),
        (lambda state: state.update(x=torch.ones(1)), "expected x to be absent"),
        (
            lambda state: state.update({"0.bias": torch.ones(5)}),
            r"0.bias to be of shape \(4,\), got of shape \(5,\)",
        ),
    ],
)
def test_the_average_of_another_model_is_refused(change, complaint):
    state = WeightAverage(network(), 0.5).state()
    change(state)
    with pytest.raises(CheckpointError, match=complaint):
        WeightAverage(network(), 0.5).load_state(state, 1)


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_an_impossible_decay_is_refused(decay):
    with pytest.raises(ConfigurationError, match="average_decay must lie in"):
        WeightAverage(network(), decay)

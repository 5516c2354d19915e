"""The norm's modulation by time is what its equation says, and starts as none."""

from __future__ import annotations

import math

import pytest
import torch

from ossamma.model.norm import TimeConditionedNorm, TimeEmbedding


@pytest.fixture
def norm():
    torch.manual_seed(5)
    return TimeConditionedNorm(6, 4, eps=1e-5)


def test_it_is_scale_and_shift_of_the_normalised_input(norm):
    torch.manual_seed(7)
    x_BTD, time_BE = torch.randn(2, 3, 6) * 5 + 1, torch.randn(2, 4)
    z_BTD, bias_B11 = norm(x_BTD, time_BE)
    assert bias_B11.shape == (2, 1, 1)
    for b in range(2):
        silu = time_BE[b] / (1 + torch.exp(-time_BE[b]))
        out = norm.modulation.weight @ silu + norm.modulation.bias
        scale, shift, bias = out[:6], out[6:12], out[12]
        assert torch.allclose(bias_B11[b].squeeze(), bias, atol=1e-6)
        for t in range(3):
            x = x_BTD[b, t]
            normal = (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt()
            assert torch.allclose(z_BTD[b, t], normal * (1 + scale) + shift, atol=1e-5)


def test_one_time_for_all_is_that_time_for_each(norm):
    torch.manual_seed(7)
    x_BTD, time_1E = torch.randn(2, 3, 6), torch.randn(1, 4)
    one, each = norm(x_BTD, time_1E), norm(x_BTD, time_1E.expand(2, -1))
    assert torch.allclose(one[0], each[0], atol=1e-6)
    assert torch.allclose(one[1].expand(2, 1, 1), each[1], atol=1e-6)


@pytest.mark.parametrize("time_dimension", [1, 2, 5, 32])
def test_times_have_different_embeddings_in_a_bounded_range(time_dimension):
    torch.manual_seed(5)
    embedding = TimeEmbedding(time_dimension)
    embedded_BE = embedding(torch.linspace(0, 1, 101))
    assert embedded_BE.shape == (101, time_dimension)
    assert embedded_BE.isfinite().all()
    if time_dimension >= 5:  # fewer frequencies cannot tell all apart
        distance = torch.cdist(embedded_BE, embedded_BE) + 10 * torch.eye(101)
        assert distance.min() > 1e-4


def test_the_waves_are_sines_and_cosines_from_1_to_1000_half_turns():
    embedding = TimeEmbedding(4)
    waves = []
    embedding.rise.register_forward_pre_hook(lambda _, inputs: waves.append(inputs[0]))
    embedding(torch.tensor([0.0, 0.3]))
    angles = [0.3 * math.pi, 0.3 * 1000 * math.pi]
    wanted = [[0, 0, 1, 1], [*map(math.sin, angles), *map(math.cos, angles)]]
    assert torch.allclose(waves[0], torch.tensor(wanted), atol=1e-4)

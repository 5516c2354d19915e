"""Window attention: the band and nothing but the band, at any length, blind to padding."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ossamma.model.window_attention import (
    SlidingWindowAttention,
    attend_densely,
    attend_in_blocks,
    choose_attention,
    rotary_table,
    rotate,
)
from ossamma.model.window_attention_flex import attend_by_flex
from ossamma.schema.errors import ConfigurationError

WAYS = [attend_densely, attend_in_blocks]


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_layer(window_size=8, hidden_size=12, num_heads=3, seed=0):
    layer = SlidingWindowAttention(hidden_size, num_heads, window_size)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return layer


def mask_of(lengths, num_steps):
    return torch.arange(num_steps) < torch.tensor(lengths)[:, None]


def table_of(num_steps, head_size, theta=10_000.0):
    return rotary_table(num_steps, head_size, theta=theta, device=torch.device("cpu"))


def attend_by_hand(q, k, v, mask, *, reach):
    """Token by token and head by head; zero where a query sees nothing."""
    y = torch.zeros_like(q)
    num_steps = q.shape[1]
    for row in range(len(q)):
        for i in range(num_steps):
            seen = [j for j in range(num_steps) if abs(i - j) <= reach and mask[row, j]]
            if seen:
                score_HJ = torch.einsum("he,jhe->hj", q[row, i], k[row, seen]) / q.shape[-1] ** 0.5
                y[row, i] = torch.einsum("hj,jhe->he", score_HJ.softmax(-1), v[row, seen])
    return y


@pytest.mark.parametrize("attend", WAYS)
@pytest.mark.parametrize("reach", [0, 1, 5, 40])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 33, 70])
def test_every_way_is_the_definition(attend, reach, num_steps):
    q, k, v = (noise(2, num_steps, 2, 4, seed=seed).double() for seed in (1, 2, 3))
    mask_BT = mask_of([num_steps, (num_steps + 1) // 2], num_steps)
    result = attend(q, k, v, mask_BT, reach=reach)
    expected = attend_by_hand(q, k, v, mask_BT, reach=reach)
    torch.testing.assert_close(result[mask_BT], expected[mask_BT], rtol=1e-9, atol=1e-12)
    assert result.isfinite().all()


@pytest.mark.parametrize("num_steps", [1, 7, 31, 32, 33, 64, 65, 127, 300])
@pytest.mark.parametrize("reach", [0, 3, 32, 50, 128])
def test_blocked_equals_dense_in_value_and_gradient(reach, num_steps):
    mask_BT = mask_of([num_steps, (num_steps + 1) // 2, 1], num_steps)
    leaves = [noise(3, num_steps, 2, 4, seed=seed).requires_grad_() for seed in (1, 2, 3)]
    grad = noise(3, num_steps, 2, 4, seed=4) * mask_BT[..., None, None]
    results = []
    for attend in WAYS:
        y = attend(*leaves, mask_BT, reach=reach) * mask_BT[..., None, None]
        results.append([y, *torch.autograd.grad(y, leaves, grad)])
    for blocked, dense in zip(*results, strict=True):
        torch.testing.assert_close(blocked, dense, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("window_size", "num_steps"), [(8, 20), (9, 20), (1, 10), (8, 200)])
@pytest.mark.parametrize("perturbed", [0, 7, 9])
def test_a_token_changes_exactly_the_outputs_within_its_reach(window_size, num_steps, perturbed):
    layer = make_layer(window_size)
    z_BTD, mask_BT = noise(1, num_steps, 12), torch.ones(1, num_steps, dtype=torch.bool)
    other = z_BTD.clone()
    other[0, perturbed] += 1.0
    change_T = (layer(other, mask_BT) - layer(z_BTD, mask_BT)).detach().abs().amax(-1)[0]
    near_T = (torch.arange(num_steps) - perturbed).abs() <= window_size // 2
    assert (change_T[near_T] > 1e-5).all()
    assert (change_T[~near_T] == 0.0).all()


def test_a_rotation_is_a_product_of_complex_numbers():
    x_BTSHE, theta = noise(2, 50, 2, 3, 8).double(), 100.0
    pairs = torch.complex(x_BTSHE[..., :4], x_BTSHE[..., 4:])
    position = torch.arange(50, dtype=torch.float64)[:, None, None, None]
    angle = position * theta ** (-torch.arange(4, dtype=torch.float64) / 4)
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(
        rotate(x_BTSHE, table_of(50, 8, theta)),
        torch.cat([turned.real, turned.imag], -1),
        rtol=1e-5,
        atol=1e-5,
    )


def test_scores_depend_on_the_distance_alone():
    content_E, other_E = noise(2, 16).double()
    rotated = [
        rotate(content.expand(1, 9000, 1, 1, 16), table_of(9000, 16))[0, :, 0, 0]
        for content in (content_E, other_E)
    ]
    for distance in (0, 1, 17):
        score_T = (rotated[0][distance:] * rotated[1][: 9000 - distance]).sum(-1)
        torch.testing.assert_close(score_T, score_T[:1].expand_as(score_T), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("shift", [1, 5, 40, 300])
def test_shifted_content_gives_shifted_outputs(shift):
    layer, z_BTD = make_layer(), noise(2, 30, 12)
    plain = layer(z_BTD, torch.ones(2, 30, dtype=torch.bool))
    shifted = torch.cat([noise(2, shift, 12, seed=2), z_BTD], 1)
    mask_BT = (torch.arange(shift + 30) >= shift).expand(2, -1)
    torch.testing.assert_close(layer(shifted, mask_BT)[:, shift:], plain, rtol=1e-4, atol=1e-5)


def test_position_matters():
    layer, z_BTD = make_layer(window_size=64), noise(1, 10, 12)
    mask_BT = torch.ones(1, 10, dtype=torch.bool)
    swapped = z_BTD.clone()
    swapped[0, [2, 6]] = z_BTD[0, [6, 2]]
    assert (layer(swapped, mask_BT) - layer(z_BTD, mask_BT))[0, 4].abs().max() > 1e-4


@pytest.mark.parametrize("attend", WAYS)
def test_equal_values_come_out_unchanged(attend):
    q, k = noise(2, 60, 2, 4), noise(2, 60, 2, 4, seed=2)
    constant_E, mask_BT = noise(4, seed=3), mask_of([60, 17], 60)
    y = attend(q, k, constant_E.expand(2, 60, 2, 4), mask_BT, reach=5)
    torch.testing.assert_close(y[mask_BT], constant_E.expand(77, 2, 4), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("num_steps", [40, 200])  # below and above the change to blocks
class TestPadding:
    def test_its_content_changes_nothing(self, num_steps):
        layer, z_BTD = make_layer(), noise(3, num_steps, 12)
        mask_BT = mask_of([num_steps, num_steps // 2, 1], num_steps)
        y_BTD = layer(z_BTD, mask_BT)
        for content in (0.0, 1e4, -1e30):
            filled = torch.where(mask_BT[..., None], z_BTD, content)
            assert torch.equal(layer(filled, mask_BT), y_BTD)
        assert (y_BTD[~mask_BT] == 0.0).all()

    def test_a_row_is_the_same_alone_padded_and_in_any_place(self, num_steps):
        layer, z_BTD = make_layer(), noise(3, num_steps, 12)
        lengths = [num_steps, num_steps // 2, 1]
        mask_BT = mask_of(lengths, num_steps)
        y_BTD = layer(z_BTD, mask_BT)
        order = torch.tensor([2, 0, 1])
        permuted = layer(z_BTD[order], mask_BT[order])
        torch.testing.assert_close(permuted, y_BTD[order], rtol=1e-5, atol=1e-5)
        for row, length in enumerate(lengths):
            alone = layer(z_BTD[row : row + 1, :length], mask_of([length], length))[0]
            torch.testing.assert_close(y_BTD[row, :length], alone, rtol=1e-5, atol=1e-5)

    def test_a_row_of_padding_alone_is_harmless(self, num_steps):
        layer, z_BTD = make_layer(), noise(2, num_steps, 12).requires_grad_()
        y_BTD = layer(z_BTD, mask_of([num_steps, 0], num_steps))
        y_BTD.square().sum().backward()
        assert (y_BTD[1] == 0.0).all()
        assert z_BTD.grad.isfinite().all()
        assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())

    def test_it_runs_under_autocast(self, num_steps):
        layer, z_BTD = make_layer(), noise(2, num_steps, 12)
        mask_BT = mask_of([num_steps, num_steps // 3], num_steps)
        with torch.autocast("cpu", torch.bfloat16):
            half = layer(z_BTD, mask_BT)
        single = layer(z_BTD, mask_BT)
        assert half.dtype is torch.bfloat16
        assert (half - single).abs().max() < 3e-2 * single.abs().max()


def test_inference_first_does_not_spoil_training():
    # Tensors made in inference mode cannot take part in a backward pass.
    layer, z_BTD, mask_BT = make_layer(), noise(1, 9, 12), torch.ones(1, 9, dtype=torch.bool)
    with torch.inference_mode():
        expected = layer(z_BTD, mask_BT)
    y_BTD = layer(z_BTD, mask_BT)
    y_BTD.sum().backward()
    assert torch.equal(y_BTD, expected)


def test_threads_may_share_a_layer():
    layer = make_layer()
    inputs = [noise(1, num_steps, 12, seed=num_steps) for num_steps in [5, 150, 40, 300, 9] * 8]
    expected = [make_layer()(z, torch.ones(z.shape[:2], dtype=torch.bool)) for z in inputs]
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda z: layer(z, torch.ones(z.shape[:2], dtype=torch.bool)), inputs)
        for result, y in zip(results, expected, strict=True):
            torch.testing.assert_close(result, y, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("num_steps", [40, 200])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_compiles_without_a_break(num_steps):
    layer, mask_BT = make_layer(), mask_of([num_steps, num_steps // 2], num_steps)
    leaves = [noise(2, num_steps, 12).requires_grad_(), *layer.parameters()]
    results = []
    for module in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        y_BTD = module(leaves[0], mask_BT)
        results.append([y_BTD, *torch.autograd.grad(y_BTD.square().sum(), leaves)])
    for compiled, plain in zip(*results, strict=True):
        torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)


def test_the_rotary_table_is_not_part_of_a_checkpoint():
    layer = make_layer()
    layer(noise(1, 9, 12), torch.ones(1, 9, dtype=torch.bool))
    assert set(layer.state_dict()) == {"query_key_value.weight", "output.weight"}


def test_long_rows_go_in_blocks_and_short_ones_densely():
    assert choose_attention(noise(1, 16, 1, 4), reach=64) is attend_densely
    assert choose_attention(noise(1, 2048, 1, 4), reach=64) is attend_in_blocks


def test_a_named_way_is_taken_whatever_the_length():
    for num_steps in (16, 2048):
        q_BTHE = noise(1, num_steps, 1, 4)
        assert choose_attention(q_BTHE, reach=64, mode="dense") is attend_densely
        assert choose_attention(q_BTHE, reach=64, mode="blocked") is attend_in_blocks
        assert choose_attention(q_BTHE, reach=64, mode="flex") is attend_by_flex


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, 4, 8), "multiple of 2 x num_heads .*got 12 and 4"),
        ((12, 0, 8), "got 12 and 0"),
        ((12, 3, 0), "window_size must be at least 1"),
        ((12, 3, 8, math.nan), "rope_theta above 1, got 8 and nan"),
    ],
)
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        SlidingWindowAttention(*arguments)

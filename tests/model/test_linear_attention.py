"""Linear attention: equal to its written-out weights, convex, orderless, blind to padding."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from ossamma.model.linear_attention import (
    LinearAttention,
    attend_by_weights,
    attend_linearly,
    project_folded,
    project_plainly,
)
from ossamma.schema.errors import ConfigurationError


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_layer(hidden_size=12, num_heads=3, seed=0):
    layer = LinearAttention(hidden_size, num_heads)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return layer


def mask_of(lengths, num_steps):
    return torch.arange(num_steps) < torch.tensor(lengths)[:, None]


def features_and_values(num_steps, lengths):
    """Double-precision features and values of three heads, as leaves, and the mask."""
    mask_BT = mask_of(lengths, num_steps)
    shape = (len(lengths), 3, num_steps, 4)
    fq, fk = (functional.softplus(noise(*shape, seed=seed)).double() for seed in (1, 2))
    v = noise(*shape, seed=3).double() * mask_BT[:, None, :, None]
    return [leaf.requires_grad_() for leaf in (fq, fk, v)], mask_BT


@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 33])
def test_it_equals_its_written_out_weights_in_value_and_gradient(num_steps):
    leaves, mask_BT = features_and_values(num_steps, [num_steps, max(1, num_steps - 2), 1])
    results = []
    for attend in (attend_linearly, attend_by_weights):
        y = attend(*leaves[:2], leaves[2] * mask_BT[:, None, :, None], mask_BT)
        results.append([y, *torch.autograd.grad(y, leaves, noise(*y.shape, seed=4).double())])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-12)


def test_the_module_equals_a_loop_over_heads_and_tokens():
    layer = make_layer().double()
    c_BTD, lengths = noise(2, 9, 12).double(), [9, 5]
    y_BTD = layer(c_BTD, mask_of(lengths, 9))
    query, key, value = layer.query_key_value.weight.view(3, 3, 4, 12)
    for row, length in enumerate(lengths):
        for head in range(3):
            c_TD = c_BTD[row, :length]
            feature = layer.feature_HFE[head]
            fq = functional.softplus(c_TD @ query[head].T @ feature.T)
            fk = functional.softplus(c_TD @ key[head].T @ feature.T)
            v = c_TD @ value[head].T
            for token in range(length):
                weights = (fk @ fq[token]) / (fk @ fq[token]).sum()
                torch.testing.assert_close(
                    y_BTD[row, token, 4 * head : 4 * head + 4],
                    weights @ v,
                    rtol=1e-9,
                    atol=1e-12,
                )


@pytest.mark.parametrize("num_steps", [1, 8, 40])
def test_the_folded_projection_equals_the_plain_one(num_steps):
    layer = make_layer()
    results = []
    for project in (project_folded, project_plainly):
        leaves = [noise(2, num_steps, 12), layer.query_key_value.weight, layer.feature_HFE]
        leaves = [leaf.detach().double().requires_grad_() for leaf in leaves]
        p_BTP = project(*leaves)
        grads = torch.autograd.grad(p_BTP, leaves, noise(*p_BTP.shape, seed=5).double())
        results.append([p_BTP, *grads])
    for folded, plain in zip(*results, strict=True):
        torch.testing.assert_close(folded, plain, rtol=1e-10, atol=1e-12)


def test_short_and_long_inputs_agree():
    # 5 tokens are projected plainly, 60 in folded form; the rows are the same.
    layer = make_layer()
    c_BTD, mask_BT = noise(1, 5, 12), torch.ones(1, 5, dtype=torch.bool)
    torch.testing.assert_close(
        layer(c_BTD.expand(12, -1, -1), mask_BT.expand(12, -1))[:1],
        layer(c_BTD, mask_BT),
        rtol=1e-4,
        atol=1e-6,
    )


def test_equal_values_come_out_unchanged():
    (fq, fk, _), mask_BT = features_and_values(20, [20, 11, 1])
    constant_E = noise(4, seed=6).double()
    v = constant_E * mask_BT[:, None, :, None].double()
    y = attend_linearly(fq, fk, v.expand(3, 3, 20, 4), mask_BT)
    torch.testing.assert_close(y, constant_E.expand(3, 3, 20, 4), rtol=1e-10, atol=1e-12)


def test_outputs_stay_within_the_range_of_the_values():
    (fq, fk, v), mask_BT = features_and_values(20, [20, 11, 2])
    y = attend_linearly(fq, fk, v, mask_BT)
    for row, length in enumerate([20, 11, 2]):
        real = v[row, :, :length]
        assert (y[row] <= real.amax(1, keepdim=True) + 1e-12).all()
        assert (y[row] >= real.amin(1, keepdim=True) - 1e-12).all()


def test_the_order_of_the_tokens_does_not_matter():
    layer, c_BTD = make_layer(), noise(2, 17, 12)
    mask_BT = mask_of([17, 17], 17)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        layer(c_BTD[:, order], mask_BT), layer(c_BTD, mask_BT)[:, order], rtol=1e-4, atol=1e-5
    )


def test_the_content_of_padding_changes_nothing():
    layer, c_BTD, mask_BT = make_layer(), noise(3, 20, 12), mask_of([20, 13, 1], 20)
    y_BTD = layer(c_BTD, mask_BT)
    for content in (0.0, 1e4, 1e30):
        filled = torch.where(mask_BT[..., None], c_BTD, content)
        assert torch.equal(layer(filled, mask_BT)[mask_BT], y_BTD[mask_BT])


def test_a_row_is_the_same_alone_padded_and_in_any_place():
    layer, c_BTD, lengths = make_layer(), noise(3, 20, 12), [20, 13, 1]
    y_BTD = layer(c_BTD, mask_of(lengths, 20))
    order = torch.tensor([2, 0, 1])
    permuted = layer(c_BTD[order], mask_of(lengths, 20)[order])
    torch.testing.assert_close(permuted, y_BTD[order], rtol=1e-5, atol=1e-5)
    for row, length in enumerate(lengths):
        alone = layer(c_BTD[row : row + 1, :length], mask_of([length], length))[0]
        torch.testing.assert_close(y_BTD[row, :length], alone, rtol=1e-5, atol=1e-5)


def test_a_row_of_padding_alone_is_harmless():
    layer, c_BTD = make_layer(), noise(2, 6, 12).requires_grad_()
    y_BTD = layer(c_BTD, mask_of([6, 0], 6))
    assert (y_BTD[1] == 0.0).all()
    y_BTD.sum().backward()
    assert c_BTD.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_underflowing_features_give_no_nan():
    layer = make_layer()
    y_BTD = layer(-1e6 * noise(1, 6, 12).abs(), mask_of([6], 6))
    assert y_BTD.isfinite().all()


def test_it_runs_under_autocast_with_sums_in_single_precision():
    layer, mask_BT = make_layer(), mask_of([300, 200], 300)
    c_BTD = noise(2, 300, 12)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(c_BTD, mask_BT)
    assert half.dtype is torch.bfloat16
    single = layer(c_BTD, mask_BT)
    assert (half - single)[mask_BT].abs().max() < 2e-2 * single.abs().max()


@pytest.mark.parametrize(("hidden_size", "num_heads"), [(12, 5), (12, 0), (0, 1)])
def test_impossible_sizes_are_refused(hidden_size, num_heads):
    with pytest.raises(ConfigurationError, match=f"got {hidden_size} and {num_heads}"):
        LinearAttention(hidden_size, num_heads)

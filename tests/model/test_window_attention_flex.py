"""FlexAttention's mask is the band within documents; without a GPU its unfused form is compared."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention.flex_attention import create_mask, flex_attention

from ossamma.model.configuration import OssammaConfig
from ossamma.model.modeling import OssammaModel
from ossamma.model.window_attention import (
    SlidingWindowAttention,
    attend_densely,
    attend_in_blocks,
)
from ossamma.model.window_attention_flex import (
    attend_by_flex,
    attend_within_groups,
    flex_can_run,
    window_blocks,
    window_mask,
)
from ossamma.schema.errors import ConfigurationError

# It asks to be compiled, which is what happens on a GPU.
pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")

LAYOUTS = [[1], [7], [40, 1, 22], [5, 3], [130], [128, 128], [1, 299, 17]]


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def groups_of(*rows):
    """Each row's documents by their lengths, numbered from 1; 0 is padding."""
    num_steps = max(sum(lengths) for lengths in rows)
    group_BT = torch.zeros(len(rows), num_steps, dtype=torch.int32)
    for row, lengths in enumerate(rows):
        start = 0
        for number, length in enumerate(lengths, start=1):
            group_BT[row, start : start + length] = number
            start += length
    return group_BT


@pytest.mark.parametrize("reach", [0, 1, 3, 40])
def test_the_mask_function_is_the_definition(reach):
    group_BT = groups_of([9, 4, 6], [3, 8], [1])
    num_rows, num_steps = group_BT.shape
    mask_B1TT = create_mask(
        window_mask(group_BT, reach), num_rows, None, num_steps, num_steps, device="cpu"
    )
    for row in range(num_rows):
        for query in range(num_steps):
            for key in range(num_steps):
                is_one_document = group_BT[row, query] == group_BT[row, key]
                expected = abs(query - key) <= reach and bool(is_one_document)
                assert bool(mask_B1TT[row, 0, query, key]) is expected


@pytest.mark.parametrize("reach", [0, 1, 32, 127, 128, 129, 1000])
@pytest.mark.parametrize("num_steps", [1, 127, 128, 129, 700])
def test_the_blocks_are_those_that_the_band_touches(num_steps, reach):
    blocks = window_blocks(torch.ones(1, num_steps, dtype=torch.int32), reach)
    num_blocks = -(-num_steps // 128)
    step = torch.arange(num_blocks * 128)
    near = (step[:, None] - step).abs() <= reach
    touched = near.view(num_blocks, 128, num_blocks, 128).any(3).any(1)
    assert torch.equal(blocks.to_dense()[0, 0].bool(), touched)


@pytest.mark.parametrize("lengths", LAYOUTS, ids=str)
@pytest.mark.parametrize("reach", [0, 5, 64])
def test_padding_changes_nothing_and_the_result_is_the_dense_one(lengths, reach):
    mask_BT = groups_of([sum(lengths)], [(sum(lengths) + 1) // 2], [1]).bool()
    q, k, v = (noise(*mask_BT.shape, 2, 8, seed=seed).double() for seed in (1, 2, 3))
    result = attend_by_flex(q, k, v, mask_BT, reach=reach)
    expected = attend_densely(q, k, v, mask_BT, reach=reach)
    torch.testing.assert_close(result[mask_BT], expected[mask_BT], rtol=1e-9, atol=1e-12)
    assert result.isfinite().all()
    other_k, other_v = (part.where(mask_BT[..., None, None], 1e6) for part in (k, v))
    other = attend_by_flex(q, other_k, other_v, mask_BT, reach=reach)
    assert torch.equal(result[mask_BT], other[mask_BT])


@pytest.mark.parametrize("lengths", LAYOUTS, ids=str)
@pytest.mark.parametrize("reach", [5, 64])
def test_a_document_among_others_is_as_if_it_stood_alone(lengths, reach):
    group_BT = groups_of(lengths, lengths[::-1])
    q, k, v = (noise(*group_BT.shape, 2, 8, seed=seed).double() for seed in (1, 2, 3))
    result = attend_within_groups(q, k, v, group_BT, reach=reach)
    for row in range(2):
        for number in range(1, len(lengths) + 1):
            own = group_BT[row] == number
            alone = (part[row, own].unsqueeze(0) for part in (q, k, v))
            is_real = torch.ones(1, int(own.sum()), dtype=torch.bool)
            expected = attend_in_blocks(*alone, is_real, reach=reach)[0]
            torch.testing.assert_close(result[row, own], expected, rtol=1e-9, atol=1e-12)


def test_the_whole_encoder_can_be_made_to_use_it():
    config = {"vocab_size": 50, "hidden_size": 32, "num_oscillators": 8, "num_hidden_layers": 2}
    mask_BT = groups_of([150], [60]).bool()
    ids_BT = torch.randint(5, 50, mask_BT.shape, generator=torch.Generator().manual_seed(1))
    results = []
    for mode in ("auto", "flex"):
        torch.manual_seed(0)
        model = OssammaModel(OssammaConfig(**config, window_size=16, attention_mode=mode)).eval()
        with torch.no_grad():
            results.append(model(ids_BT, mask_BT).last_hidden_state[mask_BT])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_gradients_are_refused_on_a_cpu_with_advice():
    q = noise(1, 5, 1, 8).requires_grad_()
    with pytest.raises(ConfigurationError, match=r"a CUDA device only, got .* cpu; set"):
        attend_by_flex(q, q, q, torch.ones(1, 5, dtype=torch.bool), reach=1)


def test_a_cpu_never_gets_it_by_itself():
    assert not flex_can_run("cpu", 64)
    assert not flex_can_run("cuda", 8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_it_serves_any_length_after_few_compilations():
    # Through the compiler for a CPU: what a GPU adds is another template for the same graph.
    made = []

    def counting(module, inputs):
        made.append(module)
        return module

    def run(q, k, v, blocks):
        return flex_attention(q, k, v, block_mask=blocks)

    compiled = torch.compile(run, backend=counting)
    for num_rows, num_steps in ((2, 130), (3, 257), (4, 300), (5, 40), (2, 511), (7, 640)):
        mask_BT = groups_of([num_steps], [num_steps // 2]).bool().repeat(num_rows, 1)
        q, k, v = (noise(*mask_BT.shape, 2, 16, seed=seed) for seed in (1, 2, 3))
        parts = [part.transpose(1, 2) for part in (q, k, v)]
        result = compiled(*parts, window_blocks(mask_BT.int(), 64)).transpose(1, 2)
        expected = attend_densely(q, k, v, mask_BT, reach=64)
        torch.testing.assert_close(result[mask_BT], expected[mask_BT], rtol=1e-4, atol=1e-5)
    assert len(made) <= 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_layer_takes_it_in_without_a_break():
    torch.manual_seed(0)
    layer = SlidingWindowAttention(32, 2, window_size=64, mode="flex")
    z_BTD, mask_BT = noise(2, 150, 32), groups_of([150], [60]).bool()
    with torch.no_grad():
        plain = layer(z_BTD, mask_BT)
        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")(z_BTD, mask_BT)
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("num_steps", [130, 512, 700])
def test_on_a_gpu_it_is_the_dense_way_in_value_and_gradient(num_steps, dtype):
    mask_BT = groups_of([num_steps], [num_steps // 2]).bool().cuda()
    shape = (*mask_BT.shape, 4, 64)
    leaves = [noise(*shape, seed=s).cuda().to(dtype).requires_grad_() for s in (1, 2, 3)]
    grad = noise(*shape, seed=4).cuda().to(dtype) * mask_BT[..., None, None]
    results = []
    for attend in (attend_by_flex, attend_densely):
        y = attend(*leaves, mask_BT, reach=64) * mask_BT[..., None, None]
        results.append([y, *torch.autograd.grad(y, leaves, grad)])
    for flex, dense in zip(*results, strict=True):
        gap = float((flex.float() - dense.float()).detach().abs().max())
        tolerance = 1e-3 if dtype is torch.float32 else 2e-2
        assert gap <= tolerance * float(dense.detach().abs().max())

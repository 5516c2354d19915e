"""The fused kernels: they are the recurrence, on a GPU or, without one, in Triton's interpreter."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap

import pytest
import torch

from ossamma.model import oscillation_fused
from ossamma.model.oscillation import oscillate_recurrent
from ossamma.model.oscillation_fused import (
    TRITON_VERSION,
    Launch,
    fused_can_run,
    oscillate_both_ways,
    oscillate_fused,
    plan_launch,
    run_backward,
    run_forward,
)
from ossamma.model.oscillation_kernels import OscillatorCoefficients
from ossamma.model.oscillator import DECAY_RANGE, DLinOSS, OscillatorSettings, choose_mode
from ossamma.schema.errors import ConfigurationError

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NAMES = ("x", "decay", "angle", "gain", "u")

# The interpreter of Triton 3.6 fails on numpy 2.4.
LEAST_TRITON = (3, 6) if DEVICE == "cuda" else (3, 7)

pytestmark = pytest.mark.skipif(
    tuple(int(part) for part in TRITON_VERSION.split(".")[:2] if part) < LEAST_TRITON,
    reason=f"needs the package triton {LEAST_TRITON[0]}.{LEAST_TRITON[1]} or later, "
    f"found {TRITON_VERSION or 'none'}",
)


@pytest.fixture(scope="module", autouse=True)
def interpreter():
    """Without a GPU the kernels are defined, on their first use, for the interpreter."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        import_kernels()
        yield


def import_kernels():
    from ossamma.model import oscillation_triton  # noqa: PLC0415 - what the variable is set for

    assert oscillation_triton.INTERPRETED is (DEVICE == "cpu")


def noise(*shape, seed=1):
    """What bfloat16 can hold, so that all types get the same input."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return values.bfloat16().double()


def coefficients_of(decay, angle, gain):
    """As float64 tensors that hold what float32 can."""
    return OscillatorCoefficients(
        *(torch.as_tensor(part).float().double() for part in (decay, angle, gain))
    )


def scattered(num_channels=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(3, num_channels, generator=generator, dtype=torch.float64)
    return coefficients_of(
        10 ** (-4 + 3.7 * unit[0]), 0.02 + (math.pi - 0.12) * unit[1], 10 ** (-3 + 3 * unit[2])
    )


def extreme():
    """The corners of what the free parameters of a layer can reach."""
    corners = [(d, a) for d in DECAY_RANGE for a in (1e-3, math.pi / 2, math.pi - 1e-3)]
    decay, angle = zip(*corners, strict=True)
    return coefficients_of(decay, angle, [1e-6, 1.0, 0.1, 1e-6, 1.0, 0.1])


def by_recurrence(coefficients, u_NBT, grad_NBT, first_backward):
    """Output and gradients in float64: each channel by the plain loop in its own direction."""
    leaves = [part.clone().requires_grad_() for part in (*coefficients, u_NBT)]
    halves = []
    for reverse, part in ((False, slice(first_backward)), (True, slice(first_backward, None))):
        own = OscillatorCoefficients(*(leaf[part] for leaf in leaves[:3]))
        if len(own.gain_N):
            x_BTN = oscillate_recurrent(own, leaves[3][part].permute(1, 2, 0), reverse=reverse)
            halves.append(x_BTN.permute(2, 0, 1))
    x_NBT = torch.cat(halves)
    return [x_NBT.detach(), *torch.autograd.grad(x_NBT, leaves, grad_NBT)]


def by_kernels(coefficients, tensors, first_backward, *, dtype, launch=None):
    coefficients_3N = torch.stack(coefficients).float().to(DEVICE)
    u_NBT, grad_NBT = (part.to(DEVICE, dtype) for part in tensors)
    x_NBT = run_forward(coefficients_3N, u_NBT, first_backward, launch=launch)
    slopes_3N, adjoint_NBT = run_backward(
        coefficients_3N, (grad_NBT, u_NBT, x_NBT), first_backward, launch=launch
    )
    assert x_NBT.dtype is adjoint_NBT.dtype is dtype
    assert slopes_3N.dtype is torch.float32
    return [part.double().cpu() for part in (x_NBT, *slopes_3N, adjoint_NBT)]


def assert_close(results, references, tolerance):
    """Each channel of each tensor agrees, relative to its own greatest entry.

    A slope is a sum, which may cancel to almost nothing: its channels are also held against the
    greatest of them. (Triton's interpreter cuts digits off where a GPU rounds to bfloat16.)
    """
    for name, result, reference in zip(NAMES, results, references, strict=True):
        is_slope = reference.ndim == 1
        scale_N = reference.abs() if is_slope else reference.flatten(1).abs().amax(1)
        gap = (result - reference).abs()
        gap_N = gap if is_slope else gap.flatten(1).amax(1)
        least = tolerance / 10 if is_slope else 1e-6
        floor = least * float(scale_N.max())
        assert (gap_N <= tolerance * scale_N + floor).all(), f"{name}: {gap_N} of {scale_N}"


@pytest.mark.parametrize(
    ("length", "dtype", "tolerance"),
    [
        (1, torch.float32, 1e-4),
        (7, torch.float32, 1e-4),
        (16, torch.float32, 1e-4),
        (33, torch.float32, 1e-4),
        (1, torch.bfloat16, 1e-2),
        (8, torch.bfloat16, 1e-2),
        (33, torch.bfloat16, 1e-2),
        (19, torch.float16, 1e-2),
    ],
)
def test_the_kernels_are_the_recurrence_in_value_and_gradient(length, dtype, tolerance):
    coefficients = scattered()
    tensors = noise(4, 1, length), noise(4, 1, length, seed=2)
    several_tiles = Launch(rows_per_program=1, num_groups=2)
    results = by_kernels(coefficients, tensors, 2, dtype=dtype, launch=several_tiles)
    assert_close(results, by_recurrence(coefficients, *tensors, 2), tolerance)


@pytest.mark.parametrize("rows_per_program", [1, 2, 5])
def test_rows_share_a_program_without_mixing(rows_per_program):
    coefficients = scattered(2)
    tensors = noise(2, 5, 5), noise(2, 5, 5, seed=2)
    launch = Launch(rows_per_program=rows_per_program, num_groups=1)
    results = by_kernels(coefficients, tensors, 1, dtype=torch.float32, launch=launch)
    assert_close(results, by_recurrence(coefficients, *tensors, 1), 1e-4)


@pytest.mark.parametrize("shape", [(256, 64, 512), (256, 1, 1), (3, 7, 100), (1024, 1000, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_plan_fills_a_gpu_where_the_work_can(shape, dtype):
    num_channels, batch_size, num_steps = shape
    launch = plan_launch(torch.empty(shape, dtype=dtype, device="meta"))
    num_programs = num_channels * -(-batch_size // launch.rows_per_program)
    assert num_programs >= min(num_channels * batch_size, 4096)
    width = 8 if dtype is torch.bfloat16 else 4
    assert launch.num_groups == 64 or launch.num_groups * width >= num_steps
    assert launch.num_groups == 1 or launch.num_groups // 2 * width < num_steps


@pytest.mark.slow
@pytest.mark.parametrize("first_backward", [0, 6])
@pytest.mark.parametrize(("length", "num_groups"), [(1, 1), (70, 4), (70, 32)])
def test_extreme_parameters_keep_their_digits(length, num_groups, first_backward):
    coefficients = extreme()
    tensors = noise(6, 1, length), noise(6, 1, length, seed=2)
    launch = Launch(rows_per_program=1, num_groups=num_groups)
    results = by_kernels(coefficients, tensors, first_backward, dtype=torch.float32, launch=launch)
    assert_close(results, by_recurrence(coefficients, *tensors, first_backward), 1e-4)


@pytest.mark.slow
def test_errors_do_not_add_up_over_many_tiles():
    coefficients = coefficients_of([1e-4, 1e-4], [0.9, 1e-3], [1.0, 1.0])
    tensors = noise(2, 1, 2000), noise(2, 1, 2000, seed=2)
    results = by_kernels(coefficients, tensors, 1, dtype=torch.float32)
    assert_close(results, by_recurrence(coefficients, *tensors, 1), 1e-4)


def test_gradients_flow_through_the_operator():
    coefficients, u_BTN, grad_BTN = scattered(3), noise(2, 21, 3), noise(2, 21, 3, seed=2)
    for reverse in (False, True):
        leaves = [part.float().to(DEVICE).requires_grad_() for part in (*coefficients, u_BTN)]
        x_BTN = oscillate_fused(OscillatorCoefficients(*leaves[:3]), leaves[3], reverse=reverse)
        assert x_BTN.shape == u_BTN.shape
        slopes = torch.autograd.grad(x_BTN, leaves, grad_BTN.to(DEVICE, torch.float32))
        results = [x_BTN.detach().permute(2, 0, 1), *slopes[:3], slopes[3].permute(2, 0, 1)]
        expected = by_recurrence(
            coefficients,
            u_BTN.permute(2, 0, 1),
            grad_BTN.permute(2, 0, 1),
            0 if reverse else 3,
        )
        assert_close([part.double().cpu() for part in results], expected, 1e-4)


@pytest.mark.parametrize("shape", [(2, 0, 5), (2, 3, 0)])
def test_nothing_in_nothing_out(shape):
    coefficients = OscillatorCoefficients(*(part.float().to(DEVICE) for part in scattered(2)))
    leaf = torch.zeros(shape, device=DEVICE, requires_grad=True)
    x_NBT = oscillate_both_ways(coefficients, leaf, 1)
    assert x_NBT.shape == shape
    assert torch.autograd.grad(x_NBT.sum(), leaf)[0].shape == shape


@pytest.mark.parametrize("direction", ["bidirectional", "forward"])
def test_the_layer_is_the_same_by_kernels_and_blind_to_padding(direction):
    mask_BT = (torch.arange(19) < torch.tensor([19, 6])[:, None]).to(DEVICE)
    x_BTD = noise(2, 19, 6).float().to(DEVICE)
    results = []
    for mode, padding in (("chunked", 0.0), ("triton", 0.0), ("triton", -1e30)):
        torch.manual_seed(0)
        layer = DLinOSS(
            OscillatorSettings(hidden_size=6, num_oscillators=4, direction=direction, mode=mode)
        ).to(DEVICE)
        leaf = x_BTD.where(mask_BT[..., None], padding).requires_grad_()
        y_BTD = layer(leaf, mask_BT)
        (y_BTD * noise(2, 19, 6, seed=2).float().to(DEVICE)).sum().backward()
        slopes = [parameter.grad for parameter in layer.parameters()]
        results.append([y_BTD.detach(), leaf.grad, *slopes])
    for chunked, fused, other in zip(*results, strict=True):
        assert float((fused - chunked).abs().max()) <= 1e-4 * float(chunked.abs().max())
        assert fused.shape == chunked.shape
        assert torch.equal(other, fused) or other is results[2][1]
    assert torch.equal(results[2][1][mask_BT], results[1][1][mask_BT])


@pytest.mark.slow
def test_the_operator_keeps_pytorchs_rules():
    coefficients_3N = torch.stack(scattered(2)).float().to(DEVICE).requires_grad_()
    u_NBT = noise(2, 1, 16).float().to(DEVICE).requires_grad_()
    torch.library.opcheck(torch.ops.ossamma.oscillate.default, (coefficients_3N, u_NBT, 1))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_layer_compiles_without_a_break():
    settings = OscillatorSettings(hidden_size=6, num_oscillators=4, mode="triton")
    torch.manual_seed(0)
    layer = DLinOSS(settings).to(DEVICE)
    leaves = [noise(2, 19, 6).float().to(DEVICE).requires_grad_(), *layer.parameters()]
    mask_BT = (torch.arange(19) < torch.tensor([19, 6])[:, None]).to(DEVICE)
    results = []
    for module in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        y_BTD = module(leaves[0], mask_BT)
        results.append([y_BTD, *torch.autograd.grad(y_BTD.square().sum(), leaves)])
    for compiled, plain in zip(*results, strict=True):
        torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("number", ["", "3.5.1", "2.10.0"])
def test_a_triton_that_is_missing_or_too_old_is_refused(monkeypatch, number):
    monkeypatch.setattr(oscillation_fused, "TRITON_VERSION", number)
    assert not fused_can_run("cuda", torch.bfloat16)
    assert choose_mode("cuda", torch.bfloat16, 512) == "chunked"
    with pytest.raises(ConfigurationError, match=f"3.6 or later, found {number or 'none'};"):
        oscillate_fused(scattered(2), noise(1, 5, 2))


def test_a_gpu_gets_the_kernels_and_a_cpu_does_not():
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert choose_mode("cuda", dtype, 1) == choose_mode("cuda", dtype, 512) == "triton"
        assert not fused_can_run("cpu", dtype)
    assert choose_mode("cuda", torch.float64, 512) == choose_mode("cpu", torch.float32, 512)


def test_a_type_that_the_kernels_lack_is_refused():
    u_BTN = noise(1, 5, 2).to(DEVICE)
    with pytest.raises(ConfigurationError, match=r"float16, float32, got .*float64"):
        oscillate_fused(OscillatorCoefficients(*(c.to(DEVICE) for c in scattered(2))), u_BTN)


def run_apart(code):
    """Run code in a fresh process that defines the kernels for a GPU."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_cpu_is_refused_with_advice():
    message = run_apart(
        """
        import torch
        from ossamma.model.oscillator import DLinOSS, OscillatorSettings
        from ossamma.schema.errors import ConfigurationError
        layer = DLinOSS(OscillatorSettings(hidden_size=2, num_oscillators=2, mode="triton"))
        try:
            layer(torch.zeros(1, 3, 2), torch.ones(1, 3, dtype=torch.bool))
        except ConfigurationError as fault:
            print(fault)
        """
    )
    assert "needs a tensor on a CUDA device, got one on cpu" in message
    assert "set oscillator_mode to 'auto'" in message


@pytest.mark.slow
@pytest.mark.parametrize(("type_name", "width"), [("bf16", 8), ("fp32", 4)])
def test_compiled_for_a_gpu_they_load_whole_vectors_and_keep_to_registers(type_name, width):
    # Compiling needs no GPU. A slip in the layout shows as shared memory or as narrow loads.
    lines = run_apart(
        f"""
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource
        from ossamma.model import oscillation_triton as kernels

        for kernel in (kernels.forward_kernel, kernels.backward_kernel):
            signature, aligned = {{}}, {{}}
            for place, name in enumerate(kernel.arg_names):
                is_single = name in ("coefficients_ptr", "slopes_ptr")
                signature[name] = "constexpr" if name.isupper() else "i32"
                if name.endswith("_ptr"):
                    signature[name] = "*fp32" if is_single else "*{type_name}"
                if name.endswith("_ptr") or name == "num_steps":
                    aligned[(place,)] = [["tt.divisibility", 16]]
            source = ASTSource(
                fn=kernel, signature=signature, attrs=aligned,
                constexprs={{"GROUPS": 64, "WIDTH": {width}}},
            )
            for capability in (80, 90):
                made = triton.compile(
                    source, target=GPUTarget("cuda", capability, 32), options={{"num_warps": 1}}
                )
                ptx = made.asm["ptx"]
                print(made.metadata.shared, ptx.count("ld.global.v4"), ptx.count("ld.global.b16"),
                      ptx.count("st.global.v4"), len(made.asm["cubin"]) > 0)
        """
    ).splitlines()
    for line, num_inputs in zip(lines, (2, 2, 4, 4), strict=True):
        # Two groups per thread and two directions of time; the tile's own input counts twice.
        assert line == f"0 {4 * num_inputs} 0 4 True"


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("length", [512, 1000, 2048])
def test_on_a_gpu_they_are_the_recurrence_at_full_size(length, dtype):
    coefficients = scattered(64)
    tensors = noise(64, 9, length), noise(64, 9, length, seed=2)
    results = by_kernels(coefficients, tensors, 32, dtype=dtype)
    expected = by_recurrence(coefficients, *tensors, 32)
    assert_close(results, expected, 1e-4 if dtype is torch.float32 else 1e-2)

"""A block is its equations; every part can be switched off, and padding changes nothing."""

from __future__ import annotations

import pytest
import torch

from ossamma.model.block import (
    AdaptiveMixing,
    EvenMixing,
    FixedGate,
    Gate,
    NoFeedForward,
    OpenOscillatorGate,
    OscillatorGate,
    OssammaBlock,
    SwiGLU,
)
from ossamma.model.configuration import OssammaConfig

D, E = 16, 6

SWITCHES = {
    "everything": {},
    "no input gate": {"input_gate": False},
    "no output gate": {"output_gate": False},
    "no oscillator": {"use_oscillator": False},
    "even mixing": {"adaptive_mixing": False},
    "no feed-forward": {"ffn_expansion": 0},
    "forward only": {"direction": "forward"},
    "nothing": {
        "input_gate": False,
        "output_gate": False,
        "use_oscillator": False,
        "adaptive_mixing": False,
        "ffn_expansion": 0.0,
    },
}


@pytest.fixture(autouse=True)
def one_thread():
    """Run each test on one thread: for tensors this small a second one only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config(**settings):
    sizes = {"hidden_size": D, "num_attention_heads": 2, "num_oscillators": 8, "time_dimension": E}
    return OssammaConfig(**{**sizes, "window_size": 4, "dropout": 0.0, **settings})


def block(**settings):
    """A block with all weights of order 1, so that no gate hides a fault by standing at 1/2."""
    torch.manual_seed(11)
    made = OssammaBlock(config(**settings))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=parameter.shape[1] ** -0.5)
            elif name.endswith("bias"):
                parameter.normal_(std=0.3)
    return made.eval()


def inputs(num_rows=2, num_pieces=7, seed=12):
    generator = torch.Generator().manual_seed(seed)
    x_BTD = torch.randn(num_rows, num_pieces, D, generator=generator)
    time_BE = torch.randn(num_rows, E, generator=generator)
    lengths = torch.randint(1, num_pieces + 1, (num_rows,), generator=generator)
    mask_BT = torch.arange(num_pieces)[None] < lengths.clamp(min=num_pieces // 2)[:, None]
    return x_BTD, time_BE, mask_BT


def plain(b, x_BTD, time_BE, mask_BT):
    """The equations, line by line, from the parts that are not gates."""
    z, a_t = b.norm(x_BTD, time_BE)
    c, g = b.glu(z).split(D, dim=-1)
    rhythm = torch.sigmoid(b.oscillator_gate.oscillator(g, mask_BT))
    big = b.global_output(b.linear_attention(c, mask_BT) * rhythm)
    z_in = z * torch.sigmoid(big @ b.input_gate.projection.weight.T)
    local = b.window_attention(z_in, mask_BT)
    local = local + torch.sigmoid(big @ b.output_gate.projection.weight.T) * big
    alpha = torch.sigmoid(z @ b.mixing.projection.weight.T + b.mixing.projection.bias + a_t)
    x = x_BTD + alpha * big + (1 - alpha) * local
    gate, up = b.feed_forward.gate_and_up(b.feed_forward.norm(x)).split(2 * D, dim=-1)
    return x + b.feed_forward.down(gate * torch.sigmoid(gate) * up)


def test_a_block_is_its_equations():
    b, (x_BTD, time_BE, mask_BT) = block(), inputs()
    got = b(x_BTD, time_BE, mask_BT)[mask_BT]
    assert torch.allclose(got, plain(b, x_BTD, time_BE, mask_BT)[mask_BT], atol=1e-5)


def test_with_all_gates_fixed_the_branches_are_plain():
    b, (x_BTD, time_BE, mask_BT) = block(), inputs()
    b.oscillator_gate = OpenOscillatorGate()
    b.input_gate, b.output_gate = FixedGate(1.0), FixedGate(0.0)
    b.mixing, b.feed_forward = EvenMixing(), NoFeedForward()
    z = b.norm(x_BTD, time_BE)[0]
    global_branch = b.global_output(b.linear_attention(b.glu(z)[..., :D], mask_BT))
    local_branch = b.window_attention(z, mask_BT)
    wanted = x_BTD + (global_branch + local_branch) / 2
    assert torch.allclose(b(x_BTD, time_BE, mask_BT)[mask_BT], wanted[mask_BT], atol=1e-5)


def test_a_shut_input_gate_leaves_the_local_branch_nothing_to_see():
    b, (x_BTD, time_BE, mask_BT) = block(ffn_expansion=0), inputs()
    b.input_gate, b.output_gate = FixedGate(0.0), FixedGate(0.0)
    z, a_t = b.norm(x_BTD, time_BE)
    c, g = b.glu(z).chunk(2, dim=-1)
    big = b.global_output(b.linear_attention(c, mask_BT) * b.oscillator_gate(g, mask_BT))
    wanted = x_BTD + b.mixing(z, a_t) * big  # window attention has no bias: 0 in, 0 out
    assert torch.allclose(b(x_BTD, time_BE, mask_BT)[mask_BT], wanted[mask_BT], atol=1e-5)


def test_an_open_output_gate_adds_the_global_branch_to_the_local_one():
    b, (x_BTD, time_BE, mask_BT) = block(ffn_expansion=0), inputs()
    b.input_gate, b.output_gate = FixedGate(1.0), FixedGate(1.0)
    z, a_t = b.norm(x_BTD, time_BE)
    c, g = b.glu(z).chunk(2, dim=-1)
    big = b.global_output(b.linear_attention(c, mask_BT) * b.oscillator_gate(g, mask_BT))
    alpha, local = b.mixing(z, a_t), b.window_attention(z, mask_BT)
    wanted = x_BTD + big + (1 - alpha) * local  # alpha G + (1 - alpha) (L + G)
    assert torch.allclose(b(x_BTD, time_BE, mask_BT)[mask_BT], wanted[mask_BT], atol=1e-5)


@pytest.mark.parametrize(
    ("switch", "part", "on", "off"),
    [
        ({"input_gate": False}, "input_gate", Gate, FixedGate),
        ({"output_gate": False}, "output_gate", Gate, FixedGate),
        ({"use_oscillator": False}, "oscillator_gate", OscillatorGate, OpenOscillatorGate),
        ({"adaptive_mixing": False}, "mixing", AdaptiveMixing, EvenMixing),
        ({"ffn_expansion": 0}, "feed_forward", SwiGLU, NoFeedForward),
    ],
)
def test_a_switch_replaces_its_part_and_no_other(switch, part, on, off):
    whole, without = block(), block(**switch)
    assert type(getattr(whole, part)) is on
    assert type(getattr(without, part)) is off
    kinds = {name: type(module) for name, module in whole.named_children() if name != part}
    assert kinds == {name: type(m) for name, m in without.named_children() if name != part}
    x_BTD, time_BE, mask_BT = inputs()
    difference = whole(x_BTD, time_BE, mask_BT) - without(x_BTD, time_BE, mask_BT)
    assert difference[mask_BT].abs().max() > 1e-3


def test_ablated_gates_are_open_to_the_local_branch_and_shut_to_the_global_one():
    b = block(**SWITCHES["nothing"])
    x_BTD, _, mask_BT = inputs()
    assert (b.input_gate(x_BTD) == 1).all()
    assert (b.output_gate(x_BTD) == 0).all()
    assert (b.oscillator_gate(x_BTD, mask_BT) == 1).all()
    assert (b.mixing(x_BTD, torch.zeros(2, 1, 1)) == 0.5).all()
    assert (b.feed_forward(x_BTD) == 0).all()


def test_an_unbiased_gate_starts_at_one_half():
    gate = Gate(D, D)
    assert gate.projection.bias is None
    assert (gate(torch.zeros(1, 1, D)) == 0.5).all()


@pytest.mark.parametrize("name", SWITCHES)
def test_no_parameter_is_left_without_gradient(name):
    b, (x_BTD, time_BE, mask_BT) = block(**SWITCHES[name]), inputs()
    b(x_BTD, time_BE, mask_BT)[mask_BT].square().sum().backward()
    for parameter_name, parameter in b.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("num_padding", [1, 5, 70])
def test_padding_changes_nothing_at_real_pieces(name, num_padding):
    b, (x_BTD, time_BE, _) = block(**SWITCHES[name]), inputs()
    num_pieces = x_BTD.shape[1]
    alone = b(x_BTD, time_BE, torch.ones(2, num_pieces, dtype=torch.bool))
    noise = 100 * torch.randn(2, num_padding, D, generator=torch.Generator().manual_seed(13))
    mask_BT = (torch.arange(num_pieces + num_padding) < num_pieces).expand(2, -1)
    padded = b(torch.cat([x_BTD, noise], dim=1), time_BE, mask_BT)[:, :num_pieces]
    assert torch.allclose(padded, alone, atol=1e-5)


@pytest.mark.parametrize(("expansion", "inner"), [(2.0, 32), (1.0, 16), (0.01, 8), (0.7, 8)])
def test_the_feed_forward_width_is_a_multiple_of_eight(expansion, inner):
    assert SwiGLU(D, expansion, 1e-5).down.in_features == inner

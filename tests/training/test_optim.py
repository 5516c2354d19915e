"""Every trainable parameter has exactly one rate, and rates rise and fall as their names say."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ossamma.training.optim import (
    Rates,
    build_optimizer,
    build_schedule,
    parameter_groups,
    scale_of,
)
from tests import tiny

RATES = Rates(learning_rate=1e-3, crf_learning_rate=5e-2, weight_decay=0.1)
SCHEDULES = ("linear", "cosine", "constant")


@pytest.fixture(scope="module")
def model():
    return tiny.model(tiny.tokenizer())


def rates_by_name(model):
    """Parameter name -> the groups it is in."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {}
    for group in parameter_groups(model, RATES):
        for parameter in group["params"]:
            found.setdefault(names[id(parameter)], []).append((group["lr"], group["weight_decay"]))
    return found


def test_every_trainable_parameter_is_in_exactly_one_group(model):
    found = rates_by_name(model)
    assert set(found) == {name for name, _ in model.named_parameters()}
    assert all(len(groups) == 1 for groups in found.values())


def test_the_crf_has_its_own_rate_and_no_decay(model):
    found = rates_by_name(model)
    crf = {name for name in found if name.startswith("crf.")}
    assert crf == {"crf.transitions", "crf.start", "crf.end"}
    assert all(found[name] == [(5e-2, 0.0)] for name in crf)
    assert all(found[name][0][0] == 1e-3 for name in set(found) - crf)


def test_only_matrices_decay(model):
    found = rates_by_name(model)
    embeddings = {
        f"{prefix}.weight"
        for prefix, module in model.named_modules()
        if isinstance(module, nn.Embedding)
    }
    shapes = {name: parameter.ndim for name, parameter in model.named_parameters()}
    decayed = {name for name, [(_, decay)] in found.items() if decay}
    assert decayed == {
        name
        for name, ndim in shapes.items()
        if ndim >= 2 and name not in embeddings and not name.startswith("crf.")
    }
    assert embeddings
    assert "head.emissions.weight" in decayed


def test_a_frozen_parameter_is_in_no_group():
    model = tiny.model(tiny.tokenizer())
    model.crf.requires_grad_(requires_grad=False)
    found = rates_by_name(model)
    assert not any(name.startswith("crf.") for name in found)
    assert {group["name"] for group in parameter_groups(model, RATES)} == {"decayed", "free"}


@pytest.mark.parametrize(
    ("schedule", "step", "value"),
    [
        ("linear", 0, 1 / 11),
        ("linear", 9, 10 / 11),
        ("linear", 10, 1.0),
        ("linear", 55, 0.5),
        ("linear", 100, 0.0),
        ("linear", 1000, 0.0),
        ("cosine", 10, 1.0),
        ("cosine", 40, 0.75),
        ("cosine", 55, 0.5),
        ("cosine", 100, 0.0),
        ("constant", 9, 10 / 11),
        ("constant", 10, 1.0),
        ("constant", 99, 1.0),
    ],
)
def test_schedule_values(schedule, step, value):
    assert scale_of(schedule, 10, 100)(step) == pytest.approx(value, abs=1e-12)


@given(st.sampled_from(SCHEDULES), st.integers(0, 50), st.integers(1, 200))
def test_a_schedule_rises_then_falls_and_never_leaves_0_to_1(schedule, warmup, total):
    scale = scale_of(schedule, warmup, total)
    values = [scale(step) for step in range(max(total, warmup) + 1)]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert values[0] > 0.0, "the first step must move"
    assert values[: warmup + 1] == sorted(values[: warmup + 1])
    assert values[warmup:] == sorted(values[warmup:], reverse=True)
    if warmup < total:
        assert max(values) == values[warmup] == 1.0


def test_a_schedule_scales_all_groups_alike():
    weight, transition = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    optimizer = build_optimizer(
        [{"params": [weight], "lr": 1e-3}, {"params": [transition], "lr": 5e-2}]
    )
    schedule = build_schedule(optimizer, schedule="linear", warmup_steps=1, total_steps=4)
    seen = []
    for _ in range(5):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    scales = (0.5, 1.0, 2 / 3, 1 / 3, 0.0)
    for (slow, fast), scale in zip(seen, scales, strict=True):
        assert math.isclose(slow, 1e-3 * scale, abs_tol=1e-15)
        assert math.isclose(fast, 5e-2 * scale, abs_tol=1e-15)

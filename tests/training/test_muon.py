"""One optimiser of two: same steps as each alone, one schedule, exact resume."""

from __future__ import annotations

import io
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from ossamma.schema.errors import ConfigurationError
from ossamma.training.muon import MuonAdamW

pytestmark = pytest.mark.skipif(
    not hasattr(torch.optim, "Muon"), reason="this torch has no torch.optim.Muon (2.9 or later)"
)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def groups(module: nn.Module) -> list[dict[str, object]]:
    matrices = [p for p in module.parameters() if p.ndim == 2]
    vectors = [p for p in module.parameters() if p.ndim != 2]
    return [
        {"params": matrices, "lr": 0.01, "weight_decay": 0.1, "muon": True},
        {"params": vectors, "lr": 0.02, "weight_decay": 0.0},
    ]


def train(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        module(inputs).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_matrices_take_muons_steps_and_the_rest_adamws() -> None:
    both, alone = model(), model()
    train(both, MuonAdamW(groups(both)), 4)
    matrices, vectors = groups(alone)
    muon = torch.optim.Muon(
        matrices["params"], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(vectors["params"], lr=0.02, weight_decay=0.0, fused=True)
    for step in range(4):
        inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
        alone(inputs).square().mean().backward()
        for each in (muon, adamw):
            each.step()
            each.zero_grad()
    for one, other in zip(both.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_schedule_moves_the_rates_of_both() -> None:
    module = model()
    optimizer = MuonAdamW(groups(module))
    schedule = LambdaLR(optimizer, lambda step: 0.0 if step else 1.0)
    train(module, optimizer, 1)
    schedule.step()
    before = deepcopy(list(module.parameters()))
    train(module, optimizer, 1, first=1)
    for one, other in zip(before, module.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_resumed_run_ends_with_the_same_bits() -> None:
    whole = model()
    optimizer = MuonAdamW(groups(whole))
    train(whole, optimizer, 3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    resumed = deepcopy(whole)
    train(whole, optimizer, 3, first=3)
    again = MuonAdamW(groups(resumed))
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    train(resumed, again, 3, first=3)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_no_matrix_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="matrices"):
        MuonAdamW([{"params": [nn.Parameter(torch.zeros(3))], "muon": True}])

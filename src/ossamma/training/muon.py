"""Muon for matrices and AdamW for everything else, as one optimiser.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") replaces the
momentum of a matrix by the nearest orthogonal one. It is not meant for embeddings, vectors and
scalars, so those have AdamW.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Optimizer

from ossamma.schema.errors import ConfigurationError


class MuonAdamW(Optimizer):
    """Steps both optimisers; learning-rate schedules and checkpoints see one.

    Groups with `"muon": True` hold matrices for Muon. The scale of its update is matched to AdamW's
    (`match_rms_adamw`, Liu et al. 2025, "Muon is scalable for LLM training"), so that both take
    rates of the same size.

    Raises:
        ConfigurationError: this torch has no Muon, or a Muon group holds something else than
            matrices.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ConfigurationError(
                f"optimizer muon needs torch 2.9 or later, got {torch.__version__}; "
                "choose optimizer adamw"
            )
        for_muon = [group for group in groups if group.get("muon")]
        for_adamw = [group for group in groups if not group.get("muon")]
        if any(p.ndim != 2 for group in for_muon for p in group["params"]):
            raise ConfigurationError("a Muon group holds matrices only")
        self._parts: list[Optimizer] = []
        if for_muon:
            self._parts.append(torch.optim.Muon(for_muon, adjust_lr_fn="match_rms_adamw"))
        if for_adamw:
            self._parts.append(AdamW(for_adamw, fused=True))
        super().__init__([g for part in self._parts for g in part.param_groups], {})
        self._share_groups()

    def _share_groups(self) -> None:
        """Make a change of a group here, such as of its rate, a change in its part."""
        self.param_groups = [group for part in self._parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Step both."""
        assert closure is None, "closures are for optimisers that evaluate several times a step"
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of both."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share_groups()

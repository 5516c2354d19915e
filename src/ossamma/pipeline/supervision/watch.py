"""Whether a training run still makes sense: stall, divergence, overfitting. Pure rules.

The loss of an evaluation is the sum over the steps since the one before; rules compare means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ossamma.pipeline.supervision.progress import Evaluation
from ossamma.schema.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSettings:
    """When the watch speaks."""

    stall_seconds: float = 1_800.0
    """Without a step for so long, the child is taken for hung. An evaluation is no step."""
    diverged_loss: float = 5.0
    """A mean loss of so many times the lowest one, for `patience` evaluations, together with..."""
    diverged_score: float = 0.5
    """...a score below this part of the best one, is divergence."""
    patience: int = 3
    """Evaluations in a row that a trend must last."""

    def __post_init__(self) -> None:
        if not self.stall_seconds > 0.0:
            raise ConfigurationError(f"stall_seconds must be > 0, got {self.stall_seconds}")
        if self.patience < 1:
            raise ConfigurationError(f"patience must be >= 1, got {self.patience}")


def divergence(evaluations: Sequence[Evaluation], settings: WatchSettings) -> str | None:
    """Say why training has diverged; None if it has not."""
    if not evaluations:
        return None
    last = evaluations[-1]
    if not last.is_finite or not math.isfinite(last.score):
        wrong = [
            f"{name} is {loss}" for name, loss in last.losses.items() if not math.isfinite(loss)
        ]
        return f"at step {last.step} a loss is no number ({', '.join(wrong) or last.score})"
    means = mean_losses(evaluations)
    recent = range(max(1, len(means) - settings.patience), len(means))
    best = max(evaluation.score for evaluation in evaluations)
    if len(recent) < settings.patience:
        return None
    lowest = min(means)
    has_risen = all(means[i] > settings.diverged_loss * lowest for i in recent)
    has_fallen = all(evaluations[i].score < settings.diverged_score * best for i in recent)
    if has_risen and has_fallen:
        return (
            f"at step {last.step} the loss is {means[-1] / lowest:.1f} times its lowest and the "
            f"score {last.score:.3f}, after {best:.3f}"
        )
    return None


def overfitting(evaluations: Sequence[Evaluation], settings: WatchSettings) -> str | None:
    """Say that the score falls while the loss does; None if it does not."""
    means = mean_losses(evaluations)
    span = settings.patience + 1
    if len(evaluations) <= span:
        return None
    scores = [evaluation.score for evaluation in evaluations]
    falling_loss = all(after < before for before, after in _pairs(means[-span:]))
    falling_score = all(after < before for before, after in _pairs(scores[-span:]))
    if falling_loss and falling_score:
        return (
            f"dev falls while the loss falls, from {max(scores):.3f} to {scores[-1]:.3f} at step "
            f"{evaluations[-1].step}: overfitting. The best model is kept; more dropout or more "
            "data would help"
        )
    return None


def mean_losses(evaluations: Sequence[Evaluation]) -> list[float]:
    """Return the loss per step of each evaluation."""
    steps = [-1, *(evaluation.step for evaluation in evaluations)]
    return [
        evaluation.loss / max(1, evaluation.step - before)
        for before, evaluation in zip(steps, evaluations, strict=False)
    ]


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(values))

"""The learning rate of pre-training, by steps or by the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ossamma.training.pretrain_settings import PretrainSchedule, PretrainSettings


class Clock:
    """Seconds of training, over all parts of a run that was interrupted."""

    def __init__(self, spent: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._spent = spent
        self._started = now()

    @property
    def seconds(self) -> float:
        """Seconds since the run began, pauses left out."""
        return self._spent + self._now() - self._started


def rate_factor(settings: PretrainSettings, clock: Clock) -> Callable[[int], float]:
    """Return step -> factor of the peak rate, in [0, 1].

    The warm-up goes by steps. The descent goes by the share of the run that is done: of its steps,
    or of its time if there is a budget, whichever is more.
    """

    def factor(step: int) -> float:
        if step < settings.warmup_steps:
            return (step + 1) / (settings.warmup_steps + 1)
        return descent(settings.schedule, share_done(settings, step, clock), settings.decay_share)

    return factor


def share_done(settings: PretrainSettings, step: int, clock: Clock) -> float:
    """Return how much of the run is over, in [0, 1]."""
    remaining = max(settings.max_steps - settings.warmup_steps, 1)
    by_steps = max(step - settings.warmup_steps, 0) / remaining
    by_time = clock.seconds / settings.max_seconds if settings.max_seconds else 0.0
    return min(max(by_steps, by_time), 1.0)


def descent(schedule: PretrainSchedule, done: float, decay_share: float) -> float:
    """Return the factor after the warm-up, given the share of the run that is over.

    `wsd` (warm-up, stable, decay; Hu et al. 2024, "MiniCPM") keeps the rate until `decay_share` of
    the run is left, and goes down to zero linearly.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    left = 1.0 - done
    return left if schedule == "linear" else min(left / decay_share, 1.0)

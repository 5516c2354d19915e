"""What is done at each look at a training child: show, warn, and end what has gone wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from ossamma.pipeline.supervision.faults import Ending, Verdict
from ossamma.pipeline.supervision.gpu import GpuWatch
from ossamma.pipeline.supervision.progress import Evaluation
from ossamma.pipeline.supervision.watch import WatchSettings, divergence, overfitting

_GPU_EVERY: Final = 10
"""Looks between two samples of the GPU."""


class _Progress(Protocol):
    def read(self) -> int:
        """Take in what is new; return how much that is."""


class Watched(Protocol):
    """What a look needs to know of an attempt."""

    steps_before: int
    epochs_before: int

    @property
    def progress(self) -> _Progress:
        """What the child writes."""

    @property
    def evaluations(self) -> list[Evaluation]:
        """What is known so far."""


class StallClock:
    """Knows how long nothing has moved."""

    def __init__(self, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._now = now
        self._moved = now()

    def verdict(self, *, has_moved: bool) -> Verdict | None:
        """Say that the child hangs; None while there is hope."""
        if has_moved:
            self._moved = self._now()
        waited = self._now() - self._moved
        if waited <= self._limit:
            return None
        return Verdict(Ending.STALLED, f"no step for {waited:.0f} s; the log's end may say why")


class Looks:
    """What is done at each look at a running child."""

    def __init__(
        self,
        attempt: Watched,
        settings: WatchSettings,
        gpu: GpuWatch,
        *,
        say: Callable[[str], None],
        notes: list[str],
    ) -> None:
        self._attempt = attempt
        self._settings = settings
        self._gpu = gpu
        self._say = say
        self._notes = notes
        self._shown = len(attempt.evaluations)
        self._looks = 0
        self._state = ""
        self._clock = StallClock(settings.stall_seconds)
        self._has_warned = False

    def look(self) -> Verdict | None:
        """Show what is new; say whether the child must end."""
        has_moved = self._attempt.progress.read() > 0
        if self._looks % _GPU_EVERY == 0:
            self._state = self._gpu.sample()
        self._looks += 1
        self._show()
        if why := divergence(self._attempt.evaluations, self._settings):
            return Verdict(Ending.DIVERGED, f"{why}; a lower learning rate may help")
        self._warn_of_overfitting()
        return self._clock.verdict(has_moved=has_moved)

    def _show(self) -> None:
        for evaluation in self._attempt.evaluations[self._shown :]:
            self._say(
                f"step {self._attempt.steps_before + evaluation.step:>6,}  epoch "
                f"{self._attempt.epochs_before + evaluation.epoch:>3}  loss {evaluation.loss:10.2f}"
                f"  dev {evaluation.score:.4f}  {self._state}".rstrip()
            )
        self._shown = len(self._attempt.evaluations)

    def last_word(self, verdict: Verdict) -> Verdict:
        """Show what came at the very end; a child may have diverged just before it ended."""
        self._attempt.progress.read()
        self._show()
        if verdict.ending in {Ending.FINISHED, Ending.CRASHED} and (
            why := divergence(self._attempt.evaluations, self._settings)
        ):
            return Verdict(Ending.DIVERGED, f"{why}; a lower learning rate may help")
        return verdict

    def _warn_of_overfitting(self) -> None:
        why = overfitting(self._attempt.evaluations, self._settings)
        if why and not self._has_warned:
            self._has_warned = True
            self._notes.append(why)
            self._say(f"warning: {why}")

"""The attempts of a supervised spaCy run: their folders, their configurations, what they reached.

spaCy stores weights, and nothing else of the state of training. An attempt that goes on from an
earlier one has its weights, its place in the learning rate's schedule and what is left of its
steps; the optimiser's moments and the order of the documents begin anew.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.supervision.faults import Ending
from ossamma.pipeline.supervision.progress import Evaluation, ProgressFile

ATTEMPTS_FOLDER: Final = "attempts"
CONFIG_FILE: Final = "config.cfg"
LOG_FILE: Final = "train.log"
PROGRESS_FILE: Final = "progress.jsonl"
BEST: Final = "model-best"
LAST: Final = "model-last"
_FACTS_FILE: Final = "attempt.json"
_SCHEDULE: Final = "warmup_linear.v1"


@dataclass(slots=True)
class Attempt:
    """One start of the training process."""

    folder: Path
    number: int
    accumulate: int
    """Parts that a batch is divided into."""
    steps_before: int = 0
    """Of the attempts whose weights it began with."""
    epochs_before: int = 0
    ending: str | None = None
    """None while it runs, and for ever if its supervisor was killed."""
    message: str = ""
    peak_bytes: int | None = None
    seconds: float = 0.0
    progress: ProgressFile = field(init=False)

    def __post_init__(self) -> None:
        self.progress = ProgressFile(self.folder / PROGRESS_FILE)

    @property
    def evaluations(self) -> list[Evaluation]:
        """What is known so far."""
        return self.progress.evaluations

    @property
    def best(self) -> Evaluation | None:
        """The evaluation whose model was kept as the best; the earliest of equals."""
        return max(self.evaluations, key=lambda e: (e.score, -e.step), default=None)

    def write(self) -> None:
        """Write what is not in the progress file."""
        write_json(self.folder / _FACTS_FILE, _plain(self))

    def to_json(self) -> dict[str, Any]:
        """Return what a record of the run keeps."""
        best = self.best
        return {
            **_plain(self),
            "folder": self.folder.name,
            "steps": self.progress.last_step + 1,
            "best_score": None if best is None else best.score,
        }


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Weights to go on from."""

    model: Path
    steps: int
    """Made so far, over all attempts."""
    epochs: int


def read_attempts(run: Path) -> list[Attempt]:
    """Return the attempts of a run in their order."""
    found = []
    for path in sorted((run / ATTEMPTS_FOLDER).glob(f"[0-9][0-9]/{_FACTS_FILE}")):
        attempt = Attempt(path.parent, **json.loads(path.read_text(encoding="utf-8")))
        attempt.progress.read()
        found.append(attempt)
    return found


def resume_points(attempts: Sequence[Attempt]) -> list[ResumePoint]:
    """Return where one could go on, the best place first; a model may turn out to be torn."""
    points = []
    for attempt in reversed(attempts):
        if not attempt.evaluations:
            continue
        last = attempt.evaluations[-1]
        # spaCy also saves when an error ends it, but not when it is killed.
        saved_at_end = attempt.ending in {Ending.OUT_OF_MEMORY, Ending.CRASHED}
        step = attempt.progress.last_step if saved_at_end else last.step
        points.append(_point(attempt, LAST, step, last.epoch))
        if (best := attempt.best) is not None:
            points.append(_point(attempt, BEST, best.step, best.epoch))
    return [point for point in points if point.model.is_dir()]


def best_attempt(attempts: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that has the best model of all; the earliest of equals."""
    scored = [attempt for attempt in attempts if attempt.best is not None]
    return max(scored, key=lambda a: (a.best.score if a.best else 0.0, -a.number), default=None)


def attempt_config(
    config: dict[str, Any], attempt: Attempt, point: ResumePoint | None
) -> dict[str, Any]:
    """Return the configuration of an attempt.

    Args:
        config: the user's, with paths.
        attempt: whose logger, seed and number of parts are set.
        point: weights to begin with; None begins anew.
    """
    made = copy.deepcopy(config)
    training = made["training"]
    training["accumulate_gradient"] = attempt.accumulate
    training["logger"] = {
        "@loggers": "ossamma.ProgressLines.v1",
        "path": str(attempt.folder / PROGRESS_FILE),
    }
    if point is None:
        return made
    for name in made["nlp"]["pipeline"]:
        made["components"][name] = {"source": str(point.model), "component": name}
    # The order of the documents shall not be that of the beginning again.
    made["system"]["seed"] = int(made["system"]["seed"] or 0) + attempt.number
    _shorten(training, point)
    return made


def _shorten(training: dict[str, Any], point: ResumePoint) -> None:
    """Take off what was done already: steps, epochs, and the schedule's way."""
    if training["max_steps"]:
        training["max_steps"] = max(1, training["max_steps"] - point.steps)
    if training["max_epochs"] > 0:
        training["max_epochs"] = max(1, training["max_epochs"] - point.epochs)
    rate = training["optimizer"]["learn_rate"]
    if isinstance(rate, dict) and rate.get("@schedules") == _SCHEDULE:
        training["optimizer"]["learn_rate"] = shifted_schedule(rate, point.steps)


def shifted_schedule(rate: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return warmup_linear from its step `steps` on: the same rates at the same moments.

    Inside the warm-up only what is left of the warm-up is kept, and it begins at 0 again.
    """
    warmup, total = rate["warmup_steps"], rate["total_steps"]
    if steps < warmup:
        return {**rate, "warmup_steps": warmup - steps, "total_steps": total - steps}
    left = max(1, total - steps)
    reached = rate["initial_rate"] * left / max(1, total - warmup)
    return {**rate, "initial_rate": reached, "warmup_steps": 0, "total_steps": left}


def _point(attempt: Attempt, model: str, step: int, epoch: int) -> ResumePoint:
    steps = attempt.steps_before + step + 1
    return ResumePoint(attempt.folder / model, steps, attempt.epochs_before + epoch)


def _plain(attempt: Attempt) -> dict[str, Any]:
    names = ("number", "accumulate", "steps_before", "epochs_before", "ending", "message")
    figures = ("peak_bytes", "seconds")
    return {name: getattr(attempt, name) for name in (*names, *figures)}

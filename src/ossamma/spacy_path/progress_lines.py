"""The spaCy logger `ossamma.ProgressLines.v1`: a JSON line for every step, for a supervisor.

Imports nothing heavy: spaCy loads every known logger whenever it makes a pipeline.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

_LogStep = Callable[[dict[str, Any] | None], None]


def progress_lines(path: str) -> Callable[..., tuple[_LogStep, Callable[[], None]]]:
    """Make the logger; `path` is appended to.

    Every step is a line with `step` and `time`. A step that was evaluated, after which the models
    are on the disk, also has `epoch`, `score`, `losses` since the last evaluation, and `scores`.
    Numbers that are not finite are strings: "nan", "inf".
    """

    def begin(
        nlp: object, stdout: IO[str] | None = None, stderr: IO[str] | None = None
    ) -> tuple[_LogStep, Callable[[], None]]:
        del nlp, stdout, stderr
        file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  see finish
        steps = 0

        def log_step(info: dict[str, Any] | None) -> None:
            nonlocal steps
            row: dict[str, Any] = {"step": steps, "time": round(time.time(), 3)}
            if info is not None:
                row |= _evaluated(info)
            file.write(json.dumps(row) + "\n")
            steps += 1

        return log_step, file.close

    return begin


def _evaluated(info: Mapping[str, Any]) -> dict[str, Any]:
    scores = info["other_scores"] or {}
    return {
        "step": info["step"],
        "epoch": info["epoch"],
        "score": _number(info["score"]),
        "losses": {name: _number(loss) for name, loss in info["losses"].items()},
        "scores": {n: _number(s) for n, s in scores.items() if isinstance(s, int | float)},
        "words": info["words"],
    }


def _number(value: float) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else str(number)

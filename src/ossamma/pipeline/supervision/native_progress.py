"""What a native training child has logged, read while it is still writing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossamma.pipeline.supervision.progress import Evaluation


@dataclass(slots=True)
class MetricsProgress:
    """Follows metrics.jsonl. A resumed run rewrites it without what it will do again."""

    path: Path
    evaluations: list[Evaluation] = field(default_factory=list)
    last_step: int = -1
    _read: tuple[int, int] = (0, 0)
    """Inode and size at the last look."""

    def read(self) -> int:
        """Take in what is there; return how many lines are new, at least 1 if it was rewritten."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return 0
        if (state.st_ino, state.st_size) == self._read:
            return 0
        self._read = (state.st_ino, state.st_size)
        rows = list(_rows(self.path))
        self.evaluations = list(_evaluations(rows))
        self.last_step = max((int(row["step"]) for row in rows), default=-1)
        return max(1, len(rows))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n")[:-1]:  # what has no end yet is not whole
        row = json.loads(line)
        assert isinstance(row, dict), "our own callback wrote it"
        yield row


def _evaluations(rows: list[dict[str, Any]]) -> Iterator[Evaluation]:
    """Yield each evaluation with the sum of the losses since the one before."""
    losses: list[float] = []
    before = 0
    for row in rows:
        if "loss" in row:
            losses.append(float(row["loss"]))
        if "eval_f1" not in row:
            continue
        step = int(row["step"])
        mean = sum(losses) / len(losses) if losses else 0.0
        yield Evaluation(
            step=step,
            epoch=round(row["epoch"]),
            score=float(row["eval_f1"]),
            losses={"loss": mean * max(1, step - before)},
        )
        losses, before = [], step

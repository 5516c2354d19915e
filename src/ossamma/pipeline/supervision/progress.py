"""What a training child has written about itself, read while it is still writing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A step after which dev was scored; the models of that step are on the disk."""

    step: int
    epoch: int
    score: float
    """The main score, NaN if it was no number."""
    losses: Mapping[str, float]
    """Sums since the evaluation before."""

    @property
    def loss(self) -> float:
        """Of all components together."""
        return math.fsum(self.losses.values()) if self.is_finite else math.nan

    @property
    def is_finite(self) -> bool:
        """Whether every loss is a number."""
        return all(map(math.isfinite, self.losses.values()))


@dataclass(slots=True)
class ProgressFile:
    """Follows a file of lines; a last line without its end is read when it is whole."""

    path: Path
    _offset: int = 0
    evaluations: list[Evaluation] = field(default_factory=list)
    last_step: int = -1
    """The last step that was made; -1 before the first."""

    def read(self) -> int:
        """Take in what is new; return how many lines that is."""
        number = 0
        for row in self._rows():
            number += 1
            self.last_step = max(self.last_step, int(row["step"]))
            if "score" in row:
                self.evaluations.append(_evaluation(row))
        return number

    def _rows(self) -> Iterator[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            row = json.loads(line)
            assert isinstance(row, dict), "our own logger wrote it"
            yield row


def _evaluation(row: Mapping[str, Any]) -> Evaluation:
    return Evaluation(
        step=int(row["step"]),
        epoch=int(row["epoch"]),
        score=float(row["score"]),
        losses={name: float(loss) for name, loss in row["losses"].items()},
    )

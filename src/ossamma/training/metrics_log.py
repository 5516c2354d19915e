"""MetricsLog: every figure of a run in one JSON-lines file, without double lines after a resume."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ossamma.schema.atomic import atomic_write


class MetricsLog(TrainerCallback):
    """Appends everything the Trainer logs: step, epoch, seconds since 1970, and the figures."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def forget_after(self, step: int) -> None:
        """Drop what a resumed run will do again: lines of later steps, and a torn last line."""
        if not self.path.is_file():
            return
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        with atomic_write(self.path) as file:
            file.writelines(f"{line}\n" for line in lines if _belongs_to(line, step))

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Write one line."""
        del args, control
        logs: dict[str, float] = kwargs["logs"]
        line = {"step": state.global_step, "epoch": state.epoch, "time": time.time(), **logs}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _belongs_to(line: str, step: int) -> bool:
    """Whether a whole line was written at or before a step."""
    try:
        return bool(json.loads(line)["step"] <= step)
    except (ValueError, KeyError, TypeError):
        return False

"""The native training process with faults planted in it: one word of a plan for each start.

    python planted_native.py PLAN REQUEST.json

PLAN is a file of words; each start takes the first and removes it. The trainer is the real one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch

from ossamma.pipeline.supervision import native_child
from ossamma.training.trainer import TaggingTrainer

REAL = TaggingTrainer.compute_loss


def out_of_memory(trainer):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def no_number(trainer):
    with torch.no_grad():
        for parameter in trainer.task.model.parameters():
            parameter.fill_(float("nan"))


def full_disk(trainer):
    raise OSError(28, "No space left on device")


FAULTS = {
    "oom": out_of_memory,
    "nan": no_number,
    "disk": full_disk,
    "kill": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda _: time.sleep(600),
    "crash": lambda _: 1 // 0,
}


def main() -> None:
    plan = Path(sys.argv[1])
    word, *rest = [*plan.read_text(encoding="utf-8").split(), "ok"]
    plan.write_text(" ".join(rest), encoding="utf-8")
    name, _, step = word.partition("@")

    def planted(trainer, model, inputs, *args, **kwargs):
        if name in FAULTS and trainer.state.global_step >= int(step):
            FAULTS[name](trainer)
        return REAL(trainer, model, inputs, *args, **kwargs)

    TaggingTrainer.compute_loss = planted
    sys.argv = [sys.argv[0], sys.argv[2]]
    native_child.main()


if __name__ == "__main__":
    main()

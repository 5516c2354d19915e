"""Worker processes on this machine that end together, and leave in order on Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from ossamma.schema.errors import TrainingError

_PATIENCE_SECONDS = 5.0


def run_workers(work: Callable[..., None], arguments: Sequence[Any], *, count: int) -> None:
    """Run `work(worker, *arguments)` in `count` new processes; `worker` counts from 0.

    Processes, not threads: a training run seeds the generators of its whole process. They are
    started afresh, for a fork of a process in which torch has run may hang.

    Raises:
        KeyboardInterrupt: after every worker has had it, too, and has put its run in order.
        TrainingError: a worker died or ended with an error, which it has shown.
    """
    context = get_context("spawn")
    workers = [
        context.Process(target=_begin, args=(work, index, count, arguments))
        for index in range(count)
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        _interrupt(workers)
        raise
    failed = [worker.exitcode for worker in workers if worker.exitcode]
    if failed:
        raise TrainingError(
            f"{len(failed)} of {count} workers ended early, with exit code "
            f"{', '.join(map(str, failed))}; what was finished is kept: mend what they complain "
            "of (fewer workers need less memory) and give the same command again"
        )


def _begin(work: Callable[..., None], index: int, count: int, arguments: Sequence[Any]) -> None:
    # Each takes its share of the cores: torch would give every process all of them.
    torch.set_num_threads(max(torch.get_num_threads() // count, 1))
    try:
        work(index, *arguments)
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # the parent tells


def _interrupt(workers: Sequence[BaseProcess]) -> None:
    """Wait for workers that a terminal has interrupted already; interrupt the others."""
    for worker in workers:
        worker.join(_PATIENCE_SECONDS)
        if worker.is_alive() and worker.pid is not None and os.name == "posix":
            os.kill(worker.pid, signal.SIGINT)
        worker.join()

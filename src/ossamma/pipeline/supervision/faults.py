"""What ended a training child: its exit code and the end of its log, made into a verdict."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Ending(StrEnum):
    """Why a child is no longer there."""

    FINISHED = "finished"
    OUT_OF_MEMORY = "out of memory"
    DISK_FULL = "disk full"
    KILLED = "killed"
    CRASHED = "crashed"
    STALLED = "stalled"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a child ended, and what a person should know of it."""

    ending: Ending
    message: str


_OUT_OF_MEMORY: Final = re.compile(
    r"OutOfMemoryError|CUDA out of memory|CUBLAS_STATUS_ALLOC_FAILED|DefaultCPUAllocator: "
    r"can't allocate memory|^(?:numpy\S*\.)?_?(?:Array)?MemoryError",
    re.MULTILINE,
)
_DISK_FULL: Final = re.compile(
    r"No space left on device|Disk quota exceeded|\[Errno 28\]|is the disk full\?"
)
_LAST_ERROR: Final = re.compile(
    r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Warning)\b.*|✘ .*)$", re.MULTILINE
)


def verdict_of(code: int, log: str) -> Verdict:
    """Judge by the exit code (negative: the signal) and the end of the log."""
    if code == 0:
        return Verdict(Ending.FINISHED, "the training process ended by itself")
    if code == -signal.SIGKILL:
        return Verdict(
            Ending.KILLED,
            "the training process was killed (signal 9), by a person or by the system for want of "
            "main memory (`dmesg` knows)",
        )
    if _OUT_OF_MEMORY.search(log):
        return Verdict(Ending.OUT_OF_MEMORY, _last_error(log) or "there was not enough memory")
    if _DISK_FULL.search(log):
        return Verdict(Ending.DISK_FULL, "the disk is full; make room, and continue with --resume")
    if code < 0:
        return Verdict(
            Ending.KILLED, f"the training process was ended by {signal.Signals(-code).name}"
        )
    said = _last_error(log) or "it said nothing"
    return Verdict(Ending.CRASHED, f"the training process ended with exit code {code}: {said}")


def _last_error(log: str) -> str:
    found = _LAST_ERROR.findall(log)
    return found[-1].strip()[:500] if found else ""

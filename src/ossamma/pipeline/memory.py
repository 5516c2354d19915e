"""The most memory that a stretch of work held."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"  # man 5 proc: resets the peak of the resident set
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(slots=True)
class Peak:
    """Bytes; None while the work goes on, and where nobody can tell."""

    bytes: int | None = None


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Peak]:
    """Measure the peak inside the block: on a GPU what torch held there, else the whole process.

    The process's peak is known on Linux only.
    """
    peak = Peak()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    is_known = on_gpu or _reset()
    yield peak
    if is_known:
        peak.bytes = torch.cuda.max_memory_allocated(device) if on_gpu else _resident()


def _reset() -> bool:
    """Begin the peak of the resident set anew; say whether that worked."""
    try:
        _RESET.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _resident() -> int | None:
    found = _PEAK.search(_STATUS.read_text(encoding="utf-8"))
    return int(found[1]) * 1024 if found else None

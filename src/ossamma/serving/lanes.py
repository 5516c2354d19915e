"""The threads that recognition runs in: one for each kind of work, so that none blocks another."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lanes:
    """One thread each: several models share them and take turns."""

    front: Executor
    """Lays texts out."""
    model: Executor
    """Encodes windows and decodes short texts."""
    back: Executor
    """Decodes long texts."""

    @classmethod
    def open(cls) -> Lanes:
        """Start three threads."""
        names = ("ossamma-front", "ossamma-model", "ossamma-back")
        return cls(*(ThreadPoolExecutor(1, thread_name_prefix=name) for name in names))

    def close(self) -> None:
        """Let the threads end; what they have begun they finish."""
        for lane in (self.front, self.model, self.back):
            lane.shutdown(wait=False, cancel_futures=True)

"""A child process with a log, which is looked at while it runs and ended when it must be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.pipeline.supervision.faults import Verdict

_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_TAIL_BYTES: Final = 50_000
_GRACE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class ChildReport:
    """How a child ended."""

    code: int
    """Exit code; negative, the signal that ended it."""
    seconds: float
    peak_bytes: int | None
    """Most main memory that it held; None where the system does not tell."""
    stopped: Verdict | None
    """Why we ended it; None if it ended by itself."""


def run_child(
    command: Sequence[str],
    *,
    log: Path,
    look: Callable[[], Verdict | None],
    environment: Mapping[str, str] | None = None,
    every_seconds: float = 0.5,
    on_start: Callable[[int], None] | None = None,
) -> ChildReport:
    """Run a command to its end, or until `look` says that it must end.

    Args:
        command: program and arguments; no shell is involved.
        log: takes all that it prints.
        look: is called again and again while it runs; a verdict ends it.
        environment: added to ours.
        every_seconds: between two looks.
        on_start: is told the child's number.
    """
    begin = time.monotonic()
    peak = None
    stopped: Verdict | None = None
    with log.open("ab") as output:
        # A group of its own, so that its children end with it.
        child = subprocess.Popen(  # noqa: S603  the caller's own command, without a shell
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        try:
            if on_start is not None:
                on_start(child.pid)
            while child.poll() is None and stopped is None:
                peak = max(filter(None, (peak, _peak_of(child.pid))), default=None)
                stopped = look()
                time.sleep(every_seconds)
        finally:
            _end(child)
    return ChildReport(child.returncode, time.monotonic() - begin, peak, stopped)


def tail_of(log: Path) -> str:
    """Return the end of a log."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _end(child: subprocess.Popen[bytes]) -> None:
    """See to it that neither the child nor its children are left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        os.killpg(child.pid, number)
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _peak_of(process: int) -> int | None:
    try:
        found = _PEAK.search(Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None

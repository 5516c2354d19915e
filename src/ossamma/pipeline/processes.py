"""Who works on something, written down so that others can see when nobody does any more."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def own_process() -> dict[str, object]:
    """Return this process in plain JSON: the machine's name and the process's number on it."""
    return {"host": platform.node(), "process": os.getpid()}


def is_gone(host: object, process: object) -> bool:
    """Whether a process of this machine has ended.

    False where nobody can tell: on another machine, or where processes cannot be asked. A number
    that another process has by now looks as if the first one lived.
    """
    if host != platform.node() or not isinstance(process, int) or os.name != "posix":
        return False
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it lives, under another user
    return _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether it has ended, and is only still in the table for nobody has asked how."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # not Linux
    return stat.rpartition(")")[2].split()[0] == "Z"

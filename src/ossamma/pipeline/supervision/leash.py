"""Starts a module as a child that ends when its supervisor does, however that ends.

    python -m ossamma.pipeline.supervision.leash SUPERVISOR MODULE ARGUMENTS...

A supervisor that is killed cannot end its child. On Linux the system does it for us; elsewhere the
child runs on, and whoever resumes is told that it still does.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
from typing import Final

NAME: Final = "ossamma.pipeline.supervision.leash"
_PR_SET_PDEATHSIG: Final = 1  # man 2 prctl


def leashed(module: str) -> tuple[str, ...]:
    """Return the command that starts a module on the leash of this process."""
    return (sys.executable, "-m", NAME, str(os.getpid()), module)


def main() -> None:
    """Take the leash, and become the module."""
    supervisor, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it ended before we had the leash
            sys.exit(f"the supervisor {supervisor} is gone")
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

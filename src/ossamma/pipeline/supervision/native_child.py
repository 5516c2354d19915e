"""The training process of a supervised native run: reads its request, trains, says how it ended.

    python -m ossamma.pipeline.supervision.native_child REQUEST.json

Exit codes: 0 done; 2 files or settings are at fault; 4 training diverged. All else is a traceback.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from ossamma.pipeline.supervision.native_request import read_job
from ossamma.pipeline.train_run import train
from ossamma.schema.errors import OssammaError, TrainingError

FAULT: Final = 2
DIVERGED: Final = 4


def main() -> None:
    """Train."""
    # Ended by its supervisor, it still writes down that it was ended, and gives its folder free.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        train(read_job(Path(sys.argv[1])), Console(stderr=True, width=100))
    except OssammaError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(DIVERGED if isinstance(error, TrainingError) else FAULT)


if __name__ == "__main__":
    main()

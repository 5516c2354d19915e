"""The server's log: one JSON object a line, with the request's id and never a text."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

ACCESS = logging.getLogger("ossamma.access")
"""One line for each request; its facts are in `extra={"facts": {...}}`."""


class JsonLines(logging.Formatter):
    """Time, level, logger, message, and the facts of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            # Without the error's own message, which may quote a text.
            kind, _, trace = record.exc_info
            content["error"] = kind.__name__
            content["trace"] = "".join(traceback.format_tb(trace))
        return json.dumps(content, ensure_ascii=True, default=str)


def write_journal(level: str = "info", stream: TextIO | None = None) -> None:
    """Send the log of this process to a stream (standard error) as lines of JSON."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = name != "uvicorn.access"  # ours says more
    # These tell of every request that a client library of the same process makes.
    logging.getLogger("httpx").setLevel(logging.WARNING)

"""A recogniser that knows a few names by heart, and does to its process what a text tells it to."""

from __future__ import annotations

import os
import re
import time
from functools import partial
from pathlib import Path

from ossamma.ingestion.sharded.work import ShardWork
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Entity

NAME = re.compile("Ada|Oslo")


class NameRecogniser:
    """Finds Ada and Oslo. `DIE` ends the process; `WAIT` makes it slow."""

    def recognise_documents(self, documents):
        for document in documents:
            if "DIE" in document.text:
                os._exit(9)
            if "WAIT" in document.text:
                time.sleep(0.2)
            yield (
                document,
                [
                    Entity(m.start(), m.end(), "NAME", m.group(), 0.5)
                    for m in NAME.finditer(document.text)
                ],
            )


def load(marks: Path | None = None, *, refuse: bool = False) -> NameRecogniser:
    """Make one, and leave a file for each that was made."""
    if refuse:
        raise DataError("no names today")
    if marks is not None:
        (marks / f"loaded-{os.getpid()}-{time.monotonic_ns()}").touch()
    return NameRecogniser()


def work(folder: Path, **options) -> ShardWork:
    return ShardWork(partial(load, **options), folder)

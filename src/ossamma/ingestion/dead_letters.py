"""The folder of what could not be read: a copy of each file, and the reason beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ossamma.ingestion.files import SourceFile
from ossamma.schema.atomic import atomic_write

_MAX_COPY = 2**24


class DeadLetters:
    """Puts files aside. Names in the folder are made of hashes alone, whatever a file is called."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, file: SourceFile, content: str, reason: str, *, time: str) -> None:
        """Keep a file (by the SHA-256 of its content) with the reason; larger ones by name only."""
        self._folder.mkdir(parents=True, exist_ok=True)
        letter = {
            "name": file.name,
            "path": str(file.path),
            "content": content,
            "reason": reason,
            "time": time,
        }
        with atomic_write(self._folder / f"{content}.json") as out:
            json.dump(letter, out, indent=1)
        if file.path.is_file() and file.path.stat().st_size <= _MAX_COPY:
            with (
                file.path.open("rb") as source,
                atomic_write(self._folder / f"{content}.file", binary=True) as copy,
            ):
                shutil.copyfileobj(source, copy)

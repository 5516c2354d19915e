"""The ids of a file's documents, each of which may stand there once."""

from __future__ import annotations

from pathlib import Path

from ossamma.data.readers.lines import shown
from ossamma.schema.errors import FormatError


class UniqueNames:
    """Remembers where each document's id was first met, and refuses the second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, int] = {}

    def add(self, name: str, line: int) -> None:
        """Take note of an id."""
        if name in self._lines:
            raise FormatError(
                self._path,
                line,
                expected="an id that no earlier document has",
                got=f"{shown(name)}, the id of the document of line {self._lines[name]}",
            )
        self._lines[name] = line

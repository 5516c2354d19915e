"""Which messages the process died of: written before such a one is touched, and read after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ossamma.schema.atomic import atomic_write


class Suspects:
    """A small file of positions and deaths. Only what is worked on alone is written into it.

    A broker counts deliveries, but a process that dies takes its neighbours along: their count
    grows as well. The one that was alone when the process died is the one to blame.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deaths: dict[str, int] = _read(path)

    def deaths(self, position: str) -> int:
        """Return how often the process died while it worked on this message alone."""
        return self._deaths.get(position, 0)

    @contextmanager
    def alone(self, position: str) -> Iterator[None]:
        """Blame this message if the process dies inside of the block."""
        before = self._deaths.get(position, 0)
        self._write({**self._deaths, position: before + 1})
        try:
            yield
        finally:
            self.forget(position)

    def forget(self, position: str) -> None:
        """Take back what is held against a message."""
        if position in self._deaths:
            self._write({key: n for key, n in self._deaths.items() if key != position})

    def _write(self, deaths: dict[str, int]) -> None:
        self._deaths = deaths
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path) as out:
            json.dump(deaths, out)


def _read(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(key): int(value) for key, value in content.items() if isinstance(value, int)}

"""What is done already: contents of files by the recogniser that read them, one line each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from ossamma.graph.keys import content_key


class IngestState:
    """A file of keys that only grows. A line that was cut off by a crash counts for nothing.

    It is written after the sink has everything, so that a crash between the two makes work twice,
    which changes nothing in a sink, and never loses any.
    """

    def __init__(self, path: Path, bundle: str) -> None:
        self._path = path
        self._bundle = bundle
        self._done = set(_keys(path))

    def __len__(self) -> int:
        return len(self._done)

    def is_done(self, content: str) -> bool:
        """Whether a file with this SHA-256 went through this recogniser."""
        return content_key(content, self._bundle) in self._done

    def add(self, contents: Iterable[str]) -> None:
        """Write down that these are done. They are on the disk when this returns."""
        new = {content_key(content, self._bundle): content for content in contents}
        lines = [
            json.dumps({"key": key, "content": content, "bundle": self._bundle}) + "\n"
            for key, content in new.items()
            if key not in self._done
        ]
        with self._path.open("ab") as file:
            if file.tell() and not _ends_a_line(self._path):
                file.write(b"\n")
            file.write("".join(lines).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        self._done.update(new)


def _keys(path: Path) -> Iterable[str]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield str(json.loads(line)["key"])
        except (ValueError, KeyError, TypeError):
            continue


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"

"""The folder of a sharded extraction: what is there, what is missing, and whose it is.

::

    OUT/
      job.json                          what the parts are made of
      part-00000000-<key>.jsonl ...     a file for each shard; the key says of what
      done.json                         once every part is there
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from filelock import FileLock, Timeout

from ossamma.ingestion.sharded.shards import Shard
from ossamma.ingestion.sharded.work import TRIES_PREFIX
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError

JOB_FILE: Final = "job.json"
DONE_FILE: Final = "done.json"
_LOCK_FILE: Final = ".lock"
_PART: Final = re.compile(r"part-[0-9]{8}-([0-9a-f]{16})\.jsonl")


class ShardFolder:
    """Holds the folder for this process alone. Use it in a `with`.

    A part is there as a whole or not at all, under a name that says what it was made of. So what
    is missing is what has no file of its name, however the run before came to its end.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        """Choose a folder. `job` is what decides the content of parts beside the shards."""
        self.path = folder
        self._job = json.loads(json.dumps(job))
        self._lock = FileLock(folder / _LOCK_FILE, timeout=0)

    def __enter__(self) -> ShardFolder:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise DataError(
                f"another process writes into {self.path}; wait until it has ended, or choose "
                "another folder"
            ) from error
        except OSError as error:
            raise DataError(f"cannot make the folder {self.path}: {error.strerror}") from error
        try:
            self._claim()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def missing(self, shards: Sequence[Shard]) -> list[Shard]:
        """Return the shards that have no part yet; parts of input that has changed go away."""
        wanted = {shard.file_name for shard in shards}
        there = {name for name in _names(self.path) if _PART.fullmatch(name)}
        for name in there - wanted:
            (self.path / name).unlink()
        missing = [shard for shard in shards if shard.file_name not in there]
        if missing:
            (self.path / DONE_FILE).unlink(missing_ok=True)
        return missing

    def finish(self, shards: Sequence[Shard]) -> None:
        """Write down that every part is there.

        Raises:
            DataError: one is not: a worker sees another folder under this path.
        """
        absent = sorted({shard.file_name for shard in shards} - _names(self.path))
        if absent:
            raise DataError(
                f"expected {absent[0]} in {self.path}, found none: its worker wrote it elsewhere; "
                "the folder must lie where every machine sees it under the same path"
            )
        with atomic_write(self.path / DONE_FILE) as file:
            json.dump({"parts": len(shards)}, file)

    def _claim(self) -> None:
        """Write down whose folder it is, or see that it is ours."""
        file = self.path / JOB_FILE
        names = _names(self.path)
        if JOB_FILE not in names:
            strange = sorted(name for name in names if not name.startswith("."))
            if strange:
                raise DataError(
                    f"{self.path} holds {strange[0]} and no {JOB_FILE}; expected an empty folder, "
                    "a new one, or one that was begun by the same command"
                )
            with atomic_write(file) as out:
                json.dump(self._job, out, indent=1)
            return
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{file}: expected the facts of a run, got {error}") from error
        for key in sorted({*self._job, *found}):
            if self._job.get(key) != found.get(key):
                raise DataError(
                    f"{self.path} was begun with {key} {found.get(key)!r}, now it is "
                    f"{self._job.get(key)!r}; give the same command again, or another folder"
                )
        for name in names:
            # Of a process that was killed: files half written, and its count of tries.
            if name.startswith(TRIES_PREFIX) or (name.startswith(".") and name.endswith(".tmp")):
                (self.path / name).unlink()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}

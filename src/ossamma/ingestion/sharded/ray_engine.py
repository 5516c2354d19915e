"""Shards on Ray Data: a pool of actors, each of which loads the bundle once.

Ray moves no text: an actor is told where a shard is, reads it there and writes its result. What
travels is a few hundred bytes in either direction, so that the object store may be small.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ossamma.ingestion.sharded.shards import Shard
from ossamma.ingestion.sharded.work import ShardOutcome, ShardWork
from ossamma.schema.errors import ConfigurationError, EngineError, OssammaError

_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent home
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what fails comes back as an exception
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers take the packages that are installed
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_OWN: Final = {
    # Ray would start its workers with the niceness 15: beside any other load they starve.
    "RAY_worker_niceness": "0",
    # The only switch that makes every process of Ray listen on the loopback instead of an address
    # that others reach; `_node_ip_address` is turned into such an address.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
_LEAST_STORE: Final = 80 * 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class RaySettings:
    """How many workers there are, and where."""

    workers: int = 2
    """Actors, each with a core and a recogniser of its own."""
    address: str | None = None
    """A running cluster as HOST:PORT; None: a Ray of our own on this machine, until the end."""
    object_store_bytes: int = 2**27
    """Shared memory that a Ray of our own takes at most."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigurationError(f"workers must be >= 1, got {self.workers}")
        if self.object_store_bytes < _LEAST_STORE:
            raise ConfigurationError(
                f"object_store_bytes must be >= {_LEAST_STORE}, got {self.object_store_bytes}"
            )


class RayEngine:
    """Has shards worked on by actors on this machine, or on a cluster."""

    def __init__(self, settings: RaySettings) -> None:
        self._settings = settings

    def run(self, work: ShardWork, shards: Sequence[Shard]) -> Iterator[ShardOutcome]:
        """Yield the outcomes as they come. See `Engine`.

        A worker that dies is started anew, and its shard given to it or another; without end, as
        far as Ray goes, so that it is the work which counts the tries.

        Raises:
            ModuleNotFoundError: Ray is not installed.
        """
        if not shards:
            return
        with _ray(self._settings) as ray:
            try:
                for row in self._rows(ray, work, shards):
                    if row["refused"]:
                        raise EngineError(f"a worker cannot begin: {row['refused']}")
                    yield ShardOutcome(**json.loads(row["outcome"]))
            except ray.exceptions.RayError as error:
                raise EngineError(
                    f"Ray gave up: {_first_line(error)}; what was finished is kept: give the same "
                    "command again"
                ) from error

    def _rows(self, ray: Any, work: ShardWork, shards: Sequence[Shard]) -> Iterator[Any]:  # noqa: ANN401
        workers = min(self._settings.workers, len(shards))
        dataset = ray.data.from_items(
            [{"shard": shard.to_json()} for shard in shards], override_num_blocks=len(shards)
        ).map(
            _Actor,
            fn_constructor_args=(work,),
            # Few tasks wait at an actor: the last shards shall be spread among all.
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
            num_cpus=1,
        )
        yield from dataset.iter_rows()


class _Actor:
    """A worker in a process of Ray."""

    def __init__(self, work: ShardWork) -> None:
        self._refused = ""
        try:
            self._worker = work.begin()
        except (OssammaError, ImportError, OSError) as error:
            # Raised here, Ray would start the actor anew for ever.
            self._refused = f"{type(error).__name__}: {error}"

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        if self._refused:
            return {"refused": self._refused, "outcome": ""}
        outcome = self._worker.extract(Shard.from_json(row["shard"]))
        return {"refused": "", "outcome": json.dumps(asdict(outcome))}


@contextmanager
def _ray(settings: RaySettings) -> Iterator[Any]:
    """Give the library while it is connected; afterwards nothing of it runs or lies about."""
    os.environ.update(_QUIET if settings.address else _QUIET | _OWN)
    ray = import_module("ray")
    import_module("ray.data")
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    folder = tempfile.mkdtemp(prefix="ossamma-ray-")
    try:
        try:
            with _without_native_notes(folder):
                ray.init(**_init_arguments(settings, folder))
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = settings.address or "this machine"
            raise EngineError(
                f"expected a Ray of version {ray.__version__} at {where}, got: {_first_line(error)}"
            ) from error
        with _orderly_end():
            yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Make SIGTERM an end like any other; Ray's own library aborts the process with a dump."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


@contextmanager
def _without_native_notes(folder: str) -> Iterator[None]:
    """Keep what Ray's library in C++ says of its own log level off the terminal."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with Path(folder, "start.log").open("wb") as file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _init_arguments(settings: RaySettings, folder: str) -> dict[str, Any]:
    quiet: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "configure_logging": False,
    }
    if settings.address:
        return quiet | {"address": settings.address}
    return quiet | {
        "address": "local",  # not one that happens to run, nor that of RAY_ADDRESS
        "num_cpus": settings.workers + 1,
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": settings.object_store_bytes,
        "_temp_dir": folder,
    }


def _hint(settings: RaySettings) -> str:
    """Say what else may be amiss: Ray's own messages do not tell a wrong token from no answer."""
    if settings.address is None or os.environ.get("RAY_AUTH_MODE") == "token":
        return ""
    return "; a cluster that asks for a token needs RAY_AUTH_MODE=token here, too"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]

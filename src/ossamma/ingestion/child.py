"""A process of its own that reads files, so that one bad file cannot stop the rest.

It sends JSON, which cannot do anything to the process that reads it. It is started anew after it
was ended or has died.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import ModuleType, TracebackType

from ossamma.ingestion.reading import IncomingText, read_file
from ossamma.ingestion.settings import IngestSettings
from ossamma.schema.errors import DataError, OssammaError

if sys.platform != "win32":
    import resource

_START_SECONDS = 60.0
"""How long a new process may take to load its libraries, on a busy machine."""


class FileReader:
    """Reads files in a child process under the settings' limits. Use it in a `with`."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> FileReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def read(self, path: Path) -> list[IncomingText]:
        """Return the texts in a file.

        Raises:
            DataError: it cannot be read; the message says why. Time that ran out and a process
                that died are reasons like any other.
        """
        pipe = self._pipe or self._start()
        try:
            pipe.send_bytes(str(path).encode("utf-8", "surrogateescape"))
            answered = pipe.poll(self._settings.max_seconds)
            answer = pipe.recv_bytes() if answered else b""
        except (EOFError, OSError) as error:
            self._end()
            raise DataError(
                "the process that read it died: most likely it needed more than "
                f"{self._settings.max_memory_bytes} bytes of memory"
            ) from error
        if not answer:
            self._end()
            raise DataError(f"it was not read within {self._settings.max_seconds:g} s")
        content = json.loads(answer)
        if "fault" in content:
            raise DataError(content["fault"])
        return [_text(one) for one in content["texts"]]

    def _start(self) -> Connection:
        context = get_context("spawn")
        own, other = context.Pipe()
        process = context.Process(target=_serve, args=(other, self._settings), daemon=True)
        with _without_main():
            process.start()
        other.close()
        self._process, self._pipe = process, own
        if not own.poll(_START_SECONDS):
            self._end()
            raise DataError(f"the process that reads did not start within {_START_SECONDS:g} s")
        own.recv_bytes()
        return own

    def _end(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._pipe = self._process = None


@contextmanager
def _without_main() -> Iterator[None]:
    """Hide the program that runs from a process that is started, which needs nothing of it.

    A new process imports the program of its parent: seconds where that loads a model's libraries,
    and the whole work over again where it is a script without a guard.
    """
    name = "__main__"
    before = sys.modules[name]
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        sys.modules[name] = before


def _text(content: dict[str, object]) -> IncomingText:
    pages = content["pages"]
    warnings = content["warnings"]
    assert isinstance(pages, list)
    assert isinstance(warnings, list)
    return IncomingText(
        str(content["part"]),
        str(content["text"]),
        tuple((int(start), str(name)) for start, name in pages),
        tuple(map(str, warnings)),
    )


def _serve(pipe: Connection, settings: IngestSettings) -> None:
    """Answer paths with texts or faults until the other side closes. Runs in the child."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (settings.max_memory_bytes,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe.send_bytes(b"ready")
    while True:
        try:
            path = pipe.recv_bytes().decode("utf-8", "surrogateescape")
        except EOFError:
            return
        pipe.send_bytes(_answer(Path(path), settings))


def _answer(path: Path, settings: IngestSettings) -> bytes:
    try:
        texts = [asdict(text) for text in read_file(path, settings)]
    except OssammaError as error:
        content: dict[str, object] = {"fault": str(error).removeprefix(f"{path}:").strip()}
    except MemoryError:
        content = {"fault": f"it needs more than {settings.max_memory_bytes} bytes of memory"}
    except Exception as error:  # noqa: BLE001  whatever a library makes of a hostile file
        content = {"fault": f"it cannot be read ({type(error).__name__}: {str(error)[:300]})"}
    else:
        content = {"texts": texts}
    return json.dumps(content).encode("utf-8")

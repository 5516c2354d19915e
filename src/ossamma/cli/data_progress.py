"""Progress of downloads and builds on a terminal, and the client for the network."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from ossamma.data.download import Downloader


class BuildBar:
    """Draws the step and the file on standard error; where that is no terminal, one line a step."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._title = ""

    def __enter__(self) -> BuildBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def step(self, title: str, done: int, total: int) -> None:
        """Begin the step number `done`, from 0, of `total`."""
        self._title = f"{done + 1}/{total} {title}"
        self._bar.reset(self._task, description=self._title, total=None)
        if not self._console.is_terminal:
            self._console.print(self._title, markup=False, highlight=False, soft_wrap=True)

    def begin(self, name: str, total: int | None) -> None:
        """Begin a file of so many bytes."""
        self._bar.reset(self._task, description=f"{self._title}: {name}", total=total)

    def advance(self, num_bytes: int) -> None:
        """Note that so many more bytes are there."""
        self._bar.advance(self._task, num_bytes)


def downloader(*, offline: bool) -> AbstractContextManager[Downloader | None]:
    """Return what downloads; None to stay off the network."""
    return nullcontext() if offline else Downloader()

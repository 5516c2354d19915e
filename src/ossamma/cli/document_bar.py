"""Progress over documents on a terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class DocumentBar:
    """Draws how many documents were read on standard error; nothing where that is no terminal."""

    def __init__(self, noun: str = "documents") -> None:
        """Count documents, or whatever the noun says."""
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(noun),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(noun, total=None)

    def __enter__(self) -> DocumentBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done: int, total: int) -> None:
        """Show that so many of so many documents are done."""
        self._bar.update(self._task, completed=done, total=total)

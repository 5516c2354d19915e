"""A whole ingestion: files to texts to entities to a sink, only what is new, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ossamma.graph.keys import text_key
from ossamma.ingestion.dead_letters import DeadLetters
from ossamma.ingestion.files import SourceFile, content_hash
from ossamma.ingestion.reading import IncomingText
from ossamma.ingestion.settings import DEFAULT_INGEST, IngestSettings
from ossamma.ingestion.sinks import ReadText, Sink
from ossamma.ingestion.state import IngestState
from ossamma.schema.errors import OssammaError
from ossamma.schema.spans import Recogniser


class TextReader(AbstractContextManager["TextReader"], Protocol):
    """What gives the texts in a file; `child.FileReader` does it in a process of its own."""

    def read(self, path: Path) -> list[IncomingText]:
        """Return the texts. Raises OssammaError where it cannot."""
        ...


@dataclass(slots=True)
class IngestReport:
    """What became of the files. `dead` are those that were put aside, with the reason."""

    files: int = 0
    skipped: int = 0
    documents: int = 0
    mentions: int = 0
    characters: int = 0
    dead: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waiting:
    file: SourceFile
    content: str
    texts: tuple[IncomingText, ...]

    @property
    def characters(self) -> int:
        return sum(len(text.text) for text in self.texts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingestion:
    """What an ingestion consists of. `now` gives the time as ISO 8601 in UTC."""

    recogniser: Recogniser
    sink: Sink
    state: IngestState
    dead_letters: DeadLetters
    reader: TextReader
    now: Callable[[], str]
    settings: IngestSettings = DEFAULT_INGEST

    def run(
        self, files: Sequence[SourceFile], progress: Callable[[int, int], None] = lambda *_: None
    ) -> IngestReport:
        """Ingest files; `progress` is told how many of how many are behind.

        A file that cannot be read, or whose text the recogniser refuses, is put aside with the
        reason. What fails in the sink ends the run: nothing would be kept any more.
        """
        report = IngestReport()
        waiting: list[_Waiting] = []
        seen: set[str] = set()
        for number, file in enumerate(files):
            progress(number, len(files))
            report.files += 1
            taken = self._take(file, report, seen)
            if taken is None:
                continue
            if waiting and self._is_full([*waiting, taken]):
                self._flush(waiting, report)
                waiting = []
            waiting.append(taken)
        self._flush(waiting, report)
        self.sink.finish()
        progress(len(files), len(files))
        return report

    def _take(self, file: SourceFile, report: IngestReport, seen: set[str]) -> _Waiting | None:
        try:
            content = content_hash(file.path)
        except OSError as error:
            self._put_aside(file, text_key(str(file.path)), str(error), report)
            return None
        if content in seen or self.state.is_done(content):
            report.skipped += 1
            return None
        seen.add(content)
        try:
            texts = self.reader.read(file.path)
        except OssammaError as error:
            self._put_aside(file, content, str(error), report)
            return None
        report.warnings += [(file.name, warning) for text in texts for warning in text.warnings]
        return _Waiting(file, content, tuple(texts))

    def _is_full(self, waiting: Sequence[_Waiting]) -> bool:
        texts = sum(len(one.texts) for one in waiting)
        characters = sum(one.characters for one in waiting)
        return texts > self.settings.batch_documents or characters > self.settings.batch_characters

    def _flush(self, waiting: Sequence[_Waiting], report: IngestReport) -> None:
        """Recognise and write files; the state is told last."""
        if not waiting:
            return
        read = self._recognised(waiting, report)
        texts = [text for texts in read.values() for text in texts]
        for first in range(0, len(texts), self.settings.batch_documents):
            part = texts[first : first + self.settings.batch_documents]
            self.sink.write(part, time=self.now())
        self.state.add(read)
        report.documents += len(texts)
        report.mentions += sum(len(text.entities) for text in texts)
        report.characters += sum(len(text.text) for text in texts)

    def _recognised(
        self, waiting: Sequence[_Waiting], report: IngestReport
    ) -> dict[str, list[ReadText]]:
        """Return the texts of each file by its content, file by file where not all at once."""
        try:
            return self._entities(waiting)
        except (OssammaError, ValueError, RuntimeError):
            found: dict[str, list[ReadText]] = {}
            for one in waiting:
                try:
                    found |= self._entities([one])
                except (OssammaError, ValueError, RuntimeError) as error:
                    reason = f"the recogniser refused it ({type(error).__name__}: {error})"
                    self._put_aside(one.file, one.content, reason, report)
            return found

    def _entities(self, waiting: Sequence[_Waiting]) -> dict[str, list[ReadText]]:
        texts = [text.text for one in waiting for text in one.texts]
        answers = iter(self.recogniser.recognise(texts))
        return {
            one.content: [
                ReadText(_name(one.file, text), text.text, tuple(next(answers)), text.pages)
                for text in one.texts
            ]
            for one in waiting
        }

    def _put_aside(self, file: SourceFile, content: str, why: str, report: IngestReport) -> None:
        self.dead_letters.add(file, content, why, time=self.now())
        report.dead.append((file.name, why))


def _name(file: SourceFile, text: IncomingText) -> str:
    return f"{file.name}#{text.part}" if text.part else file.name

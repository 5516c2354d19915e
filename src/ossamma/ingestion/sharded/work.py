"""What is done with a shard, and the engines that have it done: the protocol and its slow twin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ossamma.data.readers.jsonl import jsonl_line
from ossamma.ingestion.sharded.shards import Shard, documents_of
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import OssammaError
from ossamma.schema.spans import Document, Entity

TRIES_PREFIX: Final = ".tries-"
"""How the files are called that count how often a shard was begun in this run."""
_MOST_TRIES: Final = 3


class DocumentRecogniser(Protocol):
    """What finds entities in documents that may come with words of their own."""

    def recognise_documents(
        self, documents: Iterable[Document]
    ) -> Iterator[tuple[Document, list[Entity]]]:
        """Yield each document with its entities, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOutcome:
    """What became of a shard. With a `fault` nothing was written."""

    number: int
    documents: int = 0
    entities: int = 0
    characters: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What a worker needs to know; it travels to other processes and machines.

    `make` gives the recogniser: a function of a module with its arguments, as `functools.partial`
    makes one. `folder` is where results go; every machine sees it under this path.
    """

    make: Callable[[], DocumentRecogniser]
    folder: Path

    def begin(self) -> ShardWorker:
        """Return who does it, with the recogniser loaded. Raises what `make` raises."""
        return ShardWorker(self.make(), self.folder)


class ShardWorker:
    """Turns shards into files. One lives as long as its process, and loads its bundle once."""

    def __init__(self, recogniser: DocumentRecogniser, folder: Path) -> None:
        self._recogniser = recogniser
        self._folder = folder

    def extract(self, shard: Shard) -> ShardOutcome:
        """Write a shard's file, as a whole or not at all.

        What is recognised together decides the last digits of a confidence, so that a shard is
        always read from its first document to its last, and with nothing else.
        """
        started, before = time.perf_counter(), time.process_time()
        documents = entities = characters = 0
        tries = self._folder / f"{TRIES_PREFIX}{shard.file_name}"
        try:
            if _noted(tries) > _MOST_TRIES:
                return ShardOutcome(number=shard.number, fault=_deadly(shard))
            with atomic_write(self._folder / shard.file_name) as file:
                for document, found in self._recogniser.recognise_documents(documents_of(shard)):
                    file.write(jsonl_line(document, found))
                    documents += 1
                    entities += len(found)
                    characters += len(document.text)
            tries.unlink(missing_ok=True)
        except (OssammaError, OSError) as error:
            return ShardOutcome(number=shard.number, fault=str(error))
        return ShardOutcome(
            number=shard.number,
            documents=documents,
            entities=entities,
            characters=characters,
            seconds=time.perf_counter() - started,
            processor_seconds=time.process_time() - before,
        )


def _noted(tries: Path) -> int:
    """Note one more try; return how many there are. Who dies in the middle leaves its note."""
    with tries.open("ab") as file:
        file.write(b".")
        return file.tell()


def _deadly(shard: Shard) -> str:
    return (
        f"{shard.names[0]}: expected shard {shard.number} to be read, but its worker died "
        f"{_MOST_TRIES} times in it, most likely for want of memory; try fewer workers"
    )


class Engine(Protocol):
    """What has shards worked on."""

    def run(self, work: ShardWork, shards: Sequence[Shard]) -> Iterator[ShardOutcome]:
        """Yield the outcome of every shard once its file is there, in any order.

        Whoever stops reading stops the work; nothing runs on when the iterator is closed.

        Raises:
            OssammaError: what `work` raises when it begins.
            EngineError: workers cannot be had, or died again and again.
        """
        ...


class LocalEngine:
    """One shard after another in this process: what every other engine must equal."""

    def run(self, work: ShardWork, shards: Sequence[Shard]) -> Iterator[ShardOutcome]:
        """Yield the outcomes, in order."""
        worker = work.begin()
        yield from map(worker.extract, shards)

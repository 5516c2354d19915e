"""A process that ingests a folder into an embedded graph, file by file, until somebody kills it."""

from __future__ import annotations

import sys
from pathlib import Path

from ossamma.graph.recording import Recorder
from ossamma.graph.stores.embedded import EmbeddedSettings, EmbeddedStore
from ossamma.ingestion.dead_letters import DeadLetters
from ossamma.ingestion.files import find_files
from ossamma.ingestion.reading import read_file
from ossamma.ingestion.run import Ingestion
from ossamma.ingestion.settings import IngestSettings
from ossamma.ingestion.sinks import GraphSink
from ossamma.ingestion.state import IngestState
from tests.graph import cyber

SMALL = EmbeddedSettings(memory_bytes=1 << 26, max_bytes=1 << 28, threads=1)


class SameProcessReader:
    """Reads files here: the tests of limits have a process of their own."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self, path):
        return read_file(path, IngestSettings())


def ingest(folder, store, state, **settings):
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words")
    return Ingestion(
        recogniser=cyber.WordRecogniser(),
        sink=GraphSink(store, recorder),
        state=IngestState(state, "words"),
        dead_letters=DeadLetters(state.with_suffix(".dead")),
        reader=SameProcessReader(),
        now=lambda: "2026",
        settings=IngestSettings(**settings),
    ).run(list(find_files([folder])), lambda *_: sys.stdout.write("file\n") and sys.stdout.flush())


if __name__ == "__main__":
    where = Path(sys.argv[2])
    ingest(Path(sys.argv[1]), EmbeddedStore(where, SMALL), where.with_suffix(".state"),
           batch_documents=2)  # fmt: skip

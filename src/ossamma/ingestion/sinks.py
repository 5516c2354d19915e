"""Where mentions go: a graph, or a file of lines. Writing the same twice changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ossamma.graph.batch import batch_of
from ossamma.graph.census import GraphCensus, census
from ossamma.graph.clusters import canonical_keys
from ossamma.graph.keys import content_key, storable, text_key
from ossamma.graph.recording import Recorder
from ossamma.graph.store import GraphStore
from ossamma.graph.values import Decision, Edge, EdgeType, EntityNode, Node
from ossamma.schema.errors import ConfigurationError, FormatError
from ossamma.schema.spans import Entity

GRAPH_FILE = "graph.lbug"
"""What a graph is called in a folder that is given for it."""


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text with its entities, and the name under which it came."""

    name: str
    text: str
    entities: tuple[Entity, ...]
    pages: tuple[tuple[int, str], ...] = ()


class Sink(Protocol):
    """What takes texts with their entities."""

    def write(self, texts: Sequence[ReadText], *, time: str) -> None:
        """Take them all, or none; they are on the disk when this returns."""
        ...

    def finish(self) -> None:
        """Do what can only be done when everything is in. May be called again."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class SinkPlace:
    """Where a sink is: `kind` is `graph` or `jsonl`, `place` a path or a URL."""

    kind: str
    place: str

    @property
    def state(self) -> Path | None:
        """The usual place of the state: beside the sink. None for a server."""
        return None if "://" in self.place else Path(f"{self.place}.state.jsonl")


def parse_sink(text: str) -> SinkPlace:
    """Read `embedded:PATH`, `jsonl:FILE`, a URL of a server, or a path by its ending.

    Raises:
        ConfigurationError: it is none of these.
    """
    kind, colon, rest = text.partition(":")
    if "://" in text:
        return SinkPlace("graph", text)
    if colon and rest and kind == "embedded":
        return SinkPlace("graph", str(_graph_file(Path(rest))))
    if colon and rest and kind == "jsonl":
        return SinkPlace("jsonl", rest)
    if text.endswith((".jsonl", ".ndjson")):
        return SinkPlace("jsonl", text)
    if text.endswith(".lbug") or Path(text).is_dir():
        return SinkPlace("graph", str(_graph_file(Path(text))))
    raise ConfigurationError(
        f"--sink: expected embedded:PATH, PATH.lbug, jsonl:FILE, FILE.jsonl or neo4j://HOST, got "
        f"{text!r}"
    )


def _graph_file(path: Path) -> Path:
    return path / GRAPH_FILE if path.is_dir() or not path.suffix else path


class GraphSink:
    """A graph in any store."""

    def __init__(self, store: GraphStore, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._written: set[str] = set()

    def write(self, texts: Sequence[ReadText], *, time: str) -> None:
        """Join the texts into the graph, in one transaction."""
        values: list[Node | Edge] = []
        things: set[str] = set()
        for one in texts:
            recorded = self._recorder.record(one.name, one.text, one.entities, time=time)
            values += recorded.values
            things |= recorded.things
        # What is known of a thing never changes, and nothing is ever deleted: once is enough.
        new = things - self._written
        for thing in sorted(new):
            values += self._recorder.known(thing)
        self._store.write(batch_of(values))
        self._written |= new

    def finish(self) -> None:
        """Say anew which entities are one."""
        refresh(self._store)

    def census(self, *, is_thorough: bool = False) -> GraphCensus:
        """Count what the graph holds (see `graph.census`)."""
        return census(self._store, is_thorough=is_thorough)

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def refresh(store: GraphStore) -> int:
    """Give every entity the key of the one that stands for it; return how many changed.

    Raises:
        GraphError: the store cannot be written.
    """
    entities = list(store.scan(EntityNode))
    same = store.edges([EdgeType.SAME_AS])
    keys = canonical_keys(entities, same, store.scan(Decision))
    changed = {one.id: keys[one.id] for one in entities if keys[one.id] != one.canonical}
    if changed:
        store.set_canonical(changed)
    return len(changed)


class JsonlSink:
    """A file with a line for each text and recogniser; one that was cut off is taken out."""

    def __init__(self, path: Path, bundle: str) -> None:
        """Open a file, or begin one. Raises FormatError if it holds anything else."""
        self._path = path
        self._bundle = bundle
        path.parent.mkdir(parents=True, exist_ok=True)
        self._keys = set(self._known())

    def write(self, texts: Sequence[ReadText], *, time: str) -> None:
        """Append the lines of texts that are not there yet."""
        lines = []
        for one in texts:
            key = content_key(one.name, text_key(storable(one.text)), self._bundle)
            if key not in self._keys:
                self._keys.add(key)
                lines.append(json.dumps(self._line(key, one, time)) + "\n")
        with self._path.open("ab") as file:
            file.write("".join(lines).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Do nothing: every line is whole."""

    def close(self) -> None:
        """Do nothing: the file is open only while it is written."""

    def _line(self, key: str, one: ReadText, time: str) -> dict[str, object]:
        entities = [
            {
                "start": entity.start,
                "end": entity.end,
                "label": entity.label,
                "text": entity.text,
                "confidence": entity.confidence,
            }
            for entity in one.entities
        ]
        return {
            "key": key,
            "id": one.name,
            "document": text_key(storable(one.text)),
            "bundle": self._bundle,
            "time": time,
            "text": one.text,
            "pages": [list(page) for page in one.pages],
            "entities": entities,
        }

    def _known(self) -> Iterable[str]:
        if not self._path.is_file():
            return
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) != len(raw):
            os.truncate(self._path, len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                yield str(json.loads(line)["key"])
            except (ValueError, KeyError, TypeError) as error:
                raise FormatError(
                    self._path, number, expected="a line of an ingestion", got=repr(error)
                ) from error

"""Where the texts of a stream go: a sink of an ingestion, or another subject of a broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from ossamma.graph.census import GraphCensus
from ossamma.graph.keys import content_key, storable, text_key
from ossamma.ingestion.sinks import GraphSink, ReadText, Sink
from ossamma.ingestion.streaming.broker import Broker
from ossamma.ingestion.streaming.letters import Letter


@dataclass(frozen=True, slots=True)
class ReadLetter:
    """A letter with what was found in it."""

    letter: Letter
    read: ReadText


class Outlet(Protocol):
    """What takes letters that were read."""

    async def write(self, letters: Sequence[ReadLetter], *, time: str) -> None:
        """Take them all; they are safe when this returns. Writing the same again is harmless."""
        ...

    async def finish(self) -> None:
        """Do what is done now and then, and at the end."""
        ...


class SinkOutlet:
    """A sink, in the one thread that it is used from.

    `told` hears how its graph is whenever it was finished.
    """

    def __init__(
        self,
        sink: Sink,
        thread: Executor,
        *,
        told: Callable[[GraphCensus], None] = lambda _: None,
    ) -> None:
        self._sink = sink
        self._thread = thread
        self._told = told

    async def write(self, letters: Sequence[ReadLetter], *, time: str) -> None:
        """Write the texts; what metadata says is not kept."""
        texts = [one.read for one in letters]
        await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: self._sink.write(texts, time=time)
        )

    async def finish(self) -> None:
        """Finish the sink, and tell how its graph is."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)

    def _finish(self) -> None:
        self._sink.finish()
        if isinstance(self._sink, GraphSink):
            self._told(self._sink.census())


class BrokerOutlet:
    """A subject, stream or queue; each text's answer is a message, named by what it answers."""

    def __init__(self, broker: Broker, name: str, bundle: str) -> None:
        self._broker = broker
        self._name = name
        self._bundle = bundle

    async def write(self, letters: Sequence[ReadLetter], *, time: str) -> None:
        """Send the answers, one after the other."""
        for one in letters:
            key, content = self._message(one, time)
            await self._broker.send(self._name, key, content)

    async def finish(self) -> None:
        """Do nothing: every message is whole."""

    def _message(self, one: ReadLetter, time: str) -> tuple[str, bytes]:
        document = text_key(storable(one.read.text))
        key = content_key(one.read.name, document, self._bundle)
        content = {
            "key": key,
            "id": one.read.name,
            "document": document,
            "bundle": self._bundle,
            "time": time,
            "entities": [
                {
                    "start": entity.start,
                    "end": entity.end,
                    "label": entity.label,
                    "text": entity.text,
                    "confidence": entity.confidence,
                }
                for entity in one.read.entities
            ],
            "metadata": dict(one.letter.metadata),
        }
        return key, json.dumps(content).encode("utf-8")

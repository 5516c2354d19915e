"""A stream into an embedded graph by names known by heart, as parts and as a process."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ossamma.graph.recording import Recorder
from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.ingestion.sinks import GraphSink
from ossamma.ingestion.streaming.inbox import Inbox
from ossamma.ingestion.streaming.judging import Judge
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.ingestion.streaming.opening import broker_of
from ossamma.ingestion.streaming.outlets import SinkOutlet
from ossamma.ingestion.streaming.places import parse_place
from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.ingestion.streaming.stream import Stream
from ossamma.ingestion.streaming.suspects import Suspects
from ossamma.ingestion.streaming.work import Work
from tests.graph import cyber
from tests.graph.writer import SETTINGS as SMALL

SETTINGS = StreamSettings(
    batch_messages=12, in_flight_messages=24, batch_milliseconds=20, redeliver_seconds=1.0,
    patience_seconds=30.0, max_message_bytes=10_000, max_characters=1_000,
)  # fmt: skip


def text(number: int) -> str:
    return f"Report {number}. {cyber.TEXTS[number % 4]}"


def message(number: int) -> bytes:
    return json.dumps({"id": str(number), "text": text(number)}).encode("utf-8")


def send(url: str, *bodies: bytes, name: str = "") -> None:
    """Publish messages as they are."""

    async def publish() -> None:
        place = parse_place(url, {})
        broker = broker_of(place, SETTINGS)
        await broker.start(None)
        await broker.prepare(name or place.name)
        for number, body in enumerate(bodies):
            await broker.send(name or place.name, f"{time.time_ns()} {number}", body)
        await broker.close()

    asyncio.run(publish())


def received(url: str, name: str = "") -> list[dict]:
    """Everything that is at a place, read by a group of its own."""

    async def read() -> list[dict]:
        place = parse_place(url.replace(parse_place(url, {}).name, name) if name else url, {})
        broker = broker_of(place, StreamSettings())
        found: list[dict] = []

        async def take(delivery):
            found.append(json.loads(delivery.body))
            await broker.acknowledge([delivery])

        await broker.start(take)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            await asyncio.sleep(0.2)
            if (await broker.lag()).is_none:
                break
        await broker.close()
        return found

    return asyncio.run(read())


class SlowRecogniser(cyber.WordRecogniser):
    """Takes its time, dies of a word, and refuses another."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def recognise(self, texts):
        time.sleep(self.seconds)
        if any("DEADLY" in text for text in texts):
            signal.raise_signal(signal.SIGKILL)
        if any("REFUSED" in text for text in texts):
            raise ValueError("refused")
        return super().recognise(texts)


def sink_of(store):
    return GraphSink(store, Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words"))


async def stream(url, sink, suspects, *, seconds=0.0, settings=SETTINGS, **options):
    """Run a stream; `options` are of `Stream`."""
    with ThreadPoolExecutor(1) as thread:
        judge = Judge(
            recogniser=SlowRecogniser(seconds),
            outlet=SinkOutlet(sink, thread),
            thread=thread,
            now=lambda: "2026",
            order=random.Random(0),
        )
        place = parse_place(url, {})
        work = Work(
            place=place,
            broker=broker_of(place, settings),
            inbox=Inbox(settings.in_flight_messages),
            judge=judge,
            suspects=Suspects(suspects),
            metrics=StreamMetrics(),
            settings=settings,
        )
        return await Stream(work=work, **options).run()


async def _main(url, where, seconds, suspicious):
    logging.basicConfig(level=logging.WARNING)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    store = EmbeddedStore(where, SMALL)

    class Told(GraphSink):
        """Says when a batch is committed."""

        def write(self, texts, *, time):
            super().write(texts, time=time)
            sys.stdout.write(f"{len(texts)}\n")
            sys.stdout.flush()

    sink = Told(store, Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words"))
    report = await stream(
        url, sink, where.with_suffix(".suspects"), seconds=seconds, until_idle=0.5,
        stopping=stopping, settings=replace(SETTINGS, suspicious_deliveries=suspicious),
    )  # fmt: skip
    store.close()
    sys.stdout.write(f"done {report}\n")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))

"""Messages per second from a real broker into a graph, beside the same texts written directly.

Starts nats-server and redis-server on the loopback in a temporary folder, whichever is installed.
The recogniser knows a few names by heart, so that what is measured is the way, not a model. The
peer is a plain loop over the same texts: recognise, write, in the same batches, no broker.

    python -m benchmarks.stream --messages 2000 --repeats 3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.ingestion.sinks import GraphSink, ReadText
from ossamma.ingestion.streaming.settings import StreamSettings
from tests.graph import cyber
from tests.ingestion.streaming import streamer
from tests.ingestion.streaming.servers import KINDS, Server, program

_BATCH = 64


def directly(sink: GraphSink, count: int) -> float:
    """Write texts in a plain loop; return messages per second."""
    recogniser = cyber.WordRecogniser()
    started = time.perf_counter()
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        texts = [streamer.text(number) for number in numbers]
        found = recogniser.recognise(texts)
        sink.write(
            [
                ReadText(str(number), text, tuple(entities))
                for number, text, entities in zip(numbers, texts, found, strict=True)
            ],
            time="2026",
        )
    sink.finish()
    return count / (time.perf_counter() - started)


def streamed(server: Server, sink: GraphSink, count: int, name: str) -> float:
    """Stream texts that wait at a broker; return messages per second, without the idle end."""
    url = server.url(name)
    streamer.send(url, *map(streamer.message, range(count)))
    settings = replace(StreamSettings(), batch_messages=_BATCH)
    started = time.perf_counter()
    ended = started

    class Timed:
        """Notes when the last batch was written."""

        def write(self, texts: list[ReadText], *, time: str) -> None:
            nonlocal ended
            sink.write(texts, time=time)
            ended = clock()

        def finish(self) -> None:
            sink.finish()

        def close(self) -> None:
            sink.close()

    clock = time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(
            streamer.stream(url, Timed(), Path(folder) / "s", settings=settings, until_idle=0.2)
        )
    assert report.written == count
    return count / (ended - started)


def measure(make: Callable[[], GraphSink], server: Server, count: int, repeats: int) -> list[float]:
    """Return the medians of the direct way and of the stream, measured by turns."""
    direct, stream = [], []
    for turn in range(repeats):
        direct.append(directly(make(), count))
        stream.append(streamed(server, make(), count, f"{id(make)}-{turn}"))
    return [statistics.median(direct), statistics.median(stream)]


def embedded(folder: Path) -> Callable[[], GraphSink]:
    """Return what makes a sink on a fresh file."""

    def make() -> GraphSink:
        place = Path(tempfile.mkdtemp(dir=folder)) / "graph.lbug"
        return streamer.sink_of(EmbeddedStore(place))

    return make


def main() -> None:
    """Print a row for each broker and store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for kind in ("nats", "redis"):
        if program(KINDS[kind].program) is None:
            continue
        folder = Path(tempfile.mkdtemp())
        server = KINDS[kind](folder)
        server.start()
        try:
            for store, make in (
                ("memory", lambda: streamer.sink_of(MemoryStore())),
                ("embedded", embedded(folder)),
            ):
                direct, stream = measure(make, server, arguments.messages, arguments.repeats)
                rows.append(
                    {"broker": kind, "store": store, "direct": direct, "stream": stream,
                     "ratio": stream / direct}
                )  # fmt: skip
        finally:
            server.stop()
            shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(
            f"{row['broker']:>6} -> {row['store']:<8}  {row['stream']:8,.0f} messages/s, directly "
            f"{row['direct']:8,.0f}, ratio {row['ratio']:.2f}"
        )


if __name__ == "__main__":
    main()

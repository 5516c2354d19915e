"""Load on `ossamma serve` over loopback: throughput, latency, batching against none, overload.

    python benchmarks/server_load.py --bundle runs/demo --seconds 10

Every answer is compared with the offline answer to the same text: same spans and types, confidence
within 1e-3. The peer is the same server with one window per forward pass. Loader and server share
the machine's cores. `--soak SECONDS` adds a run at 8 clients and prints the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossamma.data.demo_corpus import DemoSizes, generate_demo_corpus
from ossamma.export.bundle import load

TOLERANCE = 1e-3
NUM_TEXTS = 200


@dataclass
class Tally:
    """What came back."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    lost: int = 0

    def report(self) -> dict[str, Any]:
        """Figures of the requests that were answered with entities."""
        times = sorted(self.latencies) or [float("nan")]
        at = {
            f"p{p}_ms": round(1000 * times[min(len(times) - 1, len(times) * p // 100)], 1)
            for p in (50, 95, 99)
        }
        return {
            "requests_per_second": round(len(self.latencies) / self.seconds, 1),
            **at,
            "answered": len(self.latencies),
            "statuses": dict(sorted(self.statuses.items())),
            "wrong": self.wrong,
            "lost": self.lost,
        }


class Connection:
    """A kept-alive connection that asks one thing at a time; costs little, unlike a library."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Ask and return status and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            b"POST /v1/extract HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        return int(head[9:12]), await reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


@dataclass(frozen=True)
class Question:
    """A body, and what must come back."""

    body: bytes
    entities: list[tuple[int, int, str, float]]

    def is_answered_by(self, content: bytes) -> bool:
        """Whether this is the offline answer."""
        found = json.loads(content)["results"][0]["entities"]
        return len(found) == len(self.entities) and all(
            (e["start"], e["end"], e["label"]) == known[:3]
            and abs(e["confidence"] - known[3]) <= TOLERANCE
            for e, known in zip(found, self.entities, strict=True)
        )


async def ask(connection: Connection, question: Question, tally: Tally) -> None:
    """Ask once, check, and note how long it took."""
    began = time.perf_counter()
    try:
        status, content = await connection.post(question.body)
    except (OSError, asyncio.IncompleteReadError):
        tally.lost += 1
        return
    tally.statuses[status] += 1
    if status == 200:
        tally.latencies.append(time.perf_counter() - began)
        tally.wrong += not question.is_answered_by(content)


async def closed_loop(
    port: int, questions: Sequence[Question], clients: int, seconds: float
) -> Tally:
    """Each client asks again as soon as it is answered."""
    tally = Tally()
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        generator = random.Random(number)
        connection = Connection(port)
        while time.perf_counter() < end:
            await ask(connection, generator.choice(questions), tally)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    tally.seconds = time.perf_counter() - began
    return tally


async def open_loop(port: int, questions: Sequence[Question], rate: float, seconds: float) -> Tally:
    """Requests come at this rate whatever becomes of them, at most 2,000 at a time."""
    tally = Tally()
    generator = random.Random(0)
    free: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()

    async def one() -> None:
        connection = free.pop() if free else Connection(port)
        await ask(connection, generator.choice(questions), tally)
        free.append(connection)

    began = time.perf_counter()
    number = 0
    while (now := time.perf_counter() - began) < seconds:
        while number < now * rate and len(tasks) < 2_000:
            task = asyncio.create_task(one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    tally.seconds = time.perf_counter() - began
    for connection in free:
        connection.close()
    return tally


@contextmanager
def server(arguments: argparse.Namespace, *options: str) -> Iterator[int]:
    """Start a server and give its port when it is ready."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [sys.executable, "-m", "ossamma.cli.app", "serve", "--port", "0"]
        command += ["--bundle", str(arguments.bundle), "--threads", str(arguments.threads)]
        command += ["--log-level", "warning", *options]
        with log.open("w") as file:
            process = subprocess.Popen(
                [*command, "--log-level", "info"],
                stderr=file,
                env=os.environ | {"OMP_NUM_THREADS": str(arguments.threads)},
            )
        try:
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())):
                time.sleep(0.1)
            while '"message": "ready"' not in log.read_text():
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def memory(port: int) -> float:
    """The server's resident memory in MiB."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        page = answer.read().decode()
    return float(re.search(r"^process_resident_memory_bytes (\S+)", page, re.MULTILINE)[1]) / 2**20  # type: ignore[index]


def soak(port: int, questions: Sequence[Question], seconds: float) -> dict[str, Any]:
    """Run at 8 clients; memory after each tenth.

    Growth is that of the median tenth of the second half, for each answer: a leak grows in every
    tenth, an allocator that settles in a few.
    """
    asyncio.run(closed_loop(port, questions, 8, min(5.0, seconds / 10)))
    sizes, tallies = [memory(port)], []
    for _ in range(10):
        tallies.append(asyncio.run(closed_loop(port, questions, 8, seconds / 10)))
        sizes.append(memory(port))
    growths = [
        1024 * (after - before) / max(1, len(tally.latencies))
        for before, after, tally in zip(sizes, sizes[1:], tallies, strict=False)
    ]
    return {
        "seconds": seconds,
        "answered": sum(len(tally.latencies) for tally in tallies),
        "statuses": dict(sum((tally.statuses for tally in tallies), Counter())),
        "wrong_or_lost": sum(tally.wrong + tally.lost for tally in tallies),
        "memory_mib": [round(size, 1) for size in sizes],
        "growth_second_half_mib": round(sizes[-1] - sizes[len(sizes) // 2], 1),
        "growth_kib_per_answer": round(statistics.median(growths[5:]), 2),
    }


def questions_of(bundle: Path) -> list[Question]:
    """Sentences of the embedded corpus with their offline answers."""
    texts = [
        d.text for d in generate_demo_corpus(7, DemoSizes(train=1, dev=1, test=NUM_TEXTS)).test
    ]
    found = load(bundle).recognise(texts)
    return [
        Question(
            json.dumps({"texts": [text]}).encode(),
            [(e.start, e.end, e.label, e.confidence) for e in entities],
        )
        for text, entities in zip(texts, found, strict=True)
    ]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run everything; batching and its peer take turns, medians are given."""
    questions = questions_of(arguments.bundle)
    runs: dict[str, list[Tally]] = {}
    for _ in range(arguments.repeats):
        for name, options in (("batched", ()), ("one_by_one", ("--batch-pieces", "1"))):
            with server(arguments, "--queue-seconds", "1000", *options) as port:
                asyncio.run(closed_loop(port, questions, 8, 2.0))
                for clients in arguments.clients:
                    tally = asyncio.run(closed_loop(port, questions, clients, arguments.seconds))
                    runs.setdefault(f"{name}_{clients}", []).append(tally)
    result: dict[str, Any] = {
        name: sorted((t.report() for t in tallies), key=lambda r: r["requests_per_second"])[
            len(tallies) // 2
        ]
        for name, tallies in runs.items()
    }
    result["wrong_or_lost"] = sum(t.wrong + t.lost for ts in runs.values() for t in ts)
    most = max(arguments.clients)
    ratios = [
        (len(a.latencies) / a.seconds) / (len(b.latencies) / b.seconds)
        for a, b in zip(runs[f"batched_{most}"], runs[f"one_by_one_{most}"], strict=True)
    ]
    result[f"ratio_at_{most}"] = round(statistics.median(ratios), 2)
    capacity = result[f"batched_{most}"]["requests_per_second"]
    with server(arguments, "--queue-seconds", str(arguments.queue_seconds)) as port:
        asyncio.run(closed_loop(port, questions, 8, 2.0))
        tally = asyncio.run(open_loop(port, questions, 2 * capacity, arguments.seconds))
        result["overload"] = {"offered_per_second": 2 * capacity, **tally.report()}
        if arguments.soak:
            result["soak"] = soak(port, questions, arguments.soak)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle", type=Path, default=Path("runs/demo"))
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of the model")
    parser.add_argument("--queue-seconds", type=float, default=1.0, help="of the overloaded server")
    parser.add_argument("--soak", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = measure(arguments)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, figures in result.items():
        print(f"{name:16} {figures}")


if __name__ == "__main__":
    main()

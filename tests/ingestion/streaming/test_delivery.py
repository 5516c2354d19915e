"""At real brokers: nothing is lost, nothing is twice, and no message stops the others."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.ingestion.sinks import ReadText
from tests.graph import cyber
from tests.graph.stores.test_stores import content
from tests.graph.writer import SETTINGS as SMALL
from tests.ingestion.streaming import streamer
from tests.ingestion.streaming.servers import server_or_skip

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["nats", "redis"])
def server(request, tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    made = server_or_skip(request.param, folder, largest=2**26)
    yield made
    made.stop()


def graph_of(numbers):
    """The graph of an undisturbed ingestion of the same texts."""
    store = MemoryStore()
    sink = streamer.sink_of(store)
    texts = [streamer.text(number) for number in numbers]
    answers = cyber.WordRecogniser().recognise(texts)
    sink.write(
        [
            ReadText(str(n), text, tuple(found))
            for n, text, found in zip(numbers, texts, answers, strict=True)
        ],
        time="2026",
    )
    sink.finish()
    return content(store)


def run(url, store, tmp_path, **options):
    options = {"until_idle": 0.3, **options}
    return asyncio.run(streamer.stream(url, streamer.sink_of(store), tmp_path / "s", **options))


def process(url, where, seconds=0.0, suspicious=3):
    arguments = [url, str(where), str(seconds), str(suspicious)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ingestion.streaming.streamer", *arguments],
        stdout=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip


def test_a_stream_gives_the_graph_of_an_ingestion(server, tmp_path):
    url = server.url("texts")
    streamer.send(url, *map(streamer.message, range(60)))
    store = MemoryStore()
    report = run(url, store, tmp_path)
    assert (report.written, report.dead, report.unfinished) == (60, 0, 0)
    assert content(store) == graph_of(range(60))
    again = run(url, store, tmp_path)  # all was acknowledged
    assert again.written == 0


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(server, tmp_path):
    url = server.url("texts")
    poison = {
        b"{": "not JSON", b"\xff\x00": "not JSON", b"[" * 5_000: "not JSON", b"[]": "object",
        b'{"id": 1, "text": "a", "x": 2}': "unknown fields: x", b'{"id": 1}': "field text",
        b'{"text": "a"}': "field id", b'{"id": 1, "text": "a", "metadata": 3}': "metadata",
        b'{"id": 1, "text": "' + b"a" * 1_001 + b'"}': "1000 characters",
        b'{"id": 1, "text": "' + b"a" * 20_000 + b'"}': "10000 bytes",
        b'{"id": 1, "text": "REFUSED"}': "recogniser refused it (ValueError",
    }  # fmt: skip
    poison[b'{"id": 1, "text": "REFUSED"}'] = "the recogniser refused it: ValueError"
    bodies = [body for n, bad in enumerate(poison) for body in (streamer.message(n), bad)]
    streamer.send(url, *bodies)
    store = MemoryStore()
    report = run(url, store, tmp_path)
    assert (report.written, report.dead) == (len(poison), len(poison))
    assert content(store) == graph_of(range(len(poison)))
    letters = streamer.received(url, "texts.dead")
    assert len(letters) == len(poison)
    for bad, reason in poison.items():
        [letter] = [one for one in letters if reason in one["reason"] and one["bytes"] == len(bad)]
        assert letter["is_cut"] is False
        if bad.isascii():
            assert letter["body"].encode("ascii") == bad


def test_what_the_process_dies_of_is_put_aside_and_its_neighbours_are_not(server, tmp_path):
    url = server.url("texts")
    deadly = b'{"id": "d", "text": "DEADLY"}'
    streamer.send(
        url, *map(streamer.message, range(5)), deadly, *map(streamer.message, range(5, 9))
    )
    where = tmp_path / "graph.lbug"
    deaths = 0
    while deaths < 12:
        with process(url, where, suspicious=1) as one:
            said = one.stdout.read()
        if one.returncode == 0:
            break
        deaths += 1
    assert "dead=1" in said
    assert deaths == 4  # once among others, three times alone
    [letter] = streamer.received(url, "texts.dead")
    assert letter["body"].encode("ascii") == deadly
    assert "died 3 times" in letter["reason"]
    store = EmbeddedStore(where, SMALL)
    assert content(store) == graph_of(range(9))
    store.close()


@pytest.mark.slow
def test_kill_9_at_random_points_loses_and_doubles_nothing(server, tmp_path):
    url = server.url("texts")
    total = 200
    streamer.send(url, *map(streamer.message, range(total)))
    where = tmp_path / "graph.lbug"
    chance = random.Random(server.scheme)
    kills, committed = 0, 0
    while True:
        with process(url, where, 0.02) as one:
            line = one.stdout.readline()
            for _ in range(chance.randrange(1, 4) if kills < 5 else total):
                if not line or line.startswith("done"):
                    break
                committed += int(line)
                line = one.stdout.readline()
            else:
                time.sleep(chance.random() / 10)  # somewhere inside of the next batch
                one.send_signal(signal.SIGKILL)
                kills += 1
        if line.startswith("done"):
            break
    assert kills >= 5
    store = EmbeddedStore(where, SMALL)
    assert store.counts().documents == total
    assert content(store) == graph_of(range(total))
    store.close()


def test_sigterm_finishes_what_was_taken_and_leaves_the_rest(server, tmp_path):
    url = server.url("texts")
    streamer.send(url, *map(streamer.message, range(100)))
    where = tmp_path / "graph.lbug"
    with process(url, where, 0.1) as one:
        one.stdout.readline()
        one.send_signal(signal.SIGTERM)
        said = one.stdout.read()
    assert one.returncode == 0
    assert "unfinished=0" in said
    store = EmbeddedStore(where, SMALL)
    done = store.counts().documents
    assert 12 <= done <= 60
    # What was taken is acknowledged: nothing of it comes again.
    report = asyncio.run(
        streamer.stream(url, streamer.sink_of(store), tmp_path / "s", until_idle=1.5)
    )
    assert report.written == 100 - done
    assert content(store) == graph_of(range(100))
    store.close()


def test_a_broker_that_is_restarted_is_read_on(server, tmp_path):
    url = server.url("texts")
    streamer.send(url, *map(streamer.message, range(40)))
    where = tmp_path / "graph.lbug"
    with process(url, where, 0.05) as one:
        one.stdout.readline()
        server.stop(signal.SIGKILL)
        time.sleep(0.5)
        server.start()
        streamer.send(url, *map(streamer.message, range(40, 60)))
        one.stdout.read()
    assert one.returncode == 0
    store = EmbeddedStore(where, SMALL)
    assert content(store) == graph_of(range(60))
    store.close()


@pytest.mark.parametrize("url", ["nats://127.0.0.1:1/a", "redis://127.0.0.1:1/a"])
def test_who_is_asked_to_end_does_so_though_there_is_no_broker(url, tmp_path):
    async def end():
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, stopping.set)
        sink = streamer.sink_of(MemoryStore())
        return await streamer.stream(url, sink, tmp_path / "s", stopping=stopping)

    report = asyncio.run(asyncio.wait_for(end(), 20))
    assert (report.written, report.unfinished) == (0, 0)


@pytest.mark.parametrize(
    ("server", "size"), [("redis", 100_000_000), ("nats", 30_000_000)], indirect=["server"]
)
def test_a_message_of_100_mb_is_a_dead_letter(server, size, tmp_path):
    """NATS 2.9 keeps no more than 32 MiB in a message."""
    url = server.url("texts")
    huge = b'{"id": 1, "text": "' + b"a" * size + b'"}'
    streamer.send(url, streamer.message(0), huge, streamer.message(1))
    store = MemoryStore()
    report = run(url, store, tmp_path)
    assert (report.written, report.dead) == (2, 1)
    [letter] = streamer.received(url, "texts.dead")
    assert letter["bytes"] == len(huge)
    assert letter["is_cut"]
    assert content(store) == graph_of(range(2))

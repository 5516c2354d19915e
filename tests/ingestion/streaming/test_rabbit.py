"""The same at RabbitMQ, whose server takes long to start: one for all of these."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.schema.errors import StreamError
from tests.graph.stores.test_stores import content
from tests.graph.writer import SETTINGS as SMALL
from tests.ingestion.streaming import streamer
from tests.ingestion.streaming.servers import server_or_skip
from tests.ingestion.streaming.test_delivery import graph_of, process, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = server_or_skip("rabbit", tmp_path_factory.mktemp("rabbit"))
    wait_until_it_answers(made)
    yield made
    made.stop()


def wait_until_it_answers(server):
    for _ in range(60):
        try:
            streamer.send(server.url("first"), b"{}")
        except StreamError:
            time.sleep(1)
        else:
            return


def test_all_is_written_once_and_poison_is_put_aside(server, tmp_path):
    url = server.url("plain")
    huge = b'{"id": 1, "text": "' + b"a" * 20_000 + b'"}'
    streamer.send(url, *map(streamer.message, range(30)), b"{", huge, streamer.message(30))
    store = MemoryStore()
    report = run(url, store, tmp_path)
    assert (report.written, report.dead) == (31, 2)
    assert content(store) == graph_of(range(31))
    reasons = [letter["reason"] for letter in streamer.received(url, "plain.dead")]
    assert any("not JSON" in one for one in reasons)
    assert any("10000 bytes" in one for one in reasons)
    assert run(url, store, tmp_path).written == 0


def test_kill_9_and_sigterm_lose_and_double_nothing(server, tmp_path):
    url = server.url("kills")
    streamer.send(url, *map(streamer.message, range(120)))
    where = tmp_path / "graph.lbug"
    for number in [*[signal.SIGKILL] * 5, signal.SIGTERM]:
        with process(url, where, 0.05) as one:
            one.stdout.readline()
            one.send_signal(number)
            one.stdout.read()
    assert one.returncode == 0
    store = EmbeddedStore(where, SMALL)
    asyncio.run(streamer.stream(url, streamer.sink_of(store), tmp_path / "s", until_idle=0.5))
    assert content(store) == graph_of(range(120))
    store.close()


def test_a_server_that_is_restarted_is_read_on(server, tmp_path):
    url = server.url("restart")
    streamer.send(url, *map(streamer.message, range(60)))
    where = tmp_path / "graph.lbug"
    with process(url, where, 0.2) as one:
        one.stdout.readline()
        server.stop(signal.SIGKILL)
        server.start()
        one.stdout.read()
    assert one.returncode == 0
    store = EmbeddedStore(where, SMALL)
    assert content(store) == graph_of(range(60))
    store.close()

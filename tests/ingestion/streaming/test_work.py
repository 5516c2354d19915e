"""Who is to blame, what is held, and in which order things are told to whom."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ossamma.graph.stores.memory import MemoryStore
from ossamma.ingestion.streaming.broker import Delivery, Lag
from ossamma.ingestion.streaming.inbox import Inbox
from ossamma.ingestion.streaming.judging import Judge
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.ingestion.streaming.outlets import BrokerOutlet, SinkOutlet
from ossamma.ingestion.streaming.places import parse_place
from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.ingestion.streaming.stream import Stream
from ossamma.ingestion.streaming.suspects import Suspects
from ossamma.ingestion.streaming.work import Work
from ossamma.schema.errors import ConfigurationError, GraphError, StreamError
from tests.ingestion.streaming import streamer
from tests.ingestion.streaming.servers import free_port


class FakeBroker:
    """Messages in a list; what is released or not acknowledged at the end is still there."""

    def __init__(self, bodies):
        self.bodies = dict(enumerate(bodies))
        self.log = []
        self.sent = []
        self.fails = set()
        self.task = None

    async def start(self, take):
        async def feed():
            for number, body in list(self.bodies.items()):
                await take(Delivery(position=str(number), body=body, num_bytes=len(body)))

        self.task = asyncio.create_task(feed())

    def is_reading(self):
        return True

    async def pause(self):
        self.task.cancel()

    def _may(self, step):
        if step in self.fails:
            raise StreamError(step)

    async def acknowledge(self, deliveries):
        self._may("acknowledge")
        for one in deliveries:
            self.log.append(("acknowledged", one.position))
            self.bodies.pop(int(one.position), None)

    async def release(self, deliveries):
        self.log += [("released", one.position) for one in deliveries]

    async def send(self, name, key, content):
        self._may("send")
        self.log.append(("sent", name))
        self.sent.append((name, key, json.loads(content)))

    async def prepare(self, name):
        return None

    async def lag(self):
        return Lag(0, len(self.bodies))

    async def close(self):
        self.task.cancel()


class MoodySink:
    """A graph that refuses texts with a word, and for a while everything."""

    def __init__(self, away=0, log=None):
        self.store = MemoryStore()
        self.sink = streamer.sink_of(self.store)
        self.away = away
        self.log = [] if log is None else log

    def write(self, texts, *, time):
        self.log.append(("tried", len(texts)))
        if self.away > 0:
            self.away -= 1
            raise GraphError("away")
        if any("UNWRITABLE" in one.text for one in texts):
            raise GraphError("this one")
        self.sink.write(texts, time=time)
        self.log.append(("written", len(texts)))

    def finish(self):
        self.sink.finish()

    def close(self):
        return None


def run(broker, sink, tmp_path, until=0, **settings):
    async def main():
        with ThreadPoolExecutor(1) as thread:
            outlet = sink if isinstance(sink, BrokerOutlet) else SinkOutlet(sink, thread)
            judge = Judge(
                recogniser=streamer.SlowRecogniser(), outlet=outlet, thread=thread,
                now=lambda: "2026", order=random.Random(0),
            )  # fmt: skip
            sized = replace(streamer.SETTINGS, **settings)
            work = Work(
                place=parse_place("redis://h/texts", {}), broker=broker,
                inbox=Inbox(sized.in_flight_messages), judge=judge,
                suspects=Suspects(tmp_path / "s"), metrics=StreamMetrics(), settings=sized,
            )  # fmt: skip
            stopping = asyncio.Event()

            async def stop():
                while len(broker.bodies) > until and not stopping.is_set():
                    await asyncio.sleep(0.05)
                stopping.set()

            stopper = asyncio.create_task(stop())
            try:
                await Stream(work=work, stopping=stopping).run()
            finally:
                stopper.cancel()
            return work

    return asyncio.run(main())


def message(text, **more):
    return json.dumps({"id": text, "text": text, **more}).encode("utf-8")


def test_a_message_is_acknowledged_after_its_batch_is_written(tmp_path):
    broker = FakeBroker([message(f"Berlin {n}") for n in range(30)])
    sink = MoodySink(log=broker.log)
    work = run(broker, sink, tmp_path)
    written = acknowledged = 0
    for what, how in broker.log:
        written += how if what == "written" else 0
        acknowledged += what == "acknowledged"
        assert acknowledged <= written
    assert acknowledged == work.report.written == 30


def test_a_sink_that_is_away_buries_nobody(tmp_path):
    broker = FakeBroker([message(f"Berlin {n}") for n in range(5)])
    sink = MoodySink(away=5)
    work = run(broker, sink, tmp_path)
    assert (work.report.written, work.report.dead) == (5, 0)
    assert work.metrics.registry.get_sample_value("ner_stream_errors_total", {"step": "sink"}) > 0


def test_a_sink_that_stays_away_ends_the_stream_and_keeps_the_messages(tmp_path):
    broker = FakeBroker([message("Berlin"), message("APT28")])
    with pytest.raises(StreamError):
        run(broker, MoodySink(away=10**9), tmp_path, patience_seconds=0.6)
    assert len(broker.bodies) == 2
    assert broker.sent == []


def test_one_that_the_sink_refuses_is_told_from_the_others(tmp_path):
    broker = FakeBroker([message(f"Berlin {n}") for n in range(4)] + [message("UNWRITABLE")])
    work = run(broker, MoodySink(), tmp_path)
    assert (work.report.written, work.report.dead) == (4, 1)
    [(name, _, letter)] = broker.sent
    assert name == "texts.dead"
    assert "the sink refused it: GraphError: this one" in letter["reason"]


def test_a_dead_letter_is_sent_before_its_message_is_acknowledged(tmp_path):
    broker = FakeBroker([b"{"])
    run(broker, MoodySink(), tmp_path)
    assert broker.log[:2] == [("sent", "texts.dead"), ("acknowledged", "0")]


def test_what_cannot_be_buried_stays_with_the_broker(tmp_path):
    broker = FakeBroker([b"{", message("Berlin")])
    broker.fails.add("send")
    work = run(broker, MoodySink(), tmp_path, until=1)
    assert (work.report.written, work.report.dead) == (1, 0)
    assert list(broker.bodies) == [0]


def test_answers_go_to_a_broker_under_a_key_of_their_own(tmp_path):
    broker = FakeBroker([message("APT28 in Berlin", metadata={"a": 1}), message("x")])
    target = FakeBroker([])
    run(broker, BrokerOutlet(target, "entities", "words"), tmp_path)
    (_, key, first), (_, other, second) = target.sent
    assert first["id"] == "APT28 in Berlin"
    assert [one["text"] for one in first["entities"]] == ["APT28", "Berlin"]
    assert (first["key"], first["metadata"], second["entities"]) == (key, {"a": 1}, [])
    assert key != other


def test_metrics_are_had_over_http_and_say_what_happened(tmp_path):
    broker = FakeBroker([message("Berlin"), message("APT28"), b"{"])
    work = run(broker, MoodySink(), tmp_path)
    port = free_port()
    stop = work.metrics.serve("127.0.0.1", port)
    work.metrics.behind(Lag(7, 3))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            told = answer.read().decode("utf-8")
    finally:
        stop()
    for line in (
        "ner_stream_messages_taken_total 3.0", "ner_stream_messages_written_total 2.0",
        "ner_stream_messages_dead_total 1.0", "ner_stream_mentions_total 2.0",
        "ner_stream_lag_messages 7.0", "ner_stream_unacknowledged_messages 3.0",
        "ner_stream_in_flight_messages 0.0", 'ner_stream_errors_total{step="sink"} 0.0',
    ):  # fmt: skip
        assert line in told


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigurationError):
        StreamSettings(batch_messages=0)
    with pytest.raises(ConfigurationError):
        StreamSettings(batch_messages=10, in_flight_messages=9)


def test_deaths_are_remembered_by_another_process_and_forgotten_when_alive(tmp_path):
    path = tmp_path / "folder" / "s"
    with Suspects(path).alone("a"):
        assert Suspects(path).deaths("a") == 1
        with Suspects(path).alone("a"):
            assert Suspects(path).deaths("a") == 2
    assert Suspects(path).deaths("a") == 0
    path.write_text("[", encoding="utf-8")
    assert Suspects(path).deaths("a") == 0

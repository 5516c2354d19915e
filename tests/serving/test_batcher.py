"""Every accepted request is answered once, as if it were alone; the cancelled ones leave."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.schema.errors import (
    ConfigurationError,
    DeadlineError,
    OverloadedError,
    UnavailableError,
)
from ossamma.serving.batcher import Batcher, BatcherSettings
from ossamma.serving.lanes import Lanes
from ossamma.serving.observer import Observer, Stage
from tests.serving.fakes import WINDOW, FakeStages, answer_to

LONG_TIME = 60.0


class Bench:
    """A batcher at work on a fake model."""

    def __init__(self, observer: Observer | None = None, **bounds: float) -> None:
        self.stages = FakeStages()
        self.lanes = Lanes.open()
        self.batcher = Batcher(
            self.stages,
            BatcherSettings(**{"batch_pieces": 12, "queue_seconds": 1e9} | bounds),
            lanes=self.lanes,
            observer=observer,
        )

    async def __aenter__(self) -> Bench:
        self.batcher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stages.gate.set()
        await self.batcher.close()
        self.lanes.close()

    def ask(self, *texts: str, within: float = LONG_TIME) -> asyncio.Task:
        return asyncio.create_task(self.batcher.submit(list(texts), within=within))

    async def hold(self) -> asyncio.Task:
        """Keep the model busy with a request of its own until the gate is opened."""
        self.stages.began.clear()
        self.stages.gate.clear()
        task = self.ask("Held up")
        await asyncio.to_thread(self.stages.began.wait, 30)
        return task

    async def settle(self, requests: int) -> None:
        """Wait until so many requests have all their windows waiting."""
        async with asyncio.timeout(LONG_TIME):
            while len(self.batcher._line) < requests:
                await asyncio.sleep(0.001)


def run(coroutine):
    return asyncio.run(coroutine)


WORDS = st.sampled_from(["Ada", "met", "Oslo", "in", "x"])
TEXTS = st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.booleans()), max_size=12),
    st.integers(min_value=1, max_value=40),
    st.integers(min_value=1, max_value=30),
    st.randoms(use_true_random=False),
)
def test_whoever_stays_is_answered_as_if_alone(requests, budget, long_words, chance):
    async def story():
        async with Bench(batch_pieces=budget, long_words=long_words, layout_characters=9) as bench:
            tasks = []
            for texts, leaves in requests:
                tasks.append((bench.ask(*texts), texts, leaves))
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
            for task in (task for task, _, leaves in tasks if leaves):
                await asyncio.sleep(chance.choice((0, 0, 0.001)))
                task.cancel()
            for task, texts, leaves in tasks:
                [found] = await asyncio.gather(task, return_exceptions=True)
                alone = [answer_to(text) for text in texts]
                assert found == alone or (leaves and isinstance(found, asyncio.CancelledError))
            assert bench.batcher.num_requests == 0
            assert not len(bench.batcher._line)
        decoded = bench.stages.decoded
        accepted = [text for texts, _ in requests for text in texts if text]
        assert all(decoded.count(text) <= accepted.count(text) for text in accepted)

    run(story())


@pytest.mark.parametrize("number", [400, pytest.param(4_000, marks=pytest.mark.slow)])
def test_many_parallel_requests_equal_sequential_ones(number):
    generator = random.Random(1)
    texts = [
        " ".join(generator.choice(("Ada", "met", "Oslo")) for _ in range(generator.randrange(30)))
        for _ in range(number)
    ]

    async def story():
        async with Bench(batch_pieces=200, queue_requests=5_000) as bench:
            found = await asyncio.gather(*(bench.ask(text) for text in texts))
            assert [each for [each] in found] == [answer_to(text) for text in texts]
            assert max(map(len, bench.stages.rounds)) > 10, "they shared passes"

    run(story())


def test_a_short_request_passes_a_long_one():
    """Each request gets one window a turn, whatever it still has to do."""

    async def story():
        async with Bench(batch_pieces=WINDOW) as bench:
            held = await bench.hold()
            long = bench.ask("Ada met " * 100)
            many = bench.ask(*["Ada met Oslo now"] * 50)
            await bench.settle(2)
            short = bench.ask("Oslo")
            await bench.settle(3)
            bench.stages.gate.set()
            await short
            assert not long.done()
            assert not many.done()
            order = [text for taken in bench.stages.rounds for text, _ in taken]
            assert order.index("Oslo") <= 3
            assert [await each for each in (held, long, many)][1] == [answer_to("Ada met " * 100)]

    run(story())


def test_a_long_text_is_decoded_aside():
    """While a long text is decoded, short requests are answered."""

    async def story():
        async with Bench(long_words=10) as bench:
            release = asyncio.Event()
            loop = asyncio.get_running_loop()
            blocked = bench.lanes.back.submit(
                lambda: asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
            )
            long = bench.ask("Ada " * 11)
            assert await bench.ask("Oslo") == [answer_to("Oslo")]
            assert not long.done()
            release.set()
            assert await long == [answer_to("Ada " * 11)]
            assert blocked.done()

    run(story())


def test_a_round_keeps_to_its_budget():
    async def story():
        async with Bench(batch_pieces=10) as bench:
            await asyncio.gather(*(bench.ask("a b c d") for _ in range(9)), bench.ask("a b c"))
            assert {len(each) for each in bench.stages.rounds} <= {1, 2}

    run(story())


def test_a_full_queue_refuses_and_then_accepts_again():
    async def story():
        async with Bench(queue_requests=3) as bench:
            held = [await bench.hold(), bench.ask("Ada"), bench.ask("Oslo")]
            await bench.settle(2)
            with pytest.raises(OverloadedError) as refusal:
                await bench.ask("Lima")
            assert refusal.value.retry_after >= 1
            bench.stages.gate.set()
            assert len(await asyncio.gather(*held)) == 3
            assert await bench.ask("Lima") == [answer_to("Lima")]

    run(story())


@pytest.mark.parametrize(
    "bounds", [{"queue_characters": 20}, {"queue_seconds": 1e-9}], ids=["characters", "seconds"]
)
def test_the_queue_is_bounded_by_work_too(bounds):
    async def story():
        async with Bench(**bounds) as bench:
            held = await bench.hold()
            with pytest.raises(OverloadedError):
                await bench.ask("Ada met Oslo in Lima")
            bench.stages.gate.set()
            await held
            # Nothing else waits: even more than the bound is accepted.
            assert await bench.ask("Ada met Oslo in Lima")

    run(story())


def test_what_would_come_too_late_is_refused_at_once():
    async def story():
        async with Bench() as bench:
            held = await bench.hold()
            with pytest.raises(OverloadedError):
                await bench.ask("Ada", within=1e-9)
            bench.stages.gate.set()
            await held

    run(story())


def test_a_deadline_ends_the_wait_and_frees_the_place():
    async def story():
        async with Bench() as bench:
            held = await bench.hold()
            late = bench.ask("Ada", within=0.05)
            with pytest.raises(DeadlineError, match=r"0\.05 s"):
                await late
            assert bench.batcher.num_requests == 1
            bench.stages.gate.set()
            await held
        assert not any(text == "Ada" for each in bench.stages.rounds for text, _ in each)

    run(story())


def test_who_is_gone_is_never_read():
    async def story():
        async with Bench() as bench:
            held = await bench.hold()
            gone, stays = bench.ask("Gone"), bench.ask("Stays")
            await bench.settle(2)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            bench.stages.gate.set()
            assert await stays == [answer_to("Stays")]
            await held
        assert not any(text == "Gone" for each in bench.stages.rounds for text, _ in each)

    run(story())


def test_closing_answers_what_was_accepted_and_accepts_no_more():
    async def story():
        async with Bench() as bench:
            accepted = [await bench.hold(), *(bench.ask(f"Ada {n}") for n in range(20))]
            await bench.settle(20)
            closing = asyncio.create_task(bench.batcher.close())
            await asyncio.sleep(0)
            with pytest.raises(UnavailableError):
                await bench.ask("Late")
            assert not closing.done()
            bench.stages.gate.set()
            await closing
            found = await asyncio.gather(*accepted)
            assert found[1:] == [[answer_to(f"Ada {n}")] for n in range(20)]
            assert not bench.batcher.is_alive

    run(story())


def test_a_batcher_that_was_not_started_accepts_nothing():
    async def story():
        bench = Bench()
        assert not bench.batcher.is_alive
        with pytest.raises(UnavailableError):
            await bench.batcher.submit(["Ada"], within=1.0)
        bench.lanes.close()

    run(story())


@pytest.mark.parametrize("word", ["BOOM", "BANG"], ids=["encoding", "decoding"])
@pytest.mark.parametrize("length", [1, 30], ids=["short", "long"])
def test_a_bad_text_spoils_no_other_request(word, length):
    async def story():
        async with Bench(batch_pieces=100, long_words=20) as bench:
            held = await bench.hold()
            good, bad = bench.ask("Ada met " * 20), bench.ask(f"{word} " * length)
            other = bench.ask("Oslo")
            await bench.settle(3)
            bench.stages.gate.set()
            with pytest.raises(RuntimeError, match="fails at this text"):
                await bad
            assert await good == [answer_to("Ada met " * 20)]
            assert await other == [answer_to("Oslo")]
            await held
            assert await bench.ask("Lima") == [answer_to("Lima")]

    run(story())


def test_a_text_that_cannot_be_laid_out_fails_alone():
    async def story():
        async with Bench() as bench:
            bad, good = bench.ask("UNREADABLE"), bench.ask("Ada")
            with pytest.raises(ValueError, match="laid out"):
                await bad
            assert await good == [answer_to("Ada")]

    run(story())


def test_texts_without_words_and_no_texts_are_answered():
    async def story():
        async with Bench() as bench:
            assert await bench.ask() == []
            assert await bench.ask("", " \n") == [answer_to(""), answer_to(" \n")]
            assert bench.stages.rounds == []

    run(story())


class Heard(Observer):
    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self.passes: list[tuple[int, int, int]] = []

    def worked(self, stage, seconds):
        assert seconds >= 0.0
        self.stages.append(stage)

    def passed(self, windows, pieces, padded):
        self.passes.append((windows, pieces, padded))


def test_the_observer_hears_of_every_stage_and_every_piece():
    heard = Heard()

    async def story():
        async with Bench(heard) as bench:
            await asyncio.gather(bench.ask("a b c d e"), bench.ask("f", "g h"))

    run(story())
    assert set(heard.stages) == set(Stage)
    assert heard.stages.count(Stage.QUEUE) == 2
    assert sum(pieces for _, pieces, _ in heard.passes) == 8
    assert all(windows <= pieces <= padded for windows, pieces, padded in heard.passes)


@pytest.mark.parametrize("name", ["queue_requests", "round_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_bounds_are_positive(name, value):
    with pytest.raises(ConfigurationError, match=name):
        BatcherSettings(**{name: value})

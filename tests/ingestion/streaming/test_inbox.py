"""The inbox holds a bounded number, gives each once, and forgets nothing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from ossamma.ingestion.streaming.broker import Delivery
from ossamma.ingestion.streaming.inbox import Inbox


def delivery(number):
    return Delivery(position=str(number), body=b"", num_bytes=0)


@given(st.integers(1, 5), st.integers(1, 4), st.lists(st.integers(0, 20), max_size=40))
def test_everything_comes_out_once_and_never_too_much_is_inside(capacity, most, numbers):
    async def run():
        inbox = Inbox(capacity)
        found = []

        async def fill():
            await asyncio.gather(*(inbox.put(delivery(number)) for number in numbers))
            inbox.close()

        task = asyncio.create_task(fill())
        while not inbox.is_done:
            batch = await inbox.collect(most, 0.0, patience=0.2)
            assert len(batch) <= most
            assert inbox.in_flight <= capacity
            found += [one.position for one in batch]
            inbox.finish(batch)
        await task
        return found

    found = asyncio.run(run())
    assert sorted(found) == sorted({str(number) for number in numbers})


def test_what_is_in_work_is_not_taken_again_and_what_went_back_is():
    async def run():
        inbox = Inbox(2)
        await inbox.put(delivery(1))
        [first] = await inbox.collect(5, 0.0, patience=1.0)
        await inbox.put(delivery(1))
        assert await inbox.collect(5, 0.0, patience=0.01) == []
        inbox.settle([first])
        await inbox.put(delivery(1))
        assert await inbox.collect(5, 0.0, patience=0.01) == [first]
        inbox.finish([first])
        assert inbox.is_known(first)
        await inbox.put(delivery(1))
        assert inbox.in_flight == 0

    asyncio.run(run())


def test_the_end_lets_in_nothing_and_gives_out_the_rest():
    async def run():
        inbox = Inbox(1)
        await inbox.put(delivery(1))
        waiting = asyncio.create_task(inbox.put(delivery(2)))
        await asyncio.sleep(0)
        inbox.close()
        await waiting
        assert [one.position for one in await inbox.collect(5, 9.0, patience=9.0)] == ["1"]
        assert inbox.is_done
        assert await inbox.collect(5, 9.0, patience=9.0) == []

    asyncio.run(run())

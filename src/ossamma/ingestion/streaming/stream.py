"""The life of a stream: it begins, works, looks at itself, and drains at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ossamma.ingestion.streaming.broker import Delivery
from ossamma.ingestion.streaming.work import StreamReport, Work
from ossamma.schema.errors import OssammaError, StreamError

_LOOK_SECONDS = 0.5
"""How often the stream looks at itself: lag, idleness, a reader that has stopped."""


@dataclass(kw_only=True, slots=True)
class Stream:
    """A stream is run once."""

    work: Work
    until_idle: float | None = None
    """End when nothing waits and nothing came for so many seconds; None: never."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to drain and end."""
    ready: Callable[[], None] = lambda: None
    """Is called once the broker is connected and read."""
    _last: float = field(default=0.0, init=False)

    async def run(self) -> StreamReport:
        """Work until `stopping` is set or the stream is idle; then finish what was taken.

        Raises:
            StreamError: the broker or the sink was away for longer than patience lasts. What was
                taken is not acknowledged: it comes again.
        """
        work = self.work
        self._last = asyncio.get_running_loop().time()
        work.metrics.watch(lambda: work.inbox.in_flight)
        tasks: list[asyncio.Task[object]] = []
        try:
            tasks.append(asyncio.create_task(self.stopping.wait()))
            tasks.append(asyncio.create_task(work.broker.start(self._take)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not tasks[1].done():
                return work.report  # asked to end before the broker was there
            await tasks[1]
            self.ready()
            tasks += [asyncio.create_task(work.run()), asyncio.create_task(self._look())]
            await asyncio.wait([tasks[0], *tasks[2:]], return_when=asyncio.FIRST_COMPLETED)
            ended = [task for task in tasks[2:] if task.done()]
            tasks[3].cancel()  # it would miss the reader that is ended now
            await self._drain(tasks[2])
            for task in {*ended, *(one for one in tasks[2:3] if one.done())}:
                await task  # raises what it ended with
        finally:
            for task in tasks:
                task.cancel()
            await work.broker.close()
        return work.report

    async def _take(self, delivery: Delivery) -> None:
        self._last = asyncio.get_running_loop().time()
        await self.work.take(delivery)

    async def _drain(self, task: asyncio.Task[object]) -> None:
        """End the reading, finish what was taken, and give the rest back."""
        work = self.work
        work.inbox.close()
        await work.broker.pause()
        await asyncio.wait([task], timeout=work.settings.drain_seconds)
        rest: Sequence[Delivery] = [*(one.delivery for one in work.held), *work.inbox.rest()]
        work.report.unfinished = work.inbox.in_flight
        try:
            await work.broker.release(rest)
        except StreamError as error:
            work.failed("broker", error)
        await self._refresh()

    async def _look(self) -> None:
        """Watch the lag; return when the stream was idle for long enough."""
        loop = asyncio.get_running_loop()
        work = self.work
        refreshed = loop.time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not work.broker.is_reading():
                raise StreamError(
                    f"{work.place.shown} is no longer read: its stream or group is gone"
                )
            if await self._is_idle():
                return
            if loop.time() - refreshed >= work.settings.refresh_seconds:
                await self._refresh()
                refreshed = loop.time()

    async def _is_idle(self) -> bool:
        try:
            lag = await self.work.broker.lag()
        except StreamError as error:
            self.work.failed("broker", error)
            return False
        self.work.metrics.behind(lag)
        if self.until_idle is None or not lag.is_none or self.work.inbox.in_flight:
            return False
        return asyncio.get_running_loop().time() - self._last >= self.until_idle

    async def _refresh(self) -> None:
        if not self.work.is_stale:
            return
        try:
            await self.work.judge.outlet.finish()
            self.work.is_stale = False
        except (OssammaError, RuntimeError, OSError) as error:
            self.work.failed("sink", error)

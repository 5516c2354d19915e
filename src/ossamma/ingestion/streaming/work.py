"""Batches of deliveries: read, judged, written, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from ossamma.ingestion.streaming.broker import Broker, Delivery
from ossamma.ingestion.streaming.inbox import Inbox
from ossamma.ingestion.streaming.judging import Judge, Opened
from ossamma.ingestion.streaming.letters import DeadLetter, Letter, read_letter
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.ingestion.streaming.places import BrokerPlace
from ossamma.ingestion.streaming.settings import StreamSettings
from ossamma.ingestion.streaming.suspects import Suspects
from ossamma.schema.errors import DataError, StreamError

_logger = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_WAIT_SECONDS = 1.0


@dataclass(slots=True)
class StreamReport:
    """What became of the messages since the start."""

    written: int = 0
    mentions: int = 0
    dead: int = 0
    unfinished: int = 0
    """Taken, but left to the broker at the end."""


@dataclass(kw_only=True, slots=True)
class Work:
    """Takes what comes into the inbox to the sink."""

    place: BrokerPlace
    broker: Broker
    inbox: Inbox
    judge: Judge
    suspects: Suspects
    metrics: StreamMetrics
    settings: StreamSettings
    report: StreamReport = field(default_factory=StreamReport)
    is_stale: bool = True
    """Whether the sink may have something that it was not asked to finish: at the beginning, from
    a process that died."""
    held: list[Opened] = field(default_factory=list)
    """What the sink did not take yet."""

    async def take(self, delivery: Delivery) -> None:
        """Give a delivery to the inbox; one that was done a moment ago is only acknowledged."""
        self.metrics.taken.inc()
        self.metrics.again.inc(int(delivery.deliveries > 1))
        if self.inbox.is_known(delivery):
            await self._acknowledge([delivery])
        else:
            await self.inbox.put(delivery)

    async def run(self) -> None:
        """Work until the inbox is closed and empty.

        While the sink takes nothing, what was taken is held, and tried again after a pause that
        doubles; others join it, so that a letter to blame can be told from a sink that is away.

        Raises:
            StreamError: the sink took nothing for as long as patience lasts.
        """
        loop = asyncio.get_running_loop()
        pause, since = 0.0, 0.0
        while self.held or not self.inbox.is_done:
            self.held += await self._open(await self._collect(pause))
            if not self.held:
                continue
            try:
                with self.metrics.batch():
                    await self._settle_held()
            except StreamError as error:
                self.failed("sink", error)
                since = since or loop.time()
                pause = min(2 * pause or _FIRST_PAUSE, _LONGEST_PAUSE)
                if self.inbox.is_done:
                    return
                if loop.time() - since > self.settings.patience_seconds:
                    raise
            else:
                pause, since = 0.0, 0.0

    def failed(self, step: str, error: Exception) -> None:
        """Count and tell a failure that will be tried again."""
        self.metrics.errors.labels(step).inc()
        _logger.warning("%s: %s", step, error)

    async def _collect(self, pause: float) -> list[Delivery]:
        room = self.settings.batch_messages - len(self.held)
        if not self.held:
            seconds = self.settings.batch_milliseconds / 1000
            return await self.inbox.collect(room, seconds, patience=_WAIT_SECONDS)
        if room <= 0:
            await asyncio.sleep(pause)
            return []
        return await self.inbox.collect(room, pause, patience=pause)

    async def _open(self, deliveries: Sequence[Delivery]) -> list[Opened]:
        """Return the letters in deliveries; what is none is put aside."""
        opened: list[Opened] = []
        for delivery in deliveries:
            try:
                opened.append(Opened(delivery, self._letter(delivery)))
            except DataError as error:
                await self._bury(delivery, str(error))
        return opened

    def _letter(self, delivery: Delivery) -> Letter:
        limit = self.settings.max_message_bytes
        if delivery.num_bytes > limit:
            raise DataError(f"expected at most {limit} bytes, got {delivery.num_bytes}")
        deaths = self.suspects.deaths(self._named(delivery))
        if deaths >= self.settings.max_deaths:
            raise DataError(f"the process died {deaths} times while it worked on this alone")
        return read_letter(delivery.body, self.settings)

    async def _settle_held(self) -> None:
        """Judge those that came too often each alone, after the others."""
        limit = self.settings.suspicious_deliveries
        calm = [one for one in self.held if one.delivery.deliveries <= limit]
        groups = [calm] if calm else []
        groups += [[one] for one in self.held if one.delivery.deliveries > limit]
        for group in groups:
            await self._settle(group, is_alone=group is not calm)

    async def _settle(self, group: Sequence[Opened], *, is_alone: bool) -> None:
        name = self._named(group[0].delivery)
        with self.suspects.alone(name) if is_alone else nullcontext():
            judgement = await self.judge.judge(group)
        for one, reason in judgement.refused:
            await self._bury(one.delivery, reason)
        written = [one.delivery for one in judgement.written]
        if written:
            self.is_stale = True
            self.metrics.committed.set_to_current_time()
            await self._acknowledge(written)
        self.report.written += len(written)
        self.report.mentions += judgement.mentions
        self.metrics.written.inc(len(written))
        self.metrics.mentions.inc(judgement.mentions)
        settled = {one.delivery.position for one in group}
        self.held = [one for one in self.held if one.delivery.position not in settled]

    async def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; where that fails, they come again and change nothing."""
        try:
            await self.broker.acknowledge(deliveries)
        except StreamError as error:
            self.failed("acknowledge", error)
            self.inbox.settle(deliveries)
        else:
            self.inbox.finish(deliveries)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        """Send a dead letter, and only then acknowledge; where that fails, it comes again."""
        letter = DeadLetter(
            reason=reason,
            source=self.place.shown,
            position=delivery.position,
            deliveries=delivery.deliveries,
            num_bytes=delivery.num_bytes,
            body=delivery.body,
            time=self.judge.now(),
        )
        content = letter.content(self.settings.max_dead_body_bytes)
        try:
            await self.broker.send(self.place.dead, f"dead {self._named(delivery)}", content)
        except StreamError as error:
            self.failed("dead_letter", error)
            self.inbox.settle([delivery])
            return
        self.suspects.forget(self._named(delivery))
        self.report.dead += 1
        self.metrics.dead.inc()
        _logger.warning("dead letter: %s %s: %s", self.place.shown, delivery.position, reason)
        await self._acknowledge([delivery])

    def _named(self, delivery: Delivery) -> str:
        return f"{self.place.shown} {delivery.name or delivery.position}"

"""The batcher: requests wait, take turns window by window, and are answered exactly once.

A request is laid out in one thread, a bounded number of characters at a time. Its windows then
wait. Whenever the model is free it takes waiting windows in turn, one of each request, until a
budget of pieces is full: nobody waits for company, and while the model works company gathers. A
long text, or a request of many, gets no more turns than a short one. Long texts are decoded in a
thread of their own. The budget is what the model reads in `round_seconds`, as measured.

A request that is cancelled, or whose deadline passes, loses its places in the queue. What fails in
company is tried alone, so that one bad text spoils no other request.

Knows nothing of HTTP. All methods belong to one event loop; only stages run in threads.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from ossamma.inference.passes import PASS_OVERHEAD, cost_of, plan_passes
from ossamma.schema.errors import (
    ConfigurationError,
    DeadlineError,
    OverloadedError,
    UnavailableError,
)
from ossamma.schema.spans import Entity
from ossamma.serving.lanes import Lanes
from ossamma.serving.observer import Observer, Stage
from ossamma.serving.stages import Answer, Stages
from ossamma.serving.turns import Line, Request, Turn

L = TypeVar("L")
R = TypeVar("R")

_LOGGER = logging.getLogger(__name__)
_FIRST_RATE = 4_000.0
"""Pieces a second, until it is measured."""
_FIRST_DENSITY = 0.4
"""Pieces of a character, until it is measured."""
_MEMORY = 0.8
"""Weight of the past in a running mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatcherSettings:
    """Bounds of the queue and of what the model is given at once."""

    batch_pieces: int = 8_192
    """Most pieces in a round, whatever the machine; 1 gives every window a round of its own."""
    round_seconds: float = 0.2
    """A round is given what the model reads in this time, as measured."""
    queue_requests: int = 256
    """Most requests that are accepted and not answered yet."""
    queue_characters: int = 4_000_000
    """Most characters of theirs."""
    queue_seconds: float = 5.0
    """A request is refused if those before it would take longer than this, as measured."""
    layout_characters: int = 20_000
    """A request lays out about this many characters, then it is another's turn."""
    long_words: int = 2_000
    """Texts of more words are decoded in a thread of their own."""
    pass_overhead: int = PASS_OVERHEAD
    """What a forward pass costs whatever is in it, in pieces."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:  # also refuses NaN
                raise ConfigurationError(f"{name} must be positive, got {getattr(self, name)}")


class Batcher(Generic[L]):
    """Answers requests of several texts each, by one model."""

    def __init__(
        self,
        stages: Stages[L],
        settings: BatcherSettings | None = None,
        *,
        lanes: Lanes,
        observer: Observer | None = None,
    ) -> None:
        """Take the parts; call `start` inside the event loop.

        Args:
            stages: of the model.
            settings: bounds.
            lanes: threads; several batchers may share them, then their models take turns.
            observer: is told what happens, in the event loop.
        """
        self.stages = stages
        self.settings = settings or BatcherSettings()
        self._lanes = lanes
        self._observer = observer or Observer()
        self._live: set[Request[L]] = set()
        self._characters = 0
        self._line = Line[L]()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closing = False
        self._loop_task: asyncio.Task[None] | None = None
        self._side_tasks: set[asyncio.Task[None]] = set()
        self._rate = _FIRST_RATE
        self._throughput = _FIRST_RATE
        self._density = _FIRST_DENSITY

    @property
    def is_alive(self) -> bool:
        """Whether requests are accepted and worked on."""
        task = self._loop_task
        return task is not None and not task.done() and not self._is_closing

    @property
    def num_requests(self) -> int:
        """Requests that are accepted and not answered yet."""
        return len(self._live)

    @property
    def num_characters(self) -> int:
        """Characters of those requests."""
        return self._characters

    @property
    def capacity(self) -> int:
        """Most requests that may wait."""
        return self.settings.queue_requests

    @property
    def expected_wait(self) -> float:
        """Seconds that everything accepted will take, as far as measured."""
        return self.num_characters * self._density / self._throughput

    def start(self) -> None:
        """Begin to work."""
        assert self._loop_task is None, "a batcher starts once"
        self._loop_task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Accept nothing more, answer what was accepted, and stop."""
        self._is_closing = True
        await self._idle.wait()
        if self._loop_task is not None:
            # Whatever still runs aside is of requests that were given up.
            tasks = [self._loop_task, *self._side_tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def submit(self, texts: Sequence[str], *, within: float) -> list[Answer]:
        """Return the answer to each text, in order. Cancelling it frees its places in the queue.

        Args:
            texts: any number, of any length.
            within: seconds until the answers are of no use any more.

        Raises:
            OverloadedError: the queue is full; nothing was accepted.
            UnavailableError: the batcher is closing, or was not started; nothing was accepted.
            DeadlineError: the time is over.
        """
        self._refuse(texts, within)
        loop = asyncio.get_running_loop()
        request: Request[L] = Request(texts, loop.create_future(), time.perf_counter())
        self._live.add(request)
        self._characters += request.characters
        self._idle.clear()
        try:
            async with asyncio.timeout(within) as scope:
                await self._lay_out(request)
                return await request.done
        except TimeoutError:
            if not scope.expired():
                raise  # the model itself raised it
            raise DeadlineError(
                f"no answer within {within:g} s; try again later, or send less at once"
            ) from None
        finally:
            self._forget(request)

    def _refuse(self, texts: Sequence[str], within: float) -> None:
        if not self.is_alive:
            raise UnavailableError("this server is shutting down or was not started; try another")
        if not self._live:
            return
        settings, wait = self.settings, self.expected_wait
        if (
            len(self._live) >= settings.queue_requests
            or self.num_characters + sum(map(len, texts)) > settings.queue_characters
            or wait > min(settings.queue_seconds, within)
        ):
            seconds = max(1, math.ceil(min(wait, 60.0)))
            raise OverloadedError(
                f"{len(self._live)} requests are waiting already; try again in {seconds} s",
                retry_after=seconds,
            )

    def _forget(self, request: Request[L]) -> None:
        self._live.remove(request)
        self._characters -= request.characters
        if not request.done.cancel() and not request.done.cancelled():
            request.done.exception()  # looked at, though the one who asked may be gone
        self._line.remove(request)
        if not self._live:
            self._idle.set()

    async def _lay_out(self, request: Request[L]) -> None:
        """Lay texts out, and let their windows wait as they come."""
        if not request.texts:
            request.done.set_result([])
        for texts in self._portions(request.texts):
            laid = await self._in(self._lanes.front, Stage.LAYOUT, self._lay_all, texts)
            self._measure_density(texts, laid)
            for each in laid:
                number = request.add(each, self.stages.lengths(each))
                if not request.missing[number]:
                    self._answer(request, number, [])
            self._line.join(request)
            self._work.set()

    def _lay_all(self, texts: Sequence[str]) -> list[L]:
        return [self.stages.lay_out(text) for text in texts]

    def _portions(self, texts: Sequence[str]) -> Iterator[list[str]]:
        portion: list[str] = []
        size = 0
        for text in texts:
            portion.append(text)
            size += len(text)
            if size >= self.settings.layout_characters:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion

    def _measure_density(self, texts: Sequence[str], laid: Sequence[L]) -> None:
        characters = sum(map(len, texts))
        pieces = sum(sum(self.stages.lengths(each)) for each in laid)
        if characters:
            self._density = _blend(self._density, pieces / characters)

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            budget = min(self.settings.batch_pieces, self._rate * self.settings.round_seconds)
            if turns := self._line.take(budget):
                began = time.perf_counter()
                await self._round(turns)
                seconds = max(time.perf_counter() - began, 1e-6)
                pieces = sum(turn.length for turn in turns)
                self._throughput = _blend(self._throughput, pieces / seconds)
            else:
                self._work.clear()

    async def _round(self, turns: Sequence[Turn[L]]) -> None:
        now = time.perf_counter()
        for turn in turns:
            if turn.request.is_first:
                turn.request.is_first = False
                self._observer.worked(Stage.QUEUE, now - turn.request.since)
        try:
            await self._recognise(turns)
        except Exception as error:  # noqa: BLE001  whatever a model may raise
            requests = dict.fromkeys(turn.request for turn in turns)
            if len(requests) == 1:
                self._fail(turns[0].request, error)
                return
            _LOGGER.warning("a round of %d requests failed; each is tried alone", len(requests))
            for request in requests:
                await self._round([turn for turn in turns if turn.request is request])

    async def _recognise(self, turns: Sequence[Turn[L]]) -> None:
        """Encode these windows, and decode the texts that they complete."""
        lengths = [turn.length for turn in turns]
        passes = plan_passes(lengths, overhead=self.settings.pass_overhead)
        groups = [[turns[index] for index in each] for each in passes]
        began = time.perf_counter()
        await self._in(self._lanes.model, Stage.MODEL, self._encode_all, groups)
        cost = cost_of(passes, lengths, overhead=self.settings.pass_overhead)
        self._rate = _blend(self._rate, cost / max(time.perf_counter() - began, 1e-6))
        for each in groups:
            longest = max(turn.length for turn in each)
            self._observer.passed(len(each), sum(turn.length for turn in each), longest * len(each))
        complete = [turn for turn in turns if turn.completes and not turn.request.done.done()]
        if short := [turn for turn in complete if not self._is_long(turn)]:
            await self._decode(self._lanes.model, short)
        # Last: what fails above is tried again as a whole.
        for turn in complete:
            if self._is_long(turn):
                self._decode_aside(turn)

    def _is_long(self, turn: Turn[L]) -> bool:
        return len(self.stages.words(turn.request.laid[turn.text])) > self.settings.long_words

    def _encode_all(self, groups: Sequence[Sequence[Turn[L]]]) -> None:
        for group in groups:
            # Whoever was cancelled meanwhile costs nothing more.
            wanted = [turn for turn in group if not turn.request.done.done()]
            if wanted:
                self.stages.encode([(turn.request.laid[turn.text], turn.window) for turn in wanted])

    def _decode_aside(self, turn: Turn[L]) -> None:
        async def decode() -> None:
            try:
                await self._decode(self._lanes.back, [turn])
            except Exception as error:  # noqa: BLE001  whatever a model may raise
                self._fail(turn.request, error)

        task = asyncio.get_running_loop().create_task(decode())
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    async def _decode(self, lane: Executor, turns: Sequence[Turn[L]]) -> None:
        laid = [turn.request.laid[turn.text] for turn in turns]
        found = await self._in(lane, Stage.DECODE, self.stages.decode, laid)
        for turn, entities in zip(turns, found, strict=True):
            self._answer(turn.request, turn.text, entities)

    def _answer(self, request: Request[L], number: int, entities: Sequence[Entity]) -> None:
        if request.done.done():  # cancelled meanwhile
            return
        assert number not in request.answers, "a text is answered once"
        request.answers[number] = Answer(self.stages.words(request.laid[number]), entities)
        if len(request.answers) == len(request.texts):
            request.done.set_result([request.answers[n] for n in range(len(request.texts))])

    def _fail(self, request: Request[L], error: Exception) -> None:
        if not request.done.done():
            request.done.set_exception(error)

    async def _in(
        self, lane: Executor, stage: Stage, function: Callable[..., R], *arguments: object
    ) -> R:
        """Run a function in a thread and tell the observer how long it took there."""

        def clocked() -> tuple[R, float]:
            began = time.perf_counter()
            result = function(*arguments)
            return result, time.perf_counter() - began

        result, seconds = await asyncio.get_running_loop().run_in_executor(lane, clocked)
        self._observer.worked(stage, seconds)
        return result


def _blend(past: float, now: float) -> float:
    return _MEMORY * past + (1.0 - _MEMORY) * now

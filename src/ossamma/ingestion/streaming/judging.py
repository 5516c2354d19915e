"""Letters to the sink, and which one is to blame where something fails."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from ossamma.ingestion.sinks import ReadText
from ossamma.ingestion.streaming.broker import Delivery
from ossamma.ingestion.streaming.letters import Letter
from ossamma.ingestion.streaming.outlets import Outlet, ReadLetter
from ossamma.schema.errors import OssammaError, StreamError
from ossamma.schema.spans import Recogniser

_FAULTS = (OssammaError, ValueError, RuntimeError, OSError, MemoryError)
"""What recognisers and sinks raise."""
_FAILURES_OF_A_SINK = 3
"""So many letters refused, each alone and none taken, and it is the sink that fails."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A delivery whose letter could be read."""

    delivery: Delivery
    letter: Letter


@dataclass(slots=True)
class Judgement:
    """What became of letters; `refused` with the reason."""

    written: list[Opened] = field(default_factory=list)
    refused: list[tuple[Opened, str]] = field(default_factory=list)
    mentions: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """Recognises and writes. Blames a letter only where others fared better.

    A recogniser answers for itself: what it refuses alone is to blame. A sink may be away: what it
    refuses alone is to blame only if it takes another letter. The letters are tried in a random
    order, so that no few bad ones in front can make the sink look broken for ever.
    """

    recogniser: Recogniser
    outlet: Outlet
    thread: Executor
    now: Callable[[], str]
    order: random.Random

    async def judge(self, opened: Sequence[Opened]) -> Judgement:
        """Write what can be written.

        Raises:
            StreamError: the sink takes none of them; nothing is known about any.
        """
        judgement = Judgement()
        read = await self._recognised(opened, judgement)
        if not read:
            return judgement
        try:
            await self._write([letter for _, letter in read])
        except _FAULTS as error:
            if len(read) == 1:
                raise StreamError(f"the sink failed: {_told(error)}") from error
            await self._one_by_one(read, judgement)
        else:
            judgement.written += [one for one, _ in read]
        safe = {one.delivery.position for one in judgement.written}
        judgement.mentions = sum(
            len(letter.read.entities) for one, letter in read if one.delivery.position in safe
        )
        return judgement

    async def _write(self, letters: Sequence[ReadLetter]) -> None:
        await self.outlet.write(letters, time=self.now())

    async def _one_by_one(
        self, read: Sequence[tuple[Opened, ReadLetter]], judgement: Judgement
    ) -> None:
        refused: list[tuple[Opened, str]] = []
        for one, letter in self.order.sample(list(read), len(read)):
            try:
                await self._write([letter])
            except _FAULTS as error:
                refused.append((one, f"the sink refused it: {_told(error)}"))
                if not judgement.written and len(refused) >= _FAILURES_OF_A_SINK:
                    break
            else:
                judgement.written.append(one)
        if not judgement.written:
            raise StreamError(f"the sink takes nothing: {refused[-1][1]}")
        judgement.refused += refused

    async def _recognised(
        self, opened: Sequence[Opened], judgement: Judgement
    ) -> list[tuple[Opened, ReadLetter]]:
        try:
            return await self._entities(opened)
        except _FAULTS:
            found: list[tuple[Opened, ReadLetter]] = []
            for one in opened:
                try:
                    found += await self._entities([one])
                except _FAULTS as error:
                    judgement.refused.append((one, f"the recogniser refused it: {_told(error)}"))
            return found

    async def _entities(self, opened: Sequence[Opened]) -> list[tuple[Opened, ReadLetter]]:
        texts = [one.letter.text for one in opened]
        answers = await asyncio.get_running_loop().run_in_executor(
            self.thread, self.recogniser.recognise, texts
        )
        return [
            (one, ReadLetter(one.letter, ReadText(one.letter.id, text, tuple(entities))))
            for one, text, entities in zip(opened, texts, answers, strict=True)
        ]


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"

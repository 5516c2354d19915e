"""A whole stream from its options: broker, recogniser, sink and metrics put together."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ossamma.graph.census import GraphCensus
from ossamma.ingestion.sinks import parse_sink
from ossamma.ingestion.streaming.inbox import Inbox
from ossamma.ingestion.streaming.judging import Judge
from ossamma.ingestion.streaming.metrics import StreamMetrics
from ossamma.ingestion.streaming.opening import broker_of
from ossamma.ingestion.streaming.outlets import BrokerOutlet, Outlet, SinkOutlet
from ossamma.ingestion.streaming.places import BrokerPlace, is_broker, parse_place
from ossamma.ingestion.streaming.secrets import hide
from ossamma.ingestion.streaming.settings import DEFAULT_STREAM, StreamSettings
from ossamma.ingestion.streaming.stream import Stream
from ossamma.ingestion.streaming.suspects import Suspects
from ossamma.ingestion.streaming.work import StreamReport, Work
from ossamma.pipeline.ingest import IngestRequest, open_sink, recogniser_of, shown_sink
from ossamma.schema.errors import ConfigurationError, StreamError
from ossamma.schema.hierarchy import Hierarchy

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamRequest:
    """What shall be read from where, and go where."""

    source: BrokerPlace
    """Where messages come from."""
    target: BrokerPlace | str
    """Where answers go: a place at a broker, or a sink (see `parse_sink`)."""
    ingest: IngestRequest
    """The recogniser and the knowledge, as an ingestion has them."""
    suspects: Path
    """File of what the process died of."""
    settings: StreamSettings = DEFAULT_STREAM
    """Sizes, limits and times."""
    until_idle: float | None = None
    """End when nothing waits and nothing came for so many seconds."""
    metrics_host: str = "127.0.0.1"
    """Where metrics are to be had."""
    metrics_port: int = 0
    """0: nowhere."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be told."""
        places = [one for one in (self.source, self.target) if isinstance(one, BrokerPlace)]
        return tuple(place.password for place in places if place.password)


def parse_target(text: str, environment: Mapping[str, str]) -> BrokerPlace | str:
    """Read where answers go. Raises ConfigurationError if it is neither broker nor sink."""
    if is_broker(text):
        return parse_place(text, environment)
    parse_sink(text)
    return text


def usual_suspects(
    source: BrokerPlace, target: BrokerPlace | str, environment: Mapping[str, str]
) -> Path:
    """Return the usual file of suspects: beside the sink, or among the user's own state."""
    if isinstance(target, str) and "://" not in target:
        return Path(f"{parse_sink(target).place}.suspects.json")
    home = environment.get("XDG_STATE_HOME")
    folder = Path(home) if home else Path.home() / ".local" / "state"
    shown = target if isinstance(target, str) else target.shown
    name = hashlib.sha256(f"{source.shown} {source.group} {shown}".encode()).hexdigest()[:16]
    return folder / "ossamma" / f"{name}.suspects.json"


def stream(
    request: StreamRequest, *, environment: Mapping[str, str], now: Callable[[], str]
) -> StreamReport:
    """Read messages until SIGTERM, SIGINT or idleness; what was taken is then finished.

    Raises:
        ConfigurationError: the answers would come back as messages.
        StreamError: a broker or the sink is away for too long. Nothing is lost: what was not
            acknowledged comes again.
        GraphError, FormatError, BundleError: the sink or the bundle cannot be opened.
    """
    source, target = request.source, request.target
    if isinstance(target, BrokerPlace) and target.name in {source.name, source.dead}:
        raise ConfigurationError(
            f"answers need a name of their own, not {target.name!r}, which is read or has the dead "
            "letters"
        )
    try:
        return asyncio.run(_run(request, environment, now))
    except StreamError as error:
        raise StreamError(hide(str(error), request.secrets)) from None


async def _run(
    request: StreamRequest, environment: Mapping[str, str], now: Callable[[], str]
) -> StreamReport:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    recogniser, name, hierarchy = recogniser_of(request.ingest)
    settings = request.settings
    metrics = StreamMetrics()
    async with AsyncExitStack() as stack:
        if request.metrics_port:
            stack.callback(metrics.serve(request.metrics_host, request.metrics_port))
        thread = stack.enter_context(ThreadPoolExecutor(1, "stream"))
        outlet = await stack.enter_async_context(
            _outlet(request, thread, (name, hierarchy), environment, metrics)
        )
        judge = Judge(
            recogniser=recogniser, outlet=outlet, thread=thread, now=now, order=random.Random(0)
        )
        work = Work(
            place=request.source,
            broker=broker_of(request.source, settings),
            inbox=Inbox(settings.in_flight_messages),
            judge=judge,
            suspects=Suspects(request.suspects),
            metrics=metrics,
            settings=settings,
        )
        ready = f"reading {request.source.shown}"
        return await Stream(
            work=work,
            until_idle=request.until_idle,
            stopping=stopping,
            ready=lambda: _logger.info(ready),
        ).run()


@asynccontextmanager
async def _outlet(
    request: StreamRequest,
    thread: ThreadPoolExecutor,
    known: tuple[str, Hierarchy],
    environment: Mapping[str, str],
    metrics: StreamMetrics,
) -> AsyncIterator[Outlet]:
    target = request.target
    if isinstance(target, BrokerPlace):
        broker = broker_of(target, request.settings)
        await broker.start(None)
        try:
            await broker.prepare(target.name)
            yield BrokerOutlet(broker, target.name, known[0])
        finally:
            await broker.close()
        return
    sink = open_sink(parse_sink(target), request.ingest, known, environment)
    try:
        name = shown_sink(target)
        told = partial(metrics.graph.show, name) if request.metrics_port else _unheard
        yield SinkOutlet(sink, thread, told=told)
    finally:
        thread.shutdown()
        sink.close()


def _unheard(census: GraphCensus) -> None:
    """Hear how a graph is where nobody asks."""
    del census

"""What a stream tells Prometheus: how far behind, how fast, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from ossamma.ingestion.monitoring.graph_gauges import GraphGauges
from ossamma.ingestion.streaming.broker import Lag

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class StreamMetrics:
    """The counters of one stream, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.graph = GraphGauges(registry)
        self.taken = Counter(
            "ner_stream_messages_taken_total", "Messages that came.", registry=registry
        )
        self.again = Counter(
            "ner_stream_messages_redelivered_total", "Of those, not the first time.",
            registry=registry,
        )  # fmt: skip
        self.written = Counter(
            "ner_stream_messages_written_total", "Messages that the sink has.", registry=registry
        )
        self.dead = Counter(
            "ner_stream_messages_dead_total", "Messages put aside, with a reason.",
            registry=registry,
        )  # fmt: skip
        self.mentions = Counter(
            "ner_stream_mentions_total", "Mentions in what was written.", registry=registry
        )
        self.errors = Counter(
            "ner_stream_errors_total", "What failed, to be tried again.", ["step"],
            registry=registry,
        )  # fmt: skip
        for step in ("sink", "acknowledge", "dead_letter", "broker"):
            self.errors.labels(step)
        self._seconds = Histogram(
            "ner_stream_batch_seconds", "From a batch to its place in the sink.",
            buckets=_BUCKETS, registry=registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "ner_stream_lag_messages", "Messages that wait at the broker.", registry=registry
        )
        self._open = Gauge(
            "ner_stream_unacknowledged_messages", "Delivered to anyone, not acknowledged.",
            registry=registry,
        )  # fmt: skip
        self._in_flight = Gauge(
            "ner_stream_in_flight_messages", "Taken by this process, not settled.",
            registry=registry,
        )  # fmt: skip
        self.committed = Gauge(
            "ner_stream_last_commit_timestamp_seconds", "When the sink last took a batch.",
            registry=registry,
        )  # fmt: skip

    def behind(self, lag: Lag) -> None:
        """Show how far behind the stream is."""
        self._waiting.set(lag.waiting)
        self._open.set(lag.unacknowledged)

    def watch(self, in_flight: Callable[[], int]) -> None:
        """Show how many messages are in our hands, whenever somebody looks."""
        self._in_flight.set_function(in_flight)

    def batch(self) -> AbstractContextManager[object]:
        """Time a batch."""
        return self._seconds.time()

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer GET /metrics in a thread; return what ends it. Raises OSError on a taken port."""
        server, thread = start_http_server(port, addr=host, registry=self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop

"""All metrics of the server, in one registry of its own.

The first four have the names and buckets of the training plan, section 6.3. Times are seconds,
sizes are pieces or characters, labels have few values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ossamma.serving.drift import Drift
from ossamma.serving.models import Models
from ossamma.serving.observer import Observer, Stage
from ossamma.serving.stages import Answer

LATENCY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds; the plan's."""
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32)
"""Windows; the plan's."""
STAGE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
CONFIDENCE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
RATE_BUCKETS: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


class Metrics(Observer):
    """Counts what the server does. Belongs to one event loop."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter("ner_requests_total", "NER requests.", registry=registry)
        self._latency = Histogram(
            "ner_request_latency_seconds",
            "Time from a request to its answer, of requests that were answered with entities.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._entities = Counter(
            "ner_entities_total", "Entities found.", ["entity_type"], registry=registry
        )
        self._batch = Histogram(
            "ner_batch_size", "Windows of a forward pass.", buckets=BATCH_BUCKETS, registry=registry
        )
        self._responses = Counter(
            "ner_responses_total",
            "Answers to NER requests.",
            ["route", "status"],
            registry=registry,
        )
        self._rejections = Counter(
            "ner_rejections_total", "Requests without an answer.", ["reason"], registry=registry
        )
        self._stages = Histogram(
            "ner_stage_seconds",
            "Time in a stage: of a request (queue), or of all that shared it.",
            ["stage"],
            buckets=STAGE_BUCKETS,
            registry=registry,
        )
        self._define_sizes(registry)
        for stage in Stage:
            self._stages.labels(stage.value)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def _define_sizes(self, registry: CollectorRegistry) -> None:
        self._tokens = Counter("ner_tokens_total", "Pieces that the model read.", registry=registry)
        self._padding = Counter(
            "ner_padding_tokens_total", "Padding that the model read.", registry=registry
        )
        self._texts = Counter("ner_texts_total", "Texts that were answered.", registry=registry)
        self._characters = Counter(
            "ner_characters_total", "Characters of those texts.", registry=registry
        )
        Counter(
            "ner_truncated_texts_total",
            "Texts of which something was not read: always 0, windows tile every text.",
            registry=registry,
        )
        self._confidence = Histogram(
            "ner_confidence",
            "Confidence of each entity found, before any selection.",
            buckets=CONFIDENCE_BUCKETS,
            registry=registry,
        )
        self._rate = Histogram(
            "ner_entities_per_1000_characters",
            "Entities of each text that is not empty.",
            buckets=RATE_BUCKETS,
            registry=registry,
        )
        self._reloads = Counter(
            "ner_model_reloads_total", "Models loaded.", ["model", "outcome"], registry=registry
        )
        self._in_flight = Gauge(
            "ner_requests_in_flight", "NER requests being worked on.", registry=registry
        )

    def watch(self, models: Models, drift: Drift) -> None:
        """Show the state of the models, and how far their texts are from the reference."""
        self.registry.register(_StateCollector(models, drift))

    def worked(self, stage: Stage, seconds: float) -> None:
        """Count the time of a stage."""
        self._stages.labels(stage.value).observe(seconds)

    def passed(self, windows: int, pieces: int, padded: int) -> None:
        """Count a forward pass."""
        self._batch.observe(windows)
        self._tokens.inc(pieces)
        self._padding.inc(padded - pieces)

    def began(self) -> None:
        """Count a NER request that came in."""
        self._requests.inc()
        self._in_flight.inc()

    def responded(self, route: str, status: int, seconds: float, *, is_stream: bool) -> None:
        """Count its answer, whatever it was."""
        self._in_flight.dec()
        self._responses.labels(route, str(status)).inc()
        if status < 300 and not is_stream:
            self._latency.observe(seconds)

    def rejected(self, reason: str) -> None:
        """Count a request that got no entities."""
        self._rejections.labels(reason).inc()

    def recognised(self, texts: Iterable[str], answers: Iterable[Answer]) -> None:
        """Count what was found, before any selection."""
        for text, answer in zip(texts, answers, strict=True):
            self._texts.inc()
            self._characters.inc(len(text))
            for entity in answer.entities:
                self._entities.labels(entity.label).inc()
                self._confidence.observe(entity.confidence)
            if text:
                self._rate.observe(1000 * len(answer.entities) / len(text))

    def reloaded(self, model: str, *, is_ok: bool) -> None:
        """Count an attempt to load a model."""
        self._reloads.labels(model, "ok" if is_ok else "failed").inc()

    def page(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _StateCollector(Collector):
    """Gauges that are read when they are asked for."""

    def __init__(self, models: Models, drift: Drift) -> None:
        self._models = models
        self._drift = drift

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        yield from self._of_queues()
        yield self._of_models()
        yield from self._of_drift()

    def _of_queues(self) -> Iterator[Metric]:
        gauges = {
            name: GaugeMetricFamily(f"ner_{name}", text, labels=["model"])
            for name, text in (
                ("model_ready", "1 if the model can be asked."),
                ("queue_requests", "Requests that are accepted and not answered yet."),
                ("queue_capacity_requests", "Most requests that may wait."),
                ("queue_characters", "Characters of the requests that wait."),
                ("queue_expected_wait_seconds", "What everything accepted will take."),
            )
        }
        for slot in self._models.slots.values():
            gauges["model_ready"].add_metric([slot.name], float(slot.state == "ready"))
            if slot.served is None:
                continue
            batcher = slot.served.batcher
            gauges["queue_requests"].add_metric([slot.name], batcher.num_requests)
            gauges["queue_capacity_requests"].add_metric([slot.name], batcher.capacity)
            gauges["queue_characters"].add_metric([slot.name], batcher.num_characters)
            gauges["queue_expected_wait_seconds"].add_metric([slot.name], batcher.expected_wait)
        yield from gauges.values()

    def _of_models(self) -> Metric:
        labels = ("model", "model_type", "version", "checksum", "profile")
        info = GaugeMetricFamily("ner_model_info", "Which model is served.", labels=labels)
        for slot in self._models.slots.values():
            if slot.served is not None:
                metadata = slot.served.loaded.metadata
                info.add_metric([slot.name, *(str(metadata.get(n, "")) for n in labels[1:])], 1)
        return info

    def _of_drift(self) -> Iterator[Metric]:
        psi = GaugeMetricFamily(
            "ner_drift_psi",
            "Population stability index of recent texts against the model's dev documents.",
            labels=["model", "feature", "entity_type"],
        )
        texts = GaugeMetricFamily(
            "ner_drift_texts", "Recent texts that drift is told from.", labels=["model"]
        )
        precision = GaugeMetricFamily(
            "ner_expected_precision",
            "Mean calibrated confidence of the entities found in recent texts.",
            labels=["model"],
        )
        for slot in self._models.slots.values():
            if slot.served is None:
                continue
            seen = self._drift.of(slot.name, slot.served.loaded)
            texts.add_metric([slot.name], seen.texts)
            for (feature, name), value in seen.stability().items():
                psi.add_metric([slot.name, feature, name], value)
            if (expected := seen.expected_precision()) is not None:
                precision.add_metric([slot.name], expected)
        yield from (psi, texts, precision)

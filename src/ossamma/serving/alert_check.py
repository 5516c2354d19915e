"""Alerts without Prometheus: two looks at /metrics, held against a profile's settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from ossamma.schema.errors import FormatError
from ossamma.serving.alert_settings import AlertSettings

Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The series of one look at /metrics, by name and labels."""

    series: Mapping[tuple[str, Labels], float]

    @classmethod
    def parse(cls, page: str) -> Reading:
        """Read Prometheus' text format.

        Raises:
            FormatError: it is something else.
        """
        try:
            return cls(
                {
                    (sample.name, tuple(sorted(sample.labels.items()))): sample.value
                    for family in text_string_to_metric_families(page)
                    for sample in family.samples
                }
            )
        except (ValueError, KeyError, IndexError) as error:
            raise FormatError(
                "/metrics", None, expected="Prometheus' text format", got=str(error)
            ) from error

    def of(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and value of every series of this name."""
        for (each, labels), value in self.series.items():
            if each == name:
                yield dict(labels), value

    def since(self, before: Reading, name: str) -> list[tuple[dict[str, str], float]]:
        """Return by how much each counter of this name has grown; one that fell began anew."""
        grown = []
        for labels, value in self.of(name):
            old = before.series.get((name, tuple(sorted(labels.items()))), 0.0)
            grown.append((labels, value - old if value >= old else value))
        return grown


@dataclass(frozen=True, slots=True)
class Finding:
    """An alert: its name, as in the rules, and what was found."""

    name: str
    message: str


def check_readings(before: Reading, after: Reading, settings: AlertSettings) -> list[Finding]:
    """Return every alert that two looks show: rates between them, states at the second."""
    return [
        *_of_requests(before, after, settings),
        *_of_queues(after, settings),
        *_of_models(after, settings),
    ]


def _of_requests(before: Reading, after: Reading, settings: AlertSettings) -> Iterator[Finding]:
    buckets = after.since(before, "ner_request_latency_seconds_bucket")
    p99 = quantile(0.99, {float(labels["le"]): count for labels, count in buckets})
    if p99 > settings.latency_p99_seconds:
        yield Finding(
            "OssammaLatency", f"P99 {p99:.3g} s, bound {settings.latency_p99_seconds:g} s"
        )
    responses = after.since(before, "ner_responses_total")
    total = sum(count for _, count in responses)
    for name, bound, is_counted in (
        ("OssammaErrors", settings.error_rate, lambda status: status.startswith("5")),
        ("OssammaRefusals", settings.refused_share, lambda status: status == "429"),
    ):
        share = _share(responses, total, is_counted)
        if share > bound:
            yield Finding(name, f"{share:.2%} of {total:.0f} requests, bound {bound:.2%}")


def _share(
    responses: list[tuple[dict[str, str], float]], total: float, is_counted: Callable[[str], bool]
) -> float:
    counted = sum(count for labels, count in responses if is_counted(labels["status"]))
    return counted / total if total else 0.0


def _of_queues(after: Reading, settings: AlertSettings) -> Iterator[Finding]:
    capacity = {labels["model"]: n for labels, n in after.of("ner_queue_capacity_requests")}
    for labels, waiting in after.of("ner_queue_requests"):
        share = waiting / capacity.get(labels["model"], math.inf)
        if share > settings.queue_share:
            yield Finding("OssammaSaturated", f"queue of {labels['model']} {share:.0%} full")


def _of_models(after: Reading, settings: AlertSettings) -> Iterator[Finding]:
    for labels, psi in after.of("ner_drift_psi"):
        if psi > settings.drift_psi:
            what = " ".join(filter(None, (labels["feature"], labels["entity_type"])))
            yield Finding(
                "OssammaDrift",
                f"{what} of {labels['model']}: PSI {psi:.3g}, bound {settings.drift_psi:g}",
            )
    for labels, precision in after.of("ner_expected_precision"):
        if precision < settings.expected_precision:
            yield Finding(
                "OssammaPrecision",
                f"{labels['model']}: {precision:.3f}, bound {settings.expected_precision:g}",
            )
    for labels, is_ready in after.of("ner_model_ready"):
        if not is_ready:
            yield Finding("OssammaNotReady", f"{labels['model']} is not loaded")


def quantile(share: float, buckets: Mapping[float, float]) -> float:
    """Return a quantile of a histogram as Prometheus does; NaN if nothing was counted.

    Linear inside a bucket whose lower end is the bound before it, or 0; beyond the last finite
    bound it is that bound.

    Args:
        share: in [0, 1].
        buckets: cumulative counts by upper bound, one of them infinite.
    """
    bounds = sorted(buckets)
    if not bounds or not buckets[bounds[-1]]:
        return math.nan
    rank = share * buckets[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == math.inf:
                return lower
            inside = buckets[bound] - below
            return lower + (bound - lower) * (rank - below) / inside if inside else bound
        lower, below = bound, buckets[bound]
    raise AssertionError("the last bucket holds everything")

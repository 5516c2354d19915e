"""Alert rules for Prometheus, made from a profile's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ossamma.serving.alert_settings import AlertSettings

_HEAD: Final = "# Made by `ossamma alerts rules {options}`; change the profile, not this.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A rule: when, for how long, how bad, and what to tell and do."""

    name: str
    expression: str
    lasting_seconds: float
    severity: str
    summary: str
    action: str

    def to_rule(self) -> dict[str, Any]:
        """Return it in Prometheus' form."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.lasting_seconds:.0f}s",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.action},
        }


def alerts_of(settings: AlertSettings, *, job: str = "ossamma") -> tuple[Alert, ...]:
    """Return the rules; `job` is what Prometheus' configuration calls the servers."""
    return (*_of_requests(settings), *_of_models(settings), *_of_processes(settings, job))


def _of_requests(settings: AlertSettings) -> tuple[Alert, ...]:
    window = f"[{settings.window_seconds:.0f}s]"
    responses = f"sum by (job) (rate(ner_responses_total{window}))"
    return (
        Alert(
            name="OssammaLatency",
            expression=(
                "histogram_quantile(0.99, sum by (job, le) "
                f"(rate(ner_request_latency_seconds_bucket{window})))"
                f" > {settings.latency_p99_seconds:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="P99 latency is {{ $value | humanizeDuration }}",
            action="Look at ner_stage_seconds: queue means too little capacity, model too long "
            "texts or too slow a machine.",
        ),
        Alert(
            name="OssammaErrors",
            expression=(
                f'sum by (job) (rate(ner_responses_total{{status=~"5.."}}{window})) / {responses}'
                f" > {settings.error_rate:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="critical",
            summary="{{ $value | humanizePercentage }} of requests fail",
            action="Look at ner_responses_total by status and at the log; 504 is the deadline, "
            "503 a model that is not loaded.",
        ),
        Alert(
            name="OssammaRefusals",
            expression=(
                f'sum by (job) (rate(ner_responses_total{{status="429"}}{window})) / {responses}'
                f" > {settings.refused_share:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $value | humanizePercentage }} of requests find the queue full",
            action="Add servers; a longer queue only makes everyone wait.",
        ),
    )


def _of_models(settings: AlertSettings) -> tuple[Alert, ...]:
    return (
        Alert(
            name="OssammaSaturated",
            expression=(
                "max by (job, model) (ner_queue_requests / ner_queue_capacity_requests)"
                f" > {settings.queue_share:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="the queue of {{ $labels.model }} is {{ $value | humanizePercentage }} full",
            action="Add servers before requests are refused.",
        ),
        Alert(
            name="OssammaDrift",
            expression=(
                "max by (job, model, feature, entity_type) (ner_drift_psi)"
                f" > {settings.drift_psi:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="{{ $labels.feature }} {{ $labels.entity_type }} of {{ $labels.model }} has "
            "drifted (PSI {{ $value }})",
            action="The texts are no longer those the model was measured on: label a sample of "
            "them and evaluate.",
        ),
        Alert(
            name="OssammaPrecision",
            expression=(
                f"min by (job, model) (ner_expected_precision) < {settings.expected_precision:g}"
            ),
            lasting_seconds=settings.lasting_seconds,
            severity="warning",
            summary="the expected precision of {{ $labels.model }} is {{ $value }}",
            action="Label a sample of recent texts and evaluate; raise the thresholds meanwhile.",
        ),
        Alert(
            name="OssammaReload",
            expression='increase(ner_model_reloads_total{outcome="failed"}[1h]) > 0',
            lasting_seconds=0,
            severity="warning",
            summary="{{ $labels.model }} could not be loaded",
            action="The log says why; the model that was there is still served.",
        ),
    )


def _of_processes(settings: AlertSettings, job: str) -> tuple[Alert, ...]:
    return (
        Alert(
            name="OssammaDown",
            expression=f'up{{job="{job}"}} == 0 or absent(up{{job="{job}"}})',
            lasting_seconds=60,
            severity="critical",
            summary="{{ $labels.instance }} does not answer",
            action="Start it again; it is ready when /ready answers 200.",
        ),
        Alert(
            name="OssammaNotReady",
            expression="min by (job, instance, model) (ner_model_ready) == 0",
            lasting_seconds=settings.lasting_seconds,
            severity="critical",
            summary="{{ $labels.model }} on {{ $labels.instance }} is not loaded",
            action="The log says why its bundle cannot be loaded.",
        ),
    )


def rule_file(profile: str, settings: AlertSettings, *, job: str = "ossamma") -> str:
    """Return a rule file for Prometheus."""
    alerts = alerts_of(settings, job=job)
    return group_file(f"ossamma-{profile}", alerts, options=f"--profile {profile}")


def group_file(name: str, alerts: Sequence[Alert], *, options: str) -> str:
    """Return a rule file with one group of alerts; `options` are those that it is made by."""
    rules = [alert.to_rule() for alert in alerts]
    content = {"groups": [{"name": name, "rules": rules}]}
    return _HEAD.format(options=options) + yaml.safe_dump(content, sort_keys=False, width=100)

"""A dashboard for Grafana, made from a profile's settings: one panel for each question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ossamma.serving.alert_settings import AlertSettings

_WIDTH: Final = 12
_HEIGHT: Final = 8
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


def dashboard(profile: str, settings: AlertSettings) -> dict[str, Any]:
    """Return the dashboard as JSON that Grafana imports; red begins where an alert does."""
    return laid_out(f"OSSAMMA-NER ({profile})", f"ossamma-{profile}", _questions(settings))


def laid_out(title: str, uid: str, questions: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Return a dashboard of panels, two beside each other.

    A question is its title, unit, expressions by legend, and the bound of an alert or None.
    """
    panels = [
        _panel(number, *facts, bound=bound) for number, (*facts, bound) in enumerate(questions)
    ]
    return {
        "title": title,
        "uid": uid,
        "tags": ["ossamma"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "label": "Source",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                }
            ]
        },
        "panels": panels,
    }


def _questions(settings: AlertSettings) -> list[tuple[Any, ...]]:
    """Title, unit, expressions by legend, and the bound of an alert if there is one."""
    rate = "rate({}[5m])"
    latency = rate.format("ner_request_latency_seconds_bucket")
    responses = rate.format("ner_responses_total")
    return [
        ("Requests", "reqps", {"{{status}}": f"sum by (status) ({responses})"}, None),
        (
            "Latency of answers",
            "s",
            {
                f"P{p}": f"histogram_quantile({p / 100}, sum by (le) ({latency}))"
                for p in (50, 95, 99)
            },
            settings.latency_p99_seconds,
        ),
        (
            "Errors",
            "percentunit",
            {"5xx": f'sum(rate(ner_responses_total{{status=~"5.."}}[5m])) / sum({responses})'},
            settings.error_rate,
        ),
        (
            "Refusals",
            "reqps",
            {"{{reason}}": f"sum by (reason) ({rate.format('ner_rejections_total')})"},
            None,
        ),
        (
            "Queue taken",
            "percentunit",
            {"{{model}}": "max by (model) (ner_queue_requests / ner_queue_capacity_requests)"},
            settings.queue_share,
        ),
        (
            "Time by stage (P95)",
            "s",
            {
                "{{stage}}": "histogram_quantile(0.95, sum by (le, stage) "
                f"({rate.format('ner_stage_seconds_bucket')}))"
            },
            None,
        ),
        (
            "Windows of a pass (mean)",
            "short",
            {
                "windows": f"sum({rate.format('ner_batch_size_sum')}) / "
                f"sum({rate.format('ner_batch_size_count')})"
            },
            None,
        ),
        (
            "Pieces read",
            "short",
            {
                "pieces": f"sum({rate.format('ner_tokens_total')})",
                "padding": f"sum({rate.format('ner_padding_tokens_total')})",
            },
            None,
        ),
        (
            "Entities by type",
            "short",
            {"{{entity_type}}": f"sum by (entity_type) ({rate.format('ner_entities_total')})"},
            None,
        ),
        (
            "Drift (PSI)",
            "short",
            {
                "{{model}} {{feature}} {{entity_type}}": "max by (model, feature, entity_type) "
                "(ner_drift_psi)"
            },
            settings.drift_psi,
        ),
        ("Expected precision", "percentunit", {"{{model}}": "ner_expected_precision"}, None),
        ("Memory", "bytes", {"{{instance}}": "process_resident_memory_bytes"}, None),
    ]


def _panel(
    number: int, title: str, unit: str, expressions: dict[str, str], *, bound: float | None
) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if bound is not None:
        steps.append({"color": "red", "value": bound})
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % 2 * _WIDTH,
            "y": number // 2 * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if bound is None else "line"}},
            },
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for index, (legend, expression) in enumerate(expressions.items())
        ],
    }

"""The report of an ablation as JSON, Markdown and one HTML file."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ossamma.data.plot import interval_plot
from ossamma.evaluation.ablation import FULL, AblationTable
from ossamma.evaluation.claims import CLAIMS
from ossamma.pipeline.pages import page
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.variants import Variant
from ossamma.schema.atomic import atomic_write

NAME = "ablation"
_NONE = "-"


def describe(
    table: AblationTable,
    variants: Sequence[Variant],
    answers: Mapping[str, Mapping[int, Mapping[str, Any]]],
) -> dict[str, Any]:
    """Return the content of ablation.json, but the facts of the test file.

    Args:
        table: the figures.
        variants: their titles and settings.
        answers: by variant and seed, the facts of each run.
    """
    rows = [
        {
            "name": variant.name,
            "title": variant.title,
            "settings": dict(variant.settings),
            "seeds": sorted(runs),
            "parameters": next(iter(runs.values()))["parameters"],
            "dev_f1": statistics.fmean(run["dev_f1"] for run in runs.values()),
            "test_f1": statistics.fmean(run["test_f1"] for run in runs.values()),
            "seconds": statistics.fmean(run["seconds"] for run in runs.values()),
        }
        for variant in variants
        if (runs := answers.get(variant.name))
    ]
    claims = [
        {
            "name": verdict.claim.name,
            "statement": verdict.claim.statement,
            "metric": verdict.claim.metric,
            "variant": verdict.variant,
            "difference": verdict.cell.difference,
            "interval": (
                verdict.cell.difference_interval.to_json()
                if verdict.cell.difference_interval
                else None
            ),
            "verdict": verdict.verdict,
        }
        for verdict in table.verdicts(CLAIMS)
    ]
    return {
        "seeds_drawn": all(len(runs) > 1 for runs in answers.values()),
        "variants": rows,
        "claims": claims,
        "table": table.to_json(),
    }


def write_report(folder: Path, content: Mapping[str, Any]) -> None:
    """Write all three forms; the JSON last, as the sign that all is there."""
    for ending in ("md", "html"):
        with atomic_write(folder / f"{NAME}.{ending}") as file:
            file.write(render(content, ending))
    write_json(folder / f"{NAME}.json", content)


def render(content: Mapping[str, Any], ending: str) -> str:
    """Return the report as `md` or `html`."""
    cells = content["table"]["variants"]
    return page(
        f"{NAME}.{ending}.jinja",
        filters={"per_cent": per_cent, "points": points, "range": shares, "between": between},
        content=content,
        full=FULL,
        charts=_charts(content),
        supports={
            name: max(row[name]["support"] for row in cells.values())
            for name in content["table"]["metrics"]
        },
    )


def per_cent(value: float | None) -> str:
    """Return a share in per cent."""
    return _NONE if value is None else f"{100 * value:.2f}"


def points(value: float | None) -> str:
    """Return a difference of shares in points, with its sign."""
    return _NONE if value is None else f"{100 * value:+.2f}"


def shares(ends: Sequence[float] | None) -> str:
    """Return the interval of a share in per cent."""
    return "" if ends is None else f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def between(ends: Sequence[float] | None) -> str:
    """Return the interval of a difference in points."""
    return "" if ends is None else f"[{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}]"


def _charts(content: Mapping[str, Any]) -> list[tuple[str, str, Markup]]:
    """A chart of differences for each metric that has any."""
    charts = []
    for name, metric in content["table"]["metrics"].items():
        rows = [
            (variant, 100 * ends[0], 100 * cell["difference"], 100 * ends[1])
            for variant, row in content["table"]["variants"].items()
            for cell in [row[name]]
            if (ends := cell["difference_interval"]) is not None
        ]
        if rows:
            title = f"difference to the whole in {name}"
            charts.append((name, metric["meaning"], interval_plot(rows, title=title)))
    return charts

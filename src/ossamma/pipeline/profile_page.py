"""The profile of a bundle as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from ossamma.data.charts import stacked_chart
from ossamma.data.plot import Axis, Line, Point, number_axis, plot
from ossamma.pipeline.pages import page
from ossamma.pipeline.profiling import LATENCY, PLAN_LENGTH
from ossamma.pipeline.run_folder import write_json
from ossamma.pipeline.stage_clock import Stage
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError

Json = Mapping[str, Any]

JSON_FILE: Final = "profile.json"
HTML_FILE: Final = "profile.html"
_PLAN: Final = "the plan asks for less"


def write_profile(profile: Json, folder: Path) -> None:
    """Write the page, and last the JSON, into a folder.

    Raises:
        DataError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot make the folder {folder}: {error.strerror}; choose another one"
        ) from error
    with atomic_write(folder / HTML_FILE) as file:
        file.write(render_profile(profile))
    write_json(folder / JSON_FILE, profile)


def render_profile(profile: Json) -> str:
    """Return the page."""
    lengths = profile["lengths"]
    return page(
        "profile.html.jinja",
        filters={"ms": "{:,.2f}".format, "count": "{:,.0f}".format, "share": "{:.1%}".format},
        profile=profile,
        stages=list(Stage),
        latency=latency_chart(lengths),
        throughput=throughput_chart(lengths),
        alone=stage_chart(lengths, "alone"),
        together=stage_chart(lengths, "together"),
    )


def latency_chart(lengths: Sequence[Json]) -> Markup:
    """Latency of one text over its length: the median, and up to the 95th percentile."""
    points = [(float(each["length"]), each["alone"]["ms"]) for each in lengths]
    times = [ms[name] for _, ms in points for name in ("p50", "p95")]
    plan = [Point(*each, _PLAN, is_faint=True) for each in plan_points(lengths)]
    times += [point.y for point in plan]
    return plot(
        _lengths_axis(lengths),
        number_axis("ms", times, is_log=True),
        points=[
            *plan,
            *(
                Point(length, ms["p50"], f"{length:.0f} pieces: {ms['p50']:.2f} ms")
                for length, ms in points
            ),
        ],
        lines=[
            Line(tuple((length, ms["p50"]) for length, ms in points), "median"),
            *(
                Line(((length, ms["p50"]), (length, ms["p95"])), "up to p95", "mark")
                for length, ms in points
            ),
        ],
        title="latency of one text over its length",
    )


def plan_points(lengths: Sequence[Json]) -> list[tuple[float, float]]:
    """Return where the plan's latency stands, if its length was measured."""
    assert LATENCY.at_most is not None, "a latency has an upper bound"
    is_measured = any(each["length"] == PLAN_LENGTH for each in lengths)
    return [(float(PLAN_LENGTH), LATENCY.at_most)] if is_measured else []


def throughput_chart(lengths: Sequence[Json]) -> Markup:
    """Pieces a second in batches, over the length of the texts."""
    points = [(float(each["length"]), each["pieces_per_second"]) for each in lengths]
    return plot(
        _lengths_axis(lengths),
        number_axis("pieces/s", [0.0, *(rate for _, rate in points)]),
        points=[Point(x, y, f"{x:.0f} pieces: {y:,.0f} pieces/s") for x, y in points],
        lines=[Line(tuple(points), "pieces a second")],
        title="throughput over the length of the texts",
    )


def stage_chart(lengths: Sequence[Json], kind: str) -> Markup:
    """The share of every stage, a bar for each length."""
    stages = [stage.value for stage in Stage]
    rows = [
        (f"{each['length']} pieces", [each[kind]["stages_ms"][stage] for stage in stages])
        for each in lengths
    ]
    return stacked_chart(rows, stages, title="stages by length of the text", unit="ms")


def _lengths_axis(lengths: Sequence[Json]) -> Axis:
    """A log axis that is marked at the lengths that were measured."""
    values = [float(each["length"]) for each in lengths]
    ticks = tuple((value, f"{value:.0f}") for value in values)
    return Axis("pieces", min(values) / 1.2, max(values) * 1.2, ticks, is_log=True)

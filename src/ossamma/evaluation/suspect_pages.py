"""The suspects of label noise for people: one HTML page that needs nothing else, and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from ossamma.data.charts import ShareBar, bar_chart, share_chart
from ossamma.evaluation.report_pages import fill, sealed
from ossamma.schema.atomic import atomic_write

Json = Mapping[str, Any]

NAME: Final = "suspects"
ON_PAGE: Final = 1_000
"""Most suspects of the HTML page; the JSON lines have all."""
IN_MARKDOWN: Final = 50


def write_pages(content: Json, suspects: Sequence[Json], folder: Path) -> None:
    """Write suspects.md and suspects.html into a folder."""
    for ending, render in (("md", render_markdown), ("html", render_page)):
        with atomic_write(folder / f"{NAME}.{ending}") as file:
            file.write(render(content, suspects))


def render_page(content: Json, suspects: Sequence[Json]) -> str:
    """Return the page: no file, no network, no script from elsewhere, all text escaped.

    Args:
        content: what suspects.json says.
        suspects: all of them as JSON objects, the gravest first.
    """
    return fill(
        f"{NAME}.html.jinja",
        content=content,
        suspects=[_row(suspect) for suspect in suspects[:ON_PAGE]],
        total=len(suspects),
        kinds=_kind_chart(content),
        types=_type_chart(content),
        **sealed(),
    )


def render_markdown(content: Json, suspects: Sequence[Json]) -> str:
    """Return the counts and the gravest suspects as Markdown."""
    return fill(
        f"{NAME}.md.jinja",
        content=content,
        suspects=[_row(suspect) for suspect in suspects[:IN_MARKDOWN]],
        total=len(suspects),
    )


def _row(suspect: Json) -> Json:
    """A suspect with its sides under the names that the marks of a context go by."""
    return {**suspect, "gold": suspect["given"], "predicted": suspect["suggested"]}


def _kind_chart(content: Json) -> Markup:
    return bar_chart(list(content["kinds"].items()), title="Suspects by kind")


def _type_chart(content: Json) -> Markup:
    """Share of the marks of each type that are suspects."""
    bars = [
        ShareBar(
            name,
            min(1.0, row["doubted"] / row["marks"]),
            None,
            f"{row['doubted']:,} of {row['marks']:,}",
        )
        for name, row in content["types"].items()
        if row["marks"]
    ]
    return share_chart(bars, title="Share of the marks of each type that are doubted")

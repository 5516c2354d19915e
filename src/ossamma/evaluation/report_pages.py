"""A report for people: one HTML page that needs nothing else, and Markdown."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ossamma.evaluation import report_charts
from ossamma.evaluation.report_summary import FEW, percent, percent_interval, summarise
from ossamma.schema.atomic import atomic_write

Json = Mapping[str, Any]

PAGE: Final = "report.html"
MARKDOWN: Final = "report.md"
_PACKAGE: Final = "ossamma.evaluation"
_TEMPLATES: Final = "templates"
# Controls, changes of direction and lone surrogates: invisible, misleading, or no characters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$-])")


class Piece(NamedTuple):
    """Part of a context: `kind` is empty, or `gold`, `predicted` or `both`."""

    text: str
    kind: str


def write_pages(report: Json, folder: Path) -> None:
    """Write the page and the Markdown into a folder."""
    for name, content in ((MARKDOWN, render_markdown(report)), (PAGE, render_page(report))):
        with atomic_write(folder / name) as file:
            file.write(content)


def render_page(report: Json) -> str:
    """Return the report as HTML: no file, no network, no script from elsewhere, all text escaped.

    Its policy for browsers allows this very style and script, and nothing else.
    """
    return _render(f"{PAGE}.jinja", report, charts=report_charts, **sealed())


def sealed() -> dict[str, object]:
    """Return `style`, `script` and the `policy` that allows these two and nothing else."""
    style, script = _asset("report.css"), _asset("report.js")
    return {
        "policy": f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}",
        "style": Markup(style),  # noqa: S704  our own file
        "script": Markup(script),  # noqa: S704  our own file
    }


def render_markdown(report: Json) -> str:
    """Return the tables of the report as Markdown."""
    return _render(f"{MARKDOWN}.jinja", report)


def pieces_of(case: Json) -> list[Piece]:
    """Cut the context of a case at the borders of its spans; joined they are the context.

    A long span may end beyond the context.
    """
    text, first = case["context"]["text"], case["context"]["start"]
    spans = {
        side: (
            min(len(text), case[side]["start"] - first),
            min(len(text), case[side]["end"] - first),
        )
        for side in ("gold", "predicted")
        if case[side] is not None
    }
    return list(_cut(text, spans))


def _cut(text: str, spans: Mapping[str, tuple[int, int]]) -> Iterator[Piece]:
    borders = sorted({0, len(text), *(end for span in spans.values() for end in span)})
    for start, end in pairwise(borders):
        inside = [side for side, span in spans.items() if span[0] <= start < span[1]]
        yield Piece(text[start:end], "both" if len(inside) == 2 else "".join(inside))


def fill(template: str, **content: object) -> str:
    """Fill a template of this floor: text is escaped, and what nobody can see is written out."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE, _TEMPLATES),
        autoescape=".html." in template,  # noqa: S701  Markdown is escaped by its own filter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": "{:,}".format,
        "percent": percent,
        "interval": percent_interval,
        "decimals": "{:.4f}".format,
        "markdown": _markdown,
        "pieces": pieces_of,
        "confusions": _confusions,
        "fact": _fact,
    }
    page = environment.get_template(template).render(**content)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", page)


def _render(template: str, report: Json, **content: object) -> str:
    return fill(template, report=report, summary=summarise(report), few=FEW, **content)


def _confusions(table: Json, most: int = 20) -> list[tuple[int, str, str]]:
    """Return the most frequent pairs of different types: number, gold type, predicted type."""
    types: Sequence[str] = table["types"]
    pairs = [
        (number, types[row], types[column])
        for row, numbers in enumerate(table["counts"])
        for column, number in enumerate(numbers)
        if number and row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))[:most]


def _markdown(value: object) -> str:
    """Return a text that stays text, and in its cell of a table."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(value).split()))


def _fact(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _asset(name: str) -> str:
    return files(_PACKAGE).joinpath(_TEMPLATES, name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    """The form in which a browser's content policy names an inline style or script."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

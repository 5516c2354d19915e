"""Bars and tables of colours as SVG, the same bytes for the same numbers; no library, no script.

Colours are left to the page: shapes carry the classes `bar`, `whisker`, `grid`, `right`, `wrong`
and `lost`, and parts of a whole `part-0`, `part-1` and so on. Lines and points over axes are in
`plot`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from markupsafe import Markup

from ossamma.data.svg import close_svg, note, open_svg

_LABEL_WIDTH: Final = 180
_BAR_WIDTH: Final = 420
_NUMBER_WIDTH: Final = 90
_ROW: Final = 20
_BAR: Final = 14

_SHARE_WIDTH: Final = 180
_NOTE_WIDTH: Final = 130
_TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_CHARACTER: Final = 8.0  # of a font of 12 px, capitals
_LONGEST_LABEL: Final = 24

_LEGEND_COLUMNS: Final = 4

_ROOMY: Final = 12  # most columns of a table with large cells
_LARGE_CELL: Final = (64, 34)
_SMALL_CELL: Final = (18, 16)


@dataclass(frozen=True, slots=True)
class ShareBar:
    """A share in [0, 1] with its interval, if it has one, and a note that stands beside it."""

    label: str
    value: float
    interval: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A coloured cell: its number, how strongly it is coloured (0 to 1), in which class.

    `note` shows under the mouse, `link` is where a click leads to.
    """

    row: int
    column: int
    number: int
    shade: float
    kind: str
    note: str = ""
    link: str = ""


def bar_chart(rows: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Return horizontal bars, one a row, on a scale from 0 to the greatest number."""
    greatest = max((number for _, number in rows), default=0) or 1
    width, height = _LABEL_WIDTH + _BAR_WIDTH + _NUMBER_WIDTH, _ROW * max(len(rows), 1)
    parts = [open_svg(width, height, title)]
    for index, (label, number) in enumerate(rows):
        top = index * _ROW
        length = max(round(_BAR_WIDTH * number / greatest, 1), 1.0) if number else 0
        baseline = top + _BAR
        parts.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{baseline}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL_WIDTH}" y="{top + 3}" width="{length}" height="{_BAR}"/>'
            f'<text x="{_LABEL_WIDTH + length + 6}" y="{baseline}">{number:,}</text>'
        )
    return close_svg(parts)


def share_chart(rows: Sequence[ShareBar], *, title: str) -> Markup:
    """Return horizontal bars on a scale from 0 to 1, with their intervals as whiskers."""
    left = _label_width([row.label for row in rows])
    width, height = left + _SHARE_WIDTH + _NOTE_WIDTH, _ROW * max(len(rows), 1) + 18
    parts = [open_svg(width, height, title)]
    for tick in _TICKS:
        x = round(left + tick * _SHARE_WIDTH, 1)
        parts.append(
            f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{height - 16}"/>'
            f'<text x="{x}" y="{height - 3}" text-anchor="middle">{tick:g}</text>'
        )
    for index, row in enumerate(rows):
        top = index * _ROW
        low, high = row.interval or (row.value, row.value)
        parts.append(
            f'<text x="{left - 8}" y="{top + _BAR}" text-anchor="end">{_label(row.label)}</text>'
            f'<rect class="bar" x="{left}" y="{top + 3}" height="{_BAR}" '
            f'width="{round(row.value * _SHARE_WIDTH, 1)}"/>'
        )
        if row.interval:
            ends = [round(left + end * _SHARE_WIDTH, 1) for end in (low, high)]
            parts.append(
                f'<path class="whisker" d="M{ends[0]} {top + 10}H{ends[1]}'
                f'M{ends[0]} {top + 6}v8M{ends[1]} {top + 6}v8"/>'
            )
        parts.append(
            f'<text x="{left + _SHARE_WIDTH + 10}" y="{top + _BAR}">{escape(row.note)}</text>'
        )
    return close_svg(parts)


def stacked_chart(
    rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[str], *, title: str, unit: str
) -> Markup:
    """Return a bar for each row, cut by the shares of its parts, with its total beside it.

    All bars are of one length. What the colours mean stands below.
    """
    lines = -(-len(parts) // _LEGEND_COLUMNS)
    bottom = _ROW * max(len(rows), 1) + 10
    width = _LABEL_WIDTH + _BAR_WIDTH + _NOTE_WIDTH
    drawn = [open_svg(width, bottom + _ROW * lines, title)]
    for index, (label, values) in enumerate(rows):
        total, top, x = sum(values), index * _ROW, float(_LABEL_WIDTH)
        baseline = top + _BAR
        drawn.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{baseline}" text-anchor="end">{escape(label)}</text>'
        )
        for number, (part, value) in enumerate(zip(parts, values, strict=True)):
            length = _BAR_WIDTH * value / total if total else 0.0
            told = note(f"{label}, {part}: {_figure(value)} {unit} ({length / _BAR_WIDTH:.1%})")
            drawn.append(
                f'<rect class="part-{number}" x="{x:.1f}" y="{top + 3}" width="{length:.1f}" '
                f'height="{_BAR}">{told}</rect>'
            )
            x += length
        drawn.append(
            f'<text x="{_LABEL_WIDTH + _BAR_WIDTH + 8}" y="{baseline}">{_figure(total)} '
            f"{escape(unit)}</text>"
        )
    for number, part in enumerate(parts):
        x = width / _LEGEND_COLUMNS * (number % _LEGEND_COLUMNS)
        top = bottom + _ROW * (number // _LEGEND_COLUMNS)
        drawn.append(
            f'<rect class="part-{number}" x="{x:.1f}" y="{top + 2}" width="{_BAR}" '
            f'height="{_BAR}"/><text x="{x + _BAR + 5:.1f}" y="{top + _BAR}">{escape(part)}</text>'
        )
    return close_svg(drawn)


def heat_map(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Cell], *, title: str
) -> Markup:
    """Return a table of coloured cells; up to a dozen columns they are large.

    Cells that are not given are empty. Names stand at the left and, slanted, on top.
    """
    roomy = len(columns) <= _ROOMY
    wide, high = _LARGE_CELL if roomy else _SMALL_CELL
    left = _label_width(rows)
    top = round(_label_width(columns) * 0.75) + 6
    width = left + wide * len(columns) + round(top * 0.9)
    parts = [open_svg(width, top + high * len(rows) + 2, title)]
    for index, name in enumerate(columns):
        x = left + index * wide + wide / 2
        parts.append(
            f'<text x="{x}" y="{top - 6}" transform="rotate(-45 {x} {top - 6})">'
            f"{_label(name)}</text>"
        )
    for index, name in enumerate(rows):
        y = top + index * high
        parts.append(
            f'<text x="{left - 6}" y="{y + high / 2 + 4}" text-anchor="end">{_label(name)}</text>'
            f'<line class="grid" x1="{left}" x2="{left + wide * len(columns)}" y1="{y}" y2="{y}"/>'
        )
    size = "" if roomy else ' class="small"'
    for cell in cells:
        x, y = left + cell.column * wide, top + cell.row * high
        dark = " strong" if cell.shade > 0.72 else ""
        drawn = (
            f'<g class="cell {escape(cell.kind)}{dark}">{note(cell.note)}'
            f'<rect x="{x + 1}" y="{y + 1}" width="{wide - 2}" height="{high - 2}" '
            f'fill-opacity="{cell.shade:.2f}"/>'
            f'<text{size} x="{x + wide / 2}" y="{y + high / 2 + 4}" text-anchor="middle">'
            f"{short_number(cell.number) if not roomy else format(cell.number, ',')}</text></g>"
        )
        parts.append(f'<a href="{escape(cell.link)}">{drawn}</a>' if cell.link else drawn)
    return close_svg(parts)


def short_number(number: int) -> str:
    """Write a number in three characters or few more: 999, 1.2k, 34k, 2M."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            share = number / limit
            return f"{share:.1f}{unit}" if share < 9.95 else f"{share:.0f}{unit}"
    return str(number)


def _label_width(labels: Sequence[str]) -> int:
    longest = max((min(len(label), _LONGEST_LABEL) for label in labels), default=0)
    return round(longest * _CHARACTER) + 14


def _label(text: str) -> str:
    """Shorten a long label; the whole of it shows under the mouse."""
    if len(text) <= _LONGEST_LABEL:
        return escape(text)
    return f"{note(text)}{escape(text[: _LONGEST_LABEL - 1])}…"


def _figure(value: float) -> str:
    """Write three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

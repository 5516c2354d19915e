"""Points, lines and intervals as SVG, the same bytes for the same numbers; no library, no script.

Colours and strokes are left to the page: shapes carry the classes `point`, `faint`, `line`, `mark`,
`axis` and `grid`. Bars and tables of colours are in `charts`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from markupsafe import Markup

from ossamma.data.svg import close_svg, note, open_svg
from ossamma.schema.errors import ConfigurationError

_WIDTH: Final = 560
_HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 10, 40
_ROW: Final = 24
_NAME_WIDTH: Final = 150
_VALUE_WIDTH: Final = 170
_RADIUS: Final = 4

# Numbers that people read faster with all their digits than as powers of ten.
_READABLE_FROM, _READABLE_TO = 0.1, 1e6


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its title, its ends, and where it is marked, with what.

    On a log scale all values are above 0.
    """

    title: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.is_log and self.low <= 0.0):
            raise ConfigurationError(
                f"an axis needs low < high, above 0 if logarithmic, got {self.low} and {self.high}"
            )

    def share(self, value: float) -> float:
        """Return how far from low to high a value lies, 0 to 1 inside."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Point:
    """A dot with a note that shows under the mouse. Faint dots are hollow."""

    x: float
    y: float
    note: str = ""
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, drawn in the page's colour of the class `kind`."""

    points: tuple[tuple[float, float], ...]
    note: str = ""
    kind: str = "line"


def number_axis(title: str, values: Sequence[float], *, is_log: bool = False) -> Axis:
    """Return an axis that holds all values, marked at round numbers."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if is_log:
        low, high = low / 1.2, high * 1.2
        return Axis(title, low, high, _log_ticks(low, high), is_log=True)
    margin = 0.05 * (high - low) or max(abs(high) * 0.05, 0.05)
    low, high = low - margin, high + margin
    return Axis(title, low, high, _round_ticks(low, high))


def share_axis(title: str) -> Axis:
    """Return an axis from 0 to 1."""
    return Axis(
        title, 0.0, 1.0, tuple((tenth / 10, f"{tenth / 10:g}") for tenth in range(0, 11, 2))
    )


def choice_axis(title: str, names: Sequence[str]) -> Axis:
    """Return an axis with a place for each name: 0, 1, 2 ..."""
    ticks = tuple((float(index), name) for index, name in enumerate(names))
    return Axis(title, -0.5, max(len(names) - 0.5, 0.5), ticks)


def plot(
    x: Axis, y: Axis, *, points: Sequence[Point] = (), lines: Sequence[Line] = (), title: str
) -> Markup:
    """Return a plot of points and lines over two axes."""

    def across(value: float) -> float:
        return round(_LEFT + x.share(value) * (_WIDTH - _LEFT - _RIGHT), 1)

    def down(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - y.share(value) * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [open_svg(_WIDTH, _HEIGHT, title), *_axes(x, y, across, down)]
    for line in lines:
        path = " ".join(f"{across(a)},{down(b)}" for a, b in line.points)
        parts.append(
            f'<polyline class="{escape(line.kind)}" points="{path}">{note(line.note)}</polyline>'
        )
    for point in points:
        kind = "faint" if point.is_faint else "point"
        parts.append(
            f'<circle class="{kind}" cx="{across(point.x)}" cy="{down(point.y)}" r="{_RADIUS}">'
            f"{note(point.note)}</circle>"
        )
    return close_svg(parts)


def interval_plot(
    rows: Sequence[tuple[str, float, float, float]], *, title: str, digits: int = 1
) -> Markup:
    """Return a row for each (name, low, value, high), on one scale with a line at 0.

    The values stand beside them with their intervals.
    """
    ends = [0.0, *(end for _, low, _, high in rows for end in (low, high))]
    axis = number_axis("", ends)
    width, height = _NAME_WIDTH + _WIDTH + _VALUE_WIDTH, _ROW * max(len(rows), 1) + 6

    def across(value: float) -> float:
        return round(_NAME_WIDTH + axis.share(value) * _WIDTH, 1)

    zero = across(0.0)
    parts = [
        open_svg(width, height, title),
        f'<line class="axis" x1="{zero}" x2="{zero}" y1="0" y2="{height}"/>',
    ]
    for index, (name, low, value, high) in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        text = f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
        parts.append(
            f'<text x="{_NAME_WIDTH - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line class="mark" x1="{across(low)}" x2="{across(high)}" y1="{middle}" '
            f'y2="{middle}"/>'
            f'<circle class="point" cx="{across(value)}" cy="{middle}" r="{_RADIUS}"/>'
            f'<text x="{_NAME_WIDTH + _WIDTH + 8}" y="{middle + 4}">{text}</text>'
        )
    return close_svg(parts)


def _axes(
    x: Axis, y: Axis, across: Callable[[float], float], down: Callable[[float], float]
) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for value, name in y.ticks:
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{down(value)}" y2="{down(value)}"/>'
            f'<text x="{_LEFT - 6}" y="{down(value) + 4}" text-anchor="end">{escape(name)}</text>'
        )
    for value, name in x.ticks:
        parts.append(
            f'<text x="{across(value)}" y="{bottom + 16}" text-anchor="middle">'
            f"{escape(name)}</text>"
        )
    centre = (_LEFT + right) / 2
    parts.append(
        f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
        f'<line class="axis" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>'
        f'<text x="{centre}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x.title)}</text>'
    )
    return parts


def _round_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """About five round numbers inside [low, high]."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next((m for m in (1, 2, 5) if (high - low) / (step * m) <= 6), 10)
    first, last = math.ceil(low / step), math.floor(high / step)
    digits = max(-math.floor(math.log10(step)), 0)
    return tuple((index * step, f"{index * step:.{digits}f}") for index in range(first, last + 1))


def _log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """1, 2 and 5 of each power of ten inside [low, high]."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return tuple(
        (value, f"{value:,g}" if _READABLE_FROM <= value < _READABLE_TO else f"{value:.0e}")
        for value in values
        if low <= value <= high
    )

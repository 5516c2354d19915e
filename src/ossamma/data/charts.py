"""Bar charts as SVG, the same bytes for the same numbers; no library, no script, no font file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from markupsafe import Markup

_LABEL_WIDTH: Final = 180
_BAR_WIDTH: Final = 420
_NUMBER_WIDTH: Final = 90
_ROW: Final = 20
_BAR: Final = 14


def bar_chart(rows: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """Return horizontal bars, one a row, on a scale from 0 to the greatest number."""
    greatest = max((number for _, number in rows), default=0) or 1
    width, height = _LABEL_WIDTH + _BAR_WIDTH + _NUMBER_WIDTH, _ROW * max(len(rows), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title>{escape(title)}</title>'
    ]
    for index, (label, number) in enumerate(rows):
        top = index * _ROW
        length = max(round(_BAR_WIDTH * number / greatest, 1), 1.0) if number else 0
        baseline = top + _BAR
        parts.append(
            f'<text x="{_LABEL_WIDTH - 8}" y="{baseline}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL_WIDTH}" y="{top + 3}" width="{length}" height="{_BAR}"/>'
            f'<text x="{_LABEL_WIDTH + length + 6}" y="{baseline}">{number:,}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it was escaped

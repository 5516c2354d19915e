"""The frame of a drawing in SVG: its opening with a title, notes under the mouse, its end."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup


def open_svg(width: int, height: int, title: str) -> str:
    """Begin a drawing of so many pixels; readers of the screen read the title out."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{note(title)}'
    )


def note(text: str) -> str:
    """Return a note that shows under the mouse; nothing for an empty text."""
    return f"<title>{escape(text)}</title>" if text else ""


def close_svg(parts: Sequence[str]) -> Markup:
    """Join the parts of a drawing, in which every text was escaped, and end it."""
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  every text in it was escaped

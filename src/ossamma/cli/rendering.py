"""Entities in their text, for people: brackets, types and confidences, coloured by type."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from rich.text import Text

from ossamma.schema.spans import Entity

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green")


def colour_of(label: str) -> str:
    """Return the same colour for the same type, always."""
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]


def render(text: str, entities: Sequence[Entity]) -> Text:
    """Return the whole text with every entity as `[Ada Lovelace PERSON 0.97]`."""
    shown = Text()
    position = 0
    for entity in entities:
        shown.append(_printable(text[position : entity.start]))
        style = colour_of(entity.label)
        shown.append("[", style="dim")
        shown.append(_printable(entity.text), style=f"bold {style}")
        shown.append(f" {entity.label}", style=style)
        shown.append(f" {entity.confidence:.2f}]", style="dim")
        position = entity.end
    shown.append(_printable(text[position:]))
    return shown


def _printable(text: str) -> str:
    """Lone surrogates and control characters, which a terminal cannot show or would obey."""
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode()
        for character in text.replace("\r\n", "\n")
    )

"""Entities in their text, for people: brackets, types and confidences, coloured by type."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence

from rich.text import Text

from ossamma.schema.spans import Entity

# Line ends and tabs; the joiners, without which emoji and several scripts fall apart.
_SHOWN_AS_THEY_ARE = "\n\t\u200c\u200d"
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green")


def colour_of(label: str) -> str:
    """Return the same colour for the same type, always."""
    return _COLOURS[zlib.crc32(label.encode()) % len(_COLOURS)]


def render(text: str, entities: Sequence[Entity]) -> Text:
    """Return the whole text with every entity as `[Ada Lovelace PERSON 0.97]`."""
    shown = Text()
    position = 0
    for entity in entities:
        shown.append(printable(text[position : entity.start]))
        style = colour_of(entity.label)
        shown.append("[", style="dim")
        shown.append(printable(entity.text), style=f"bold {style}")
        shown.append(f" {entity.label}", style=style)
        shown.append(f" {entity.confidence:.2f}]", style="dim")
        position = entity.end
    shown.append(printable(text[position:]))
    return shown


def printable(text: str) -> str:
    """Escape what a terminal cannot show or would obey: controls, directions, lone surrogates."""
    return "".join(
        character if _is_harmless(character) else character.encode("unicode_escape").decode()
        for character in text.replace("\r\n", "\n")
    )


def _is_harmless(character: str) -> bool:
    return (
        character.isprintable()
        or character in _SHOWN_AS_THEY_ARE
        or unicodedata.category(character) == "Zs"
    )

"""YAML of cards and policies: sections with optional keys and plain values."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Self, TypeVar

import yaml

from ossamma.schema import yaml_section
from ossamma.schema.errors import ConfigurationError, DataError, OssammaError
from ossamma.schema.near_names import near

Option = str | int | float | bool | tuple[str, ...]
"""A value of a reader's settings as a card may write it."""

_E = TypeVar("_E", bound=StrEnum)
_TAG: Final = "tag:yaml.org,2002:"


class Section(yaml_section.Section):
    """A YAML mapping in which a key that is missing, or `null`, has no value."""

    __slots__ = ()

    error: ClassVar[type[OssammaError]] = DataError
    refusal: ClassVar[type[OssammaError]] = ConfigurationError

    def text(self, key: str, default: str = "") -> str:
        """Return the text at a key, or the default where there is none."""
        return self.scalar(self.values[key]) if self.has(key) else default

    def optional(self, key: str) -> str | None:
        """Return the text at a key, or None."""
        return self.scalar(self.values[key]) if self.has(key) else None

    def has(self, key: str) -> bool:
        """Whether there is a value other than `null` at a key."""
        node = self.values.get(key)
        return node is not None and node.tag != f"{_TAG}null"

    def integer(self, key: str) -> int | None:
        """Return the whole number >= 0 at a key, or None."""
        if not self.has(key):
            return None
        text = self.scalar(self.values[key])
        if not (text.isascii() and text.isdigit()):
            raise self.fault(f"{key!r} must be a whole number, got {text!r}", self.values[key])
        return int(text)

    def boolean(self, key: str) -> bool:
        """Return `true` or `false` at a key; false where it is missing."""
        return self.has(key) and self._truth(self.values[key])

    def choice(self, key: str, kind: type[_E]) -> _E:
        """Return the member of an enumeration that is named at a key."""
        text = self.scalar(self.values[key])
        names = [member.value for member in kind]
        if text not in names:
            raise self.fault(
                f"{key!r} must be one of {', '.join(names)}, got {text!r}{near(text, names)}",
                self.values[key],
            )
        return kind(text)

    def section(self, key: str) -> Self:
        """Return the mapping at a key; an empty one where the key is missing."""
        if not self.has(key):
            return type(self)(self.source, self.line, {})
        return self.of(self.values[key], self.source)

    def options(self, key: str) -> dict[str, Option]:
        """Return a mapping to plain values: numbers, `true`, `false`, texts and lists of texts."""
        section = self.section(key)
        return {name: section._option(node) for name, node in section.values.items()}

    def _option(self, node: yaml.Node) -> Option:
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.scalar(item) for item in node.value)
        text = self.scalar(node)
        if node.tag == f"{_TAG}bool":
            return self._truth(node)
        try:
            if node.tag == f"{_TAG}int":
                return int(text)
            return float(text) if node.tag == f"{_TAG}float" else text
        except ValueError:  # YAML also counts in octal and in base 60; nobody means that
            raise self.fault(
                f"expected a plain number or a quoted text, got {text}", node
            ) from None

    def _truth(self, node: yaml.Node) -> bool:
        text = self.scalar(node)
        if text not in {"true", "false"}:
            raise self.fault(f"expected true or false, or a quoted text, got {text}", node)
        return text == "true"

    def _items(self, key: str) -> list[yaml.Node]:
        return super()._items(key) if self.has(key) else []

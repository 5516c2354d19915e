"""YAML of a profile as mappings that know their file and line; every scalar as it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import ClassVar, Self, TypeVar

import yaml

from ossamma.schema.errors import OssammaError, ProfileError
from ossamma.schema.near_names import near

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Section:
    """A YAML mapping that knows its file and line. Every scalar is read as it is written.

    Reading the nodes rather than loaded values keeps the line for messages, shows repeated keys,
    and leaves a label `NO` or `1` what it is.
    """

    error: ClassVar[type[OssammaError]] = ProfileError
    """What a fault raises; other kinds of files have their own."""
    refusal: ClassVar[type[OssammaError]] = ProfileError
    """What the constructors raise that `build` calls."""

    source: str
    line: int
    values: Mapping[str, yaml.Node]

    @classmethod
    def of(cls, node: yaml.Node | None, source: str) -> Self:
        """Open a mapping node. Raises the error for any other node and for a repeated key."""
        line = 1 if node is None else node.start_mark.line + 1
        values: dict[str, yaml.Node] = {}
        section = cls(source, line, values)
        if not isinstance(node, yaml.MappingNode):
            raise section.fault(f"expected a mapping (key: value), got {_kind(node)}")
        for key_node, value in node.value:
            key = section.scalar(key_node)
            if key in values:
                raise section.fault(f"the key {key!r} is given twice", key_node)
            values[key] = value
        return section

    @classmethod
    def in_file(cls, file: Traversable) -> Self:
        """Open the mapping that a file holds. Raises the error for any other file."""
        return cls.of(_compose(file, cls.error), str(file))

    def fault(self, message: str, node: yaml.Node | None = None) -> OssammaError:
        """Return an error at this section, or at a node of it."""
        line = self.line if node is None else node.start_mark.line + 1
        return self.error(f"{self.source}:{line}: {message}")

    def check_keys(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse a key that is missing or not known."""
        known = (*required, *optional)
        for key, node in self.values.items():
            if key not in known:
                raise self.fault(
                    f"unknown key {key!r}; expected {', '.join(known)}" + near(key, known), node
                )
        missing = [key for key in required if key not in self.values]
        if missing:
            raise self.fault(f"the key {missing[0]!r} is missing")

    def build(self, make: Callable[..., _T], **fields: object) -> _T:
        """Make a value; a fault in it is reported at this section."""
        try:
            return make(**fields)
        except self.refusal as error:
            raise self.fault(str(error)) from None

    def scalar(self, node: yaml.Node) -> str:
        """Return the text of a scalar."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.fault(f"expected a text, got {_kind(node)}", node)
        return str(node.value).strip()

    def text(self, key: str) -> str:
        """Return the text at a key; empty where an optional key is missing."""
        return self.scalar(self.values[key]) if key in self.values else ""

    def is_text(self, key: str) -> bool:
        """Whether the value at a key is a scalar."""
        return isinstance(self.values[key], yaml.ScalarNode)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return the `yes` or `no` at a key."""
        if key not in self.values:
            return default
        word = self.text(key)
        if word not in ("yes", "no"):
            raise self.fault(f"{key!r} must be yes or no, got {word!r}", self.values[key])
        return word == "yes"

    def texts(self, key: str) -> list[str]:
        """Return the list of texts at a key, without repetition."""
        texts = [self.scalar(node) for node in self._items(key)]
        if len(set(texts)) < len(texts):
            raise self.fault(f"{key!r} has an entry twice: {', '.join(texts)}", self.values[key])
        return texts

    def text_or_texts(self, key: str) -> list[str]:
        """Return the list of texts at a key; a single text is a list of one."""
        return [self.text(key)] if self.is_text(key) else self.texts(key)

    def section(self, key: str) -> Self:
        """Return the mapping at a key."""
        return self.of(self.values[key], self.source)

    def sections(self, key: str) -> list[Self]:
        """Return the list of mappings at a key."""
        return [self.of(node, self.source) for node in self._items(key)]

    def _items(self, key: str) -> list[yaml.Node]:
        node = self.values[key]
        if not isinstance(node, yaml.SequenceNode):
            raise self.fault(f"{key!r} must be a list, got {_kind(node)}", node)
        return list(node.value)


def _compose(file: Traversable, fault: type[OssammaError]) -> yaml.Node | None:
    """Parse a file into nodes by a safe loader; nothing in it is ever constructed."""
    # The C loader is several times as fast and gives the same nodes; not every build has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, UnicodeDecodeError) as error:
        raise fault(f"{file}: expected a readable UTF-8 file: {error}") from error
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = file if mark is None else f"{file}:{mark.line + 1}"
        problem = getattr(error, "problem", None) or error
        raise fault(f"{where}: expected valid YAML: {problem}") from error


def _kind(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.CollectionNode):
        return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    return "a text" if node is not None and node.value else "nothing"

"""JSON values that know their file and line, and give up their parts only as they should be."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ossamma.data.readers.jsonl import parse_object
from ossamma.data.readers.lines import shown
from ossamma.schema.errors import FormatError

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value with its place and its name, which gives up its parts only as they should be."""

    path: Path
    line: int
    value: object
    name: str = "the record"

    @classmethod
    def parse(cls, path: Path, line: int, text: str) -> Json:
        """Parse one value strictly (see `parse_object`)."""
        try:
            return cls(path, line, parse_object(text))
        except ValueError as error:
            raise FormatError(path, line, expected="JSON", got=f"bad JSON: {error}") from None

    @classmethod
    def whole(cls, path: Path, text: str) -> Json:
        """Parse a file that is one value; only bad syntax is tied to its line, the rest to 1."""
        try:
            return cls(path, 1, _decoder().decode(text.removeprefix("\ufeff")), "the file")
        except (ValueError, RecursionError) as error:
            raise _broken(path, 1, error) from None

    def error(self, expected: str, got: str) -> FormatError:
        """Make the error that names the place."""
        return FormatError(self.path, self.line, expected=expected, got=got)

    def table(self) -> Mapping[str, object]:
        """Give an object."""
        if not isinstance(self.value, dict):
            raise self.error(f"{self.name} to be an object {{...}}", kind_of(self.value))
        return self.value

    def items(self) -> list[Json]:
        """Give the elements of a list."""
        if not isinstance(self.value, list):
            raise self.error(f"{self.name} to be a list", kind_of(self.value))
        return [
            Json(self.path, self.line, value, f"item {number} of {self.name}")
            for number, value in enumerate(self.value, start=1)
        ]

    def string(self) -> str:
        """Give a string of whole characters (half an emoji cannot be written anywhere)."""
        if not isinstance(self.value, str):
            raise self.error(f"{self.name} to be a string", kind_of(self.value))
        half = _SURROGATE.search(self.value)
        if half:
            got = f"the lone surrogate U+{ord(half[0]):04X} at character {half.start()}"
            raise self.error(f"{self.name} to be text of whole characters", got)
        return self.value

    def integer(self) -> int:
        """Give an integer."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"{self.name} to be an integer", kind_of(self.value))
        return self.value

    def get(self, key: str) -> Json | None:
        """Look into an object; None if the key is absent or null."""
        value = self.table().get(key)
        return None if value is None else Json(self.path, self.line, value, f'"{key}"')

    def need(self, key: str) -> Json:
        """Look into an object for what must be there."""
        found = self.get(key)
        if found is None:
            keys = ", ".join(map(shown, list(self.table())[:10])) or "no keys"
            raise self.error(f'{self.name} with the key "{key}"', f"one with {keys}")
        return found

    def identifier(self, keys: Sequence[str] = ("id",)) -> str:
        """Give the first of these keys that is there, a string or a number, or nothing."""
        for found in filter(None, map(self.get, keys)):
            return found.string() if isinstance(found.value, str) else str(found.integer())
        return ""


def json_array(path: Path, text: str) -> Iterator[Json]:
    """Parse a JSON array element by element, each with its line.

    Raises:
        FormatError: not an array, or broken, by the line of the element that is.
    """
    decoder = _decoder()
    position = _skip_blanks(text, 1 if text.startswith("\ufeff") else 0)
    if text[position : position + 1] != "[":
        got = shown(text[position : position + 20])
        raise FormatError(path, 1, expected="a JSON list [...] of tasks", got=got)
    line, counted = 1, 0
    position = _skip_blanks(text, position + 1)
    separator = "]" if text[position : position + 1] == "]" else ","
    while separator == ",":
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _broken(path, line, error) from None
        yield Json(path, line, value, "the task")
        position = _skip_blanks(text, position)
        separator = text[position : position + 1]
        if separator not in {",", "]"}:
            got = shown(separator) if separator else "the end of the file"
            raise FormatError(path, line, expected="',' or ']' behind this task", got=got)
        position = _skip_blanks(text, position + (separator == ","))
    rest = text[position + 1 :].strip()
    if rest:
        raise FormatError(path, None, expected="nothing behind the list", got=shown(rest[:60]))


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_refuse_repetition, parse_constant=_refuse)


def _skip_blanks(text: str, position: int) -> int:
    match = re.compile(r"[ \t\r\n]*").match(text, position)
    assert match is not None, "this pattern matches everywhere"
    return match.end()


def _broken(path: Path, line: int, error: ValueError | RecursionError) -> FormatError:
    if isinstance(error, json.JSONDecodeError):
        return FormatError(path, error.lineno, expected="JSON", got=f"bad JSON: {error.msg}")
    got = "brackets nested too deeply" if isinstance(error, RecursionError) else str(error)
    return FormatError(path, line, expected="JSON", got=f"bad JSON: {got}")


def _refuse_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return table


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def kind_of(value: object) -> str:
    """Name a JSON value for a message."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return "a list" if isinstance(value, list) else "an object"

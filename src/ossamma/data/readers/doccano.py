"""JSON lines of doccano to documents, and the checked JSON values that other exports share.

A line holds `text` and either `label` (or `labels`): `[[start, end, type], ...]`, or `entities`:
`[{"start_offset": .., "end_offset": .., "label": ..}, ...]`. A record with neither is unlabelled.

doccano does not write the surface of a mark, and its versions count differently: the server counts
code points, the browser of several versions counted UTF-16 units, and a project may be set to
count graphemes. Where the first two would differ (behind a character beyond U+FFFF, such as an
emoji) the setting `units` must say which it is; nothing in the file can.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.brat import (
    LeftOut,
    Mark,
    StandoffFormat,
    annotate,
    check_choice,
    check_number,
    lines_within,
    make_corpus,
    types_of,
)
from ossamma.data.readers.corpus import Corpus
from ossamma.data.readers.jsonl import parse_object
from ossamma.data.readers.lines import shown
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Annotation, Document, Provenance

Units = Literal["code_points", "utf16"]
"""What an offset counts."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BEYOND: Final = re.compile("[\U00010000-\U0010ffff]")
_LABEL_KEYS: Final = ("label", "labels", "entities")


@dataclass(frozen=True, kw_only=True, slots=True)
class DoccanoFormat(StandoffFormat):
    """How to read an export of doccano."""

    text_key: str = "text"
    """The key of the text."""
    units: Units | None = None
    """What the offsets count. None: refuse the texts in which that makes a difference."""

    def __post_init__(self) -> None:
        StandoffFormat.__post_init__(self)
        if self.units is not None:
            check_choice("units", self.units, ("code_points", "utf16"))


DEFAULT_DOCCANO: Final = DoccanoFormat()


def read_doccano(path: str | Path, settings: DoccanoFormat = DEFAULT_DOCCANO) -> Corpus:
    """Read an export. A record with an `id` is called `<file stem>-<id>`, else `<stem>-<line>`.

    Relations are left out and counted.

    Raises:
        FormatError: a faulty line, by its number; a mark that does not fit; ambiguous offsets.
        DataError: a file that is not there, or has no record.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    for number, line in enumerate(lines_within(path, settings), start=1):
        if not line.strip():
            continue
        record = Json.parse(path, number, line)
        identifier = record.identifier(("id", "doc_id")) or str(number)
        document = _document(record, f"{path.stem}-{identifier}", settings, left_out)
        names.add(document.id, number)
        documents.append(document)
    if not documents:
        raise DataError(f"{path}: no record in the file; expected one JSON object per line")
    return make_corpus(path, "doccano", documents, left_out)


class UniqueNames:
    """Remembers where each document's id was first met, and refuses the second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, int] = {}

    def add(self, name: str, line: int) -> None:
        """Take note of an id."""
        if name in self._lines:
            raise FormatError(
                self._path,
                line,
                expected="an id that no earlier document has",
                got=f"{shown(name)}, the id of the document of line {self._lines[name]}",
            )
        self._lines[name] = line


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
            raise self.error(f"{self.name} to be an object {{...}}", _kind(self.value))
        return self.value

    def items(self) -> list[Json]:
        """Give the elements of a list."""
        if not isinstance(self.value, list):
            raise self.error(f"{self.name} to be a list", _kind(self.value))
        return [
            Json(self.path, self.line, value, f"item {number} of {self.name}")
            for number, value in enumerate(self.value, start=1)
        ]

    def string(self) -> str:
        """Give a string of whole characters (half an emoji cannot be written anywhere)."""
        if not isinstance(self.value, str):
            raise self.error(f"{self.name} to be a string", _kind(self.value))
        half = _SURROGATE.search(self.value)
        if half:
            got = f"the lone surrogate U+{ord(half[0]):04X} at character {half.start()}"
            raise self.error(f"{self.name} to be text of whole characters", got)
        return self.value

    def integer(self) -> int:
        """Give an integer."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.error(f"{self.name} to be an integer", _kind(self.value))
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


class Offsets:
    """Turns offsets of one text into characters."""

    def __init__(self, text: str, units: Units) -> None:
        wide = [match.start() for match in _BEYOND.finditer(text)] if units == "utf16" else []
        # Where each character of two units begins, counted in units.
        self._wide = [start + number for number, start in enumerate(wide)]

    def character(self, offset: int) -> int:
        """Convert one offset; -1 for one that cuts a character in half."""
        before = bisect_left(self._wide, offset)
        if before and self._wide[before - 1] == offset - 1:
            return -1
        return offset - before


def is_ambiguous(text: str, marks: Sequence[Mark]) -> bool:
    """Whether these marks lie elsewhere if they count UTF-16 units than if code points."""
    first = _BEYOND.search(text)
    return first is not None and any(mark.end > first.start() for mark in marks)


def _document(record: Json, name: str, settings: DoccanoFormat, left_out: LeftOut) -> Document:
    text = record.need(settings.text_key).string()
    relations = record.get("relations")
    for _ in relations.items() if relations else ():
        left_out.add(record.line, "a relation")
    annotations: tuple[Annotation, ...] | None = None
    found = [value for key in _LABEL_KEYS if (value := record.get(key)) is not None]
    if len(found) > 1:
        names = " and ".join(value.name for value in found)
        raise record.error("the marks under one key", names)
    if found:
        size = len(found[0].value) if isinstance(found[0].value, list) else 0
        check_number(size, settings, path=record.path, line=record.line)
        marks = [_mark(item) for item in found[0].items()]
        marks = _in_characters(record, text, marks, settings.units)
        annotations = annotate(text, marks, path=record.path, settings=settings, left_out=left_out)
    place = Provenance(str(record.path), record.line)
    return Document(id=name, text=text, annotations=annotations, provenance=place)


def _mark(item: Json) -> Mark:
    """Read `[start, end, type]` or an object."""
    if isinstance(item.value, dict):
        start, end, label = map(item.need, ("start_offset", "end_offset", "label"))
    else:
        parts = item.items() if isinstance(item.value, list) else []
        if len(parts) != 3:
            got = f"{_kind(item.value)}; was this a project of sequence labelling?"
            raise item.error(f"{item.name} to be [start, end, type]", got)
        start, end, label = parts
    return Mark(start.integer(), end.integer(), types_of([label.string()]), item.line)


def _in_characters(
    record: Json, text: str, marks: Sequence[Mark], units: Units | None
) -> list[Mark]:
    if units is None and is_ambiguous(text, marks):
        raise record.error(
            'the setting units, "code_points" or "utf16": this text has characters beyond U+FFFF, '
            "behind which the two differ",
            "none; look at one mark behind an emoji to find out which it is",
        )
    offsets = Offsets(text, units or "code_points")
    return [
        mark._replace(start=offsets.character(mark.start), end=offsets.character(mark.end))
        for mark in marks
    ]


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


def _kind(value: object) -> str:
    """Name a JSON value for a message."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    return "a list" if isinstance(value, list) else "an object"

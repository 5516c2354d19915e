"""PubTator's format to documents: a title line, an abstract line, and tabbed lines of marks.

    123|t|Title
    123|a|Abstract
    123<tab>0<tab>5<tab>Title<tab>Chemical<tab>D001

Offsets count characters of the title, one separator and the abstract. The type column may name
several types, separated by commas (MedMentions): they become candidates. A seventh column splits a
composite mention ("ovarian and peritoneal cancer"); the mention is kept whole. Of mentions that
overlap or are nested the longest is kept, unless the settings say otherwise; the others are left
out and counted, and so are the lines of relations (`123<tab>CID<tab>D001<tab>D002`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.limits import check_number, lines_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate, check_choice, types_of
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Provenance

_TITLE: Final = re.compile(r"([^|\t]+)\|t\|(.*)", re.DOTALL)
_ABSTRACT: Final = re.compile(r"([^|\t]+)\|a\|(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_RELATION: Final = re.compile(r"[A-Za-z][A-Za-z_ -]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class PubtatorFormat(StandoffFormat):
    """How to read a PubTator file."""

    separator: Literal[" ", "\n"] = " "
    """What stands between title and abstract in our text; in the file it is one character, too."""

    def __post_init__(self) -> None:
        StandoffFormat.__post_init__(self)
        check_choice("separator", self.separator, (" ", "\n"))


DEFAULT_PUBTATOR: Final = PubtatorFormat()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One document on its way: its texts by their letter, and its marks."""

    name: str
    line: int
    texts: dict[str, str] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)


def read_pubtator(path: str | Path, settings: PubtatorFormat = DEFAULT_PUBTATOR) -> Corpus:
    """Read a file. Documents are called by their own id.

    Raises:
        FormatError: a faulty line, by its number; a mark whose surface is not what the text has;
            an id that stands twice.
        DataError: a file that is not there, or has no document.
    """
    path = Path(path)
    left_out = LeftOut()
    names = UniqueNames(path)
    documents: list[Document] = []
    for entry in _entries(path, settings, left_out):
        names.add(entry.name, entry.line)
        text = settings.separator.join(
            [entry.texts["t"], *([entry.texts["a"]] if "a" in entry.texts else [])]
        )
        documents.append(
            Document(
                id=entry.name,
                text=text,
                annotations=annotate(
                    text, entry.marks, path=path, settings=settings, left_out=left_out
                ),
                provenance=Provenance(str(path), entry.line),
            )
        )
    if not documents:
        raise DataError(f"{path}: no document in the file; expected lines `id|t|title`")
    return make_corpus(path, "pubtator", documents, left_out)


def _entries(path: Path, settings: PubtatorFormat, left_out: LeftOut) -> Iterator[_Entry]:
    """Group the lines. A title begins a document, with or without a blank line before it."""
    entry: _Entry | None = None
    for number, line in enumerate(lines_within(path, settings), start=1):
        title = _TITLE.fullmatch(line)
        if entry is not None and (title or not line.strip()):
            yield entry
            entry = None
        if title:
            entry = _Entry(title[1], number, {"t": title[2]})
        elif line.strip() and entry is None:
            expected = "a title, `id|t|text`, at the begin of a document"
            raise FormatError(path, number, expected=expected, got=shown(line))
        elif entry is not None:
            _add(path, number, entry, line, left_out)
            check_number(len(entry.marks), settings, path=path, line=number)
    if entry is not None:
        yield entry


def _add(path: Path, number: int, entry: _Entry, line: str, left_out: LeftOut) -> None:
    """Read a line behind the title."""
    abstract = _ABSTRACT.fullmatch(line)
    if abstract is None:
        _add_line(path, number, entry, line, left_out)
    elif abstract[1] != entry.name or "a" in entry.texts or entry.marks:
        expected = f"the only abstract of {entry.name}, right behind its title"
        raise FormatError(path, number, expected=expected, got=shown(line))
    else:
        entry.texts["a"] = abstract[2]


def _add_line(path: Path, number: int, entry: _Entry, line: str, left_out: LeftOut) -> None:
    """Read the line of a mark or of a relation."""
    cells = line.split("\t")
    if cells[0] != entry.name:
        expected = f"a line of the document {shown(entry.name)}, or a blank line before the next"
        raise FormatError(path, number, expected=expected, got=shown(line))
    if 4 <= len(cells) <= 5 and _RELATION.fullmatch(cells[1]):
        left_out.add(number, "a relation")
        return
    if not 5 <= len(cells) <= 7 or not all(_NUMBER.fullmatch(cell) for cell in cells[1:3]):
        expected = "id, start, end, surface, type and identifier, separated by tabs"
        raise FormatError(path, number, expected=expected, got=shown(line))
    names = [name.strip() for name in cells[4].split(",")]
    start, end, surface = int(cells[1]), int(cells[2]), cells[3]
    entry.marks.append(Mark(start, end, types_of(names), number, surface))

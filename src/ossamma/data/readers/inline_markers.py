"""Text files with inline markers (`<TYPE>..</TYPE>`, `[[TYPE:..]]`) to labelled documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.corpus import Corpus, LeftOut, Remark, make_corpus
from ossamma.data.readers.lines import read_lines
from ossamma.data.readers.markers import add_markers, check_types, strip_markers
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document, Provenance

__all__ = [
    "InlineMarkersFormat",
    "add_markers",
    "mark_document",
    "read_inline_markers",
    "strip_markers",
]

_LIKELY: Final = re.compile(r"<([A-Za-z][\w.\-/|]{0,99})>|\[\[([A-Za-z][\w.\-/|]{0,99}):", re.ASCII)
_BLANK_LINES: Final = re.compile(r"\n(?:[ \t\r]*+\n)++")


@dataclass(frozen=True, kw_only=True, slots=True)
class InlineMarkersFormat:
    """How to read a text with inline markers."""

    types: frozenset[str]
    """The types that make a marker. What names another type stays text."""
    unit: Literal["file", "paragraph", "line"] = "file"
    """What a document is; blank lines separate paragraphs."""
    exhaustive: bool = True
    """Everything of these types is marked. False: silence means nothing of any type."""
    max_line_bytes: int = 2**24
    """A longer line is a fault."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", frozenset(self.types))
        check_types(self.types)
        if self.unit not in {"file", "paragraph", "line"}:
            raise ConfigurationError(
                f"unit must be 'file', 'paragraph' or 'line', got {self.unit!r}"
            )
        if self.max_line_bytes < 1:
            raise ConfigurationError(f"max_line_bytes must be >= 1, got {self.max_line_bytes}")


def read_inline_markers(path: str | Path, settings: InlineMarkersFormat) -> Corpus:
    r"""Read a UTF-8 text file with inline markers.

    Line ends become "\n". Documents are called `<file stem>-<n>`; all have the file's stem as
    their group. What looks like a marker of an unknown type stays text and is listed in the
    report's `notes`.

    Raises:
        FormatError: a nested, unclosed, unopened or empty marker, or bytes that are no text, with
            line and column.
        DataError: a file that is not there or is empty.
    """
    path = Path(path)
    text = read_lines(path, max_line_bytes=settings.max_line_bytes)
    if text.faults:
        raise text.faults[0].error(path)
    whole = "\n".join(line for line in text.lines if line is not None)
    documents = tuple(_documents(path, whole, settings))
    if not documents:
        raise DataError(f"{path}: the file has no text; expected text with inline markers")
    notes = _unknown(whole, settings.types)
    return make_corpus(path, "inline_markers", documents, LeftOut(), notes=notes)


def mark_document(document: Document, types: Iterable[str], *, exhaustive: bool = True) -> Document:
    """Take the markers out of an unlabelled document, such as an extracted PDF.

    Raises:
        FormatError: as `strip_markers`.
        DataError: the document has annotations or words already, whose offsets would be wrong.
    """
    if document.annotations is not None or document.words is not None:
        raise DataError(
            f"{document.where}: expected a document without annotations and words, whose places "
            "would shift; take the markers out first"
        )
    known = frozenset(types)
    place = document.provenance or Provenance(document.id)
    text, annotations = strip_markers(
        document.text, known, source=place.source, first_line=place.line or 1
    )
    return replace(
        document,
        text=text,
        annotations=annotations,
        annotates=known if exhaustive else frozenset(),
    )


def _documents(path: Path, whole: str, settings: InlineMarkersFormat) -> Iterator[Document]:
    number = 0
    for start, end in _units(whole, settings.unit):
        if not whole[start:end].strip():
            continue
        number += 1
        line = whole.count("\n", 0, start) + 1
        document = Document(
            id=f"{path.stem}-{number}",
            text=whole[start:end],
            provenance=Provenance(str(path), line),
            group=path.stem,
        )
        yield mark_document(document, settings.types, exhaustive=settings.exhaustive)


def _units(whole: str, unit: str) -> Iterator[tuple[int, int]]:
    if unit == "file":
        yield 0, len(whole)
        return
    separator = re.compile("\n") if unit == "line" else _BLANK_LINES
    start = len(whole) - len(whole.lstrip("\n"))
    for match in separator.finditer(whole, start):
        yield start, match.start()
        start = match.end()
    yield start, len(whole)


def _unknown(whole: str, types: frozenset[str]) -> Iterator[Remark]:
    """What a person may have meant as markers: other types in capitals, or known ones misspelt."""
    folded = {name.casefold() for name in types}
    line, position = 1, 0
    for match in _LIKELY.finditer(whole):
        name = match[1] or match[2]
        if types.issuperset(name.split("|")):
            continue
        if (len(name) > 1 and name.isupper()) or name.casefold() in folded:
            line += whole.count("\n", position, match.start())
            position = match.start()
            yield Remark(line, f"{match[0]!r} stays text: {name} is none of the marker types")

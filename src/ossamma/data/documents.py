r"""Documents of the user: the text of a file of any kind, and the marks that a person put into it.

Marks are inline markers, `<TYPE>..</TYPE>` and `[[TYPE:..]]`, in the text as its reader sees it:
typed in Word, written into a Markdown file, printed in a PDF. What looks like a marker of a type
that does not exist is a fault, for its mark would be lost in silence; a backslash before it makes
it text (in Markdown two, since Markdown takes one for itself).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lxml.html import defs

from ossamma.data.readers.corpus import Corpus, LeftOut, ReadReport, make_corpus
from ossamma.data.readers.lines import read_bytes, shown
from ossamma.data.readers.markers import check_types, strip_markers
from ossamma.data.text.extract import (
    DEFAULT_TEXT,
    ExtractedText,
    TextSettings,
    detect_text_format,
    extract_text,
    iter_text_documents,
)
from ossamma.data.text.plain import split_text
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.near_names import near
from ossamma.schema.spans import Annotation, Document, Provenance

_NAME: Final = r"[A-Za-z0-9][\w.\-/|]{0,99}"
# The look-behind keeps a run of backslashes from being tried at each of its characters.
_MARKER: Final = re.compile(
    rf"(?<!\\)(?:\\\\)*+(?P<token><(?P<tag>{_NAME})>|\[\[(?P<bracket>{_NAME}):)", re.ASCII
)
_CLOSING: Final = re.compile(rf"</({_NAME})>", re.ASCII)
_AROUND: Final = 30
_TAKEN_APART: Final = frozenset({"html", "markdown"})
"""Formats in which a tag that is no marker is taken out of the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentFormat:
    """How to read a document of the user."""

    types: frozenset[str]
    """The types that make a marker."""
    annotates: frozenset[str] | None = None
    """Types of which every mention is marked. None: those that the file itself has marks of."""
    text: TextSettings = DEFAULT_TEXT
    """How the text is extracted."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", frozenset(self.types))
        check_types(self.types)


def read_marked(path: str | Path, settings: DocumentFormat, *, group: str) -> Corpus:
    """Read a document that a person marked by inline markers.

    A text longer than the settings allow becomes several documents, called `<file stem>-<n>`, and
    no mark is cut. What the file holds and its text does not stands in the report's `skipped`.

    Args:
        path: PDF, DOCX, HTML, Markdown, EPUB or plain text.
        settings: the types, and what the marks say of them.
        group: the group of all documents of this file.

    Raises:
        FormatError: the file cannot be read, a marker is at fault, or names another type.
        DataError: no such file, one without text, or one without a mark that vouches for no type.
    """
    path = Path(path)
    extracted = _extract(path, settings)
    _check_names(path, extracted, settings.types)
    text, annotations = _strip(path, extracted, settings.types)
    if not text.strip():
        raise DataError(f"{path}: the file has no text; give a file with at least one word")
    annotates = settings.annotates
    if annotates is None:
        annotates = frozenset(a.labels[0] for a in annotations if len(a.labels) == 1)
    if not annotations and not annotates:
        raise DataError(
            f"{path}: expected a marker such as <{min(settings.types)}>..</{min(settings.types)}>, "
            "got none; give an unmarked file with --own-text, or say with --own-annotates of which "
            "types it has no mention"
        )
    documents = [
        Document(
            id=f"{path.stem}-{number}",
            text=text[start:end],
            annotations=tuple(
                replace(a, start=a.start - start, end=a.end - start)
                for a in annotations
                if start <= a.start < end
            ),
            annotates=annotates,
            provenance=Provenance(str(path), _line(extracted, text, start)),
            group=group,
        )
        for number, (start, end) in enumerate(
            _pieces(text, annotations, settings.text.max_document_characters), start=1
        )
    ]
    left_out = LeftOut()
    for warning in extracted.warnings:
        left_out.add(1, warning)
    return make_corpus(path, "inline_markers", documents, left_out)


class UnmarkedStream(Iterator[Document]):
    """Unmarked documents of one file, one at a time; `report` counts those read so far.

    The file is PDF, DOCX, HTML, Markdown, EPUB or plain text of any size. What of it was left out
    stands in the report's `skipped`.
    """

    def __init__(self, path: str | Path, settings: DocumentFormat, *, group: str) -> None:
        self._path = Path(path)
        self._types = settings.types
        self._group = group
        self._left_out = LeftOut()
        self._num_documents = 0
        text = replace(settings.text, marker_types=settings.types)
        self._documents = iter_text_documents(self._path, text, left_out=self._left_out)

    def __next__(self) -> Document:
        """Return the next document. Raises StopIteration at the end.

        Raises:
            FormatError: the file cannot be read.
            DataError: no such file, one without text, or one with a marker of the types.
        """
        document = next(self._documents)
        for name, at, token in _markers(document.text):
            if self._types.issuperset(name.split("|")):
                excerpt = shown(" ".join(document.text[at : at + _AROUND].split()))
                raise DataError(
                    f"{self._path}: expected a text without marks, got {token} in {excerpt}; give "
                    "a file that is marked by hand with --own"
                )
        self._num_documents += 1
        return replace(document, group=self._group)

    @property
    def report(self) -> ReadReport:
        """What was read so far; complete when the stream has ended."""
        return ReadReport(
            documents=self._num_documents,
            sentences=0,
            words=0,
            entities=0,
            skipped=self._left_out.in_order(),
        )


def _extract(path: Path, settings: DocumentFormat) -> ExtractedText:
    """Extract the text with all markers in it, those of unknown types too."""
    kept = settings.types
    if detect_text_format(path, settings.text) in _TAKEN_APART:
        # Names are ASCII, so that any encoding but UTF-16 will do; too large a page is refused.
        raw = read_bytes(path)[: settings.text.max_markup_bytes].decode("latin-1")
        for name, _, _ in _misnamed(raw, settings.types):
            kept |= frozenset(name.split("|"))
    return extract_text(path, replace(settings.text, marker_types=kept))


def _check_names(path: Path, extracted: ExtractedText, types: frozenset[str]) -> None:
    for name, at, token in _misnamed(extracted.text, types):
        unknown = next(part for part in name.split("|") if part not in types)
        line = _line(extracted, extracted.text, at)
        excerpt = " ".join(extracted.text[max(0, at - _AROUND) : at + _AROUND].split())
        raise FormatError(
            path,
            line,
            expected=f"a marker of one of the profile's {len(types)} types",
            got=f"{token} ({_place(extracted, at)}, in {shown(excerpt)})"
            f"{near(unknown, types)}; put a backslash before it if it is text",
        )


def _strip(
    path: Path, extracted: ExtractedText, types: frozenset[str]
) -> tuple[str, tuple[Annotation, ...]]:
    try:
        return strip_markers(extracted.text, types, source=path)
    except FormatError as error:
        if extracted.format == "plain":
            raise
        lines = extracted.text.split("\n")[: (error.line or 1) - 1]
        at = sum(len(line) + 1 for line in lines)
        got = f"{error.got} of the extracted text{_part(extracted, at, ' (%s)')}"
        raise FormatError(path, None, expected=error.expected, got=got) from None


def _markers(text: str) -> Iterator[tuple[str, int, str]]:
    """Find what has the form of a marker, and for tags an end: name, place and token."""
    closings = frozenset(_CLOSING.findall(text))
    for match in _MARKER.finditer(text):
        if match["bracket"] or match["tag"] in closings:
            yield match["bracket"] or match["tag"], match.start("token"), match["token"]


def _misnamed(text: str, types: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    """Find markers of other types that a person may have meant: in capitals, or in another case."""
    folded = frozenset(name.casefold() for name in types)
    for name, at, token in _markers(text):
        parts = name.split("|")
        if types.issuperset(parts) or (token[0] == "<" and name.lower() in defs.tags):
            continue
        if (len(name) > 1 and name.isupper()) or not folded.isdisjoint(map(str.casefold, parts)):
            yield name, at, token


def _pieces(
    text: str, annotations: Sequence[Annotation], max_characters: int
) -> Iterable[tuple[int, int]]:
    """Cut a text into ranges of bounded length, a longer one where a mark would be cut."""
    ranges: list[tuple[int, int]] = []
    position = 0
    for piece in split_text((text,), max_characters=max_characters):
        start = position + len(piece.before)
        position = start + len(piece.text)
        last = ranges[-1] if ranges else (0, 0)
        if any(a.start < last[1] < a.end for a in annotations):
            ranges[-1] = (last[0], position)
        elif piece.text.strip():
            ranges.append((start, position))
    return ranges


def _line(extracted: ExtractedText, text: str, at: int) -> int | None:
    """Return the line of the file; None where the file has other lines than its text."""
    return text.count("\n", 0, at) + 1 if extracted.format == "plain" else None


def _place(extracted: ExtractedText, at: int) -> str:
    line = extracted.text.count("\n", 0, at) + 1
    column = at - extracted.text.rfind("\n", 0, at)
    if extracted.format == "plain":
        return f"line {line}, column {column}"
    return f"{_part(extracted, at, '%s, ')}line {line} of the extracted text"


def _part(extracted: ExtractedText, at: int, form: str) -> str:
    """Name the page or chapter of a place, where the format has such."""
    names = [part.name for part in extracted.parts if part.start <= at]
    return form % names[-1] if names else ""

"""DOCX to text: paragraphs, tables and text boxes in the order of the document."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from docx.oxml.xmlchemy import BaseOxmlElement

from ossamma.data.text.archive import BROKEN_ARCHIVE, Archive, open_archive
from ossamma.data.text.extracted import DEFAULT_TEXT, ExtractedText, TextSettings
from ossamma.schema.errors import FormatError

# The library reads parts that we do not; lxml's error for broken XML is a SyntaxError.
_BROKEN: Final = (
    *BROKEN_ARCHIVE,
    OpcError,
    LookupError,
    AttributeError,
    SyntaxError,
    RecursionError,
)
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PARAGRAPH: Final = f"{_W}p"
_TABLE: Final = f"{_W}tbl"
_ROW: Final = f"{_W}tr"
_CELL: Final = f"{_W}tc"
_TEXT_BOX: Final = f"{_W}txbxContent"
_CHARACTERS: Final = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
    f"{_W}softHyphen": "\u00ad",
}
# The fallback repeats its neighbour for old programs; properties define tab stops, not tabs.
_SKIPPED: Final = frozenset({_FALLBACK, f"{_W}pPr", f"{_W}rPr", f"{_W}del", f"{_W}moveFrom"})
_LEFT_OUT: Final = {
    f"{_W}footnoteReference": "footnotes",
    f"{_W}endnoteReference": "endnotes",
    f"{_W}commentReference": "comments",
    f"{_W}del": "tracked deletions",
}


def extract_docx(
    path: str | Path, raw: bytes, settings: TextSettings = DEFAULT_TEXT
) -> ExtractedText:
    """Extract the text of a Word document.

    One line per paragraph; the cells of a table row are separated by tabs. Text in content
    controls, text boxes, links and tracked insertions counts as text; deletions do not. Footnotes,
    endnotes and comments are left out and named in the warnings.

    Raises:
        FormatError: a damaged file, another kind of container, or XML that declares entities.
        DataError: a file beyond the limits of the settings.
    """
    with open_archive(path, raw, settings) as archive:
        _refuse_entities(archive)
    try:
        document = docx.Document(io.BytesIO(raw))
        headers, footers = _borders(document) if settings.headers else ([], [])
        body = document.element.body
        lines = [*headers, *_blocks(body), *footers]
    except _BROKEN as error:
        raise FormatError(
            path, None, expected="a Word document (.docx)", got=f"a damaged one: {error}"
        ) from error
    return ExtractedText(
        text="\n".join(lines).strip("\n"), format="docx", warnings=tuple(_warnings(body))
    )


def _refuse_entities(archive: Archive) -> None:
    """Parse every XML part once in the strict way; Word itself never declares a type."""
    for name in sorted(archive.names):
        if name.endswith((".xml", ".rels")):
            archive.read_xml(name)


def _borders(document: WordDocument) -> tuple[list[str], list[str]]:
    """The headers and the footers of all sections, each one once."""
    headers: dict[str, None] = {}
    footers: dict[str, None] = {}
    for section in document.sections:
        for part, found in ((section.header, headers), (section.footer, footers)):
            if not part.is_linked_to_previous:
                found["\n".join(_blocks(part.part.element))] = None
    return list(filter(None, headers)), list(filter(None, footers))


def _blocks(parent: BaseOxmlElement) -> Iterator[str]:
    """The lines of the paragraphs and tables below an element, in order."""
    for child in parent:
        if child.tag == _PARAGRAPH:
            yield "".join(_runs(child))
            for box in _boxes(child):
                yield from _blocks(box)
        elif child.tag == _TABLE:
            yield from _rows(child)
        elif child.tag not in _SKIPPED:
            yield from _blocks(child)  # content controls and the like only wrap


def _rows(table: BaseOxmlElement) -> Iterator[str]:
    for row in _nearest(table, _ROW):
        yield "\t".join("\n".join(_blocks(cell)) for cell in _nearest(row, _CELL))


def _nearest(parent: BaseOxmlElement, tag: str) -> Iterator[BaseOxmlElement]:
    """The elements of a tag below `parent` that are not inside one another."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag not in _SKIPPED:
            yield from _nearest(child, tag)


def _runs(parent: BaseOxmlElement) -> Iterator[str]:
    """The visible text of a paragraph, without its text boxes."""
    for child in parent:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _CHARACTERS:
            yield _CHARACTERS[child.tag]
        elif child.tag not in _SKIPPED and child.tag != _TEXT_BOX:
            yield from _runs(child)


def _boxes(parent: BaseOxmlElement) -> Iterator[BaseOxmlElement]:
    yield from _nearest(parent, _TEXT_BOX)


def _warnings(body: BaseOxmlElement) -> Iterator[str]:
    counts = Counter(
        _LEFT_OUT[element.tag] for element in body.iter(*_LEFT_OUT) if element.tag in _LEFT_OUT
    )
    for what, count in sorted(counts.items()):
        yield f"{count} {what} left out"

"""The one door to custom documents: find out the format of a file and extract its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import LeftOut
from ossamma.data.readers.lines import read_bytes
from ossamma.data.text.archive import open_archive
from ossamma.data.text.docx import extract_docx
from ossamma.data.text.epub import CONTAINER, extract_epub
from ossamma.data.text.extracted import (
    DEFAULT_TEXT,
    ExtractedText,
    PartStart,
    TextFormat,
    TextSettings,
)
from ossamma.data.text.markup import extract_html, extract_markdown
from ossamma.data.text.pdf import extract_pdf
from ossamma.data.text.plain import decode_text, find_nul, iter_decoded, split_text
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Provenance

__all__ = [
    "DEFAULT_TEXT",
    "ExtractedText",
    "PartStart",
    "TextFormat",
    "TextSettings",
    "detect_text_format",
    "extract_text",
    "iter_text_documents",
]

_HEAD_BYTES: Final = 4096
_SUFFIXES: Final[dict[str, TextFormat]] = {
    ".txt": "plain",
    ".text": "plain",
    ".log": "plain",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".epub": "epub",
}
_BINARY: Final = frozenset({"pdf", "docx", "epub"})
_FOREIGN: Final = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old or password-protected Office file; save it as .docx without a password",
    ),
    (b"{\\rtf", "rich text; save it as .docx"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x89PNG", "an image: needs OCR"),
    (b"\xff\xd8\xff", "an image: needs OCR"),
    (b"II*\0", "an image: needs OCR"),
    (b"MM\0*", "an image: needs OCR"),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_PDF: Final = b"%PDF-"
_PAGE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+)?html", re.IGNORECASE
)


def extract_text(path: str | Path, settings: TextSettings = DEFAULT_TEXT) -> ExtractedText:
    """Extract the text of one file as its reader sees it.

    Plain text comes out exactly as it is, line ends included.

    Raises:
        FormatError: a damaged, encrypted, image-only or unknown file, or text that is not in its
            encoding.
        DataError: no such file, an empty one, or one beyond the limits of the settings.
        ConfigurationError: an encoding that does not exist.
    """
    path = Path(path)
    chosen = _choose_format(path, settings)
    raw = _read_bounded(path, settings)
    if chosen == "plain":
        text = decode_text(raw, source=path, encoding=settings.encoding)
        return ExtractedText(text=text, format="plain")
    extract = {
        "markdown": extract_markdown,
        "html": extract_html,
        "pdf": extract_pdf,
        "docx": extract_docx,
        "epub": extract_epub,
    }[chosen]
    return extract(path, raw, settings)


def iter_text_documents(
    path: str | Path,
    settings: TextSettings = DEFAULT_TEXT,
    *,
    file_id: str = "",
    left_out: LeftOut | None = None,
) -> Iterator[Document]:
    """Extract the text of one file as unlabelled documents of bounded length.

    Plain text of any size is streamed: a fault far down the file is raised when it is reached.
    Texts longer than `max_document_characters` are split at blank lines (else at a line end, a
    space, anywhere); only white space between the documents is left out. Documents are called
    `<file_id>-<n>`, n from 1, and all have the group `file_id`. The provenance of plain text
    carries the line, that of other formats only the file.

    Args:
        path: the file.
        settings: formats and limits.
        file_id: what to call the file; its stem if empty. Give one where stems repeat.
        left_out: where to list documents of plain text that have a NUL, with its line; they keep
            their number and the others are read. Without it the first NUL ends the reading.

    Raises:
        FormatError, DataError, ConfigurationError: as `extract_text`; also a file without any
            visible character, or of which every document is left out.
    """
    path = Path(path)
    name = file_id or path.stem
    if _choose_format(path, settings) == "plain":
        chunks: Iterable[str] = iter_decoded(path, encoding=settings.encoding, keep_nul=True)
        has_lines = True
    else:
        chunks = (extract_text(path, settings).text,)
        has_lines = False
    pieces = split_text(chunks, max_characters=settings.max_document_characters)
    visible = (piece for piece in pieces if piece.text.strip())
    given = 0
    for number, piece in enumerate(visible, start=1):
        fault = find_nul(piece.text, piece.line)
        if fault is None:
            given += 1
            yield Document(
                id=f"{name}-{number}",
                text=piece.text,
                provenance=Provenance(str(path), piece.line if has_lines else None),
                group=name,
            )
        elif left_out is None:
            raise fault.error(path)
        else:
            left_out.add(fault.line, f"document {number} (from line {piece.line}): {fault}")
    if not given:
        raise DataError(
            f"{path}: the file has no text; give a file with at least one word and no NUL in it"
        )


def detect_text_format(path: str | Path, settings: TextSettings = DEFAULT_TEXT) -> TextFormat:
    """Tell the format of a file by its first bytes, and kinds of plain text by its name.

    Raises:
        FormatError: a kind of file that no extractor reads, or one that is not what its name says.
        DataError: no such file, or an empty one.
    """
    path = Path(path)
    head = _read_head(path)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise FormatError(
                path, None, expected="text, Markdown, HTML, PDF, DOCX or EPUB", got=what
            )
    named = _SUFFIXES.get(path.suffix.lower())
    if head.startswith(_ZIP):
        return _kind_of_archive(path, settings)
    if head.startswith(_PDF) or (named == "pdf" and _PDF in head[:1024]):
        return "pdf"
    if named in _BINARY:
        raise FormatError(
            path,
            None,
            expected=f"a file of the format its name says ({named})",
            got=f"one that begins with {head[:16]!r}",
        )
    return named or ("html" if _PAGE.match(head) else "plain")


def _choose_format(path: Path, settings: TextSettings) -> TextFormat:
    return detect_text_format(path, settings) if settings.format == "auto" else settings.format


def _kind_of_archive(path: Path, settings: TextSettings) -> TextFormat:
    with open_archive(path, _read_bounded(path, settings), settings) as archive:
        if CONTAINER in archive.names:
            return "epub"
        if "word/document.xml" in archive.names:
            return "docx"
        members = ", ".join(sorted(archive.names)[:3])
    raise FormatError(
        path, None, expected="a DOCX or EPUB", got=f"another zip archive (with {members or 'none'})"
    )


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        head = b""
    if head.strip():
        return head
    # White space that goes on, or a fault for which the readers have the words.
    return head if head and path.stat().st_size > len(head) else read_bytes(path)


def _read_bounded(path: Path, settings: TextSettings) -> bytes:
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        size = 0  # read_bytes says what is wrong
    if size > settings.max_file_bytes:
        raise DataError(
            f"{path}: expected at most {settings.max_file_bytes} bytes, got {size}; split the "
            "file, raise max_file_bytes, or stream it if it is plain text"
        )
    return read_bytes(path)

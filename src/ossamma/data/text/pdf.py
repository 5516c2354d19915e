"""PDF to text, page by page, for files that have a text layer."""

from __future__ import annotations

import io
import logging
import re
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

from ossamma.data.text.extracted import DEFAULT_TEXT, ExtractedText, PartStart, TextSettings
from ossamma.data.text.hyphens import join_broken_words
from ossamma.schema.errors import DataError, FormatError

# What the library lets through from the depths of a damaged file.
_BROKEN: Final = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
# What it has to complain of in a damaged file, ours say in one error or in the warnings.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


def extract_pdf(
    path: str | Path, raw: bytes, settings: TextSettings = DEFAULT_TEXT
) -> ExtractedText:
    """Extract the text of each page, pages separated by a blank line.

    Words broken at line ends are rejoined. Pages without text are named in the warnings. A file
    whose password is empty opens.

    Raises:
        FormatError: a damaged or encrypted file, or one without a text layer (scanned pages).
        DataError: a file beyond the limits of pages or time.
    """
    reader = _open(path, raw)
    num_pages = _num_pages(path, reader)
    if num_pages > settings.max_pages:
        raise DataError(
            f"{path}: expected at most {settings.max_pages} pages, got {num_pages}; split the "
            "file, or raise max_pages"
        )
    texts: list[str] = []
    starts: list[PartStart] = []
    empty: list[int] = []
    position = 0
    for number, text in _pages(path, reader, settings.max_seconds):
        if not text:
            empty.append(number)
            continue
        starts.append(PartStart(position, f"page {number}"))
        texts.append(text)
        position += len(text) + 2
    if not texts:
        raise FormatError(
            path,
            None,
            expected="pages with a text layer",
            got=f"{num_pages} without any text: needs OCR (run ocrmypdf or the like first)",
        )
    return ExtractedText(
        text="\n\n".join(texts),
        format="pdf",
        parts=tuple(starts),
        warnings=tuple(_warnings(empty, texts)),
    )


def _open(path: str | Path, raw: bytes) -> PdfReader:
    try:
        reader = PdfReader(io.BytesIO(raw))
        locked = reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED
    except DependencyError as error:
        raise FormatError(
            path,
            None,
            expected="a PDF without encryption",
            got=f"one encrypted by AES ({error}); decrypt it first (qpdf --decrypt)",
        ) from error
    except _BROKEN as error:
        raise _damaged(path, error) from error
    if locked:
        raise FormatError(
            path,
            None,
            expected="a PDF that opens without a password",
            got="an encrypted one; decrypt it first (qpdf --decrypt --password=...)",
        )
    return reader


def _num_pages(path: str | Path, reader: PdfReader) -> int:
    try:
        num_pages = len(reader.pages)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    if not num_pages:
        raise FormatError(path, None, expected="a PDF with pages", got="none")
    return num_pages


def _pages(path: str | Path, reader: PdfReader, max_seconds: float) -> Iterator[tuple[int, str]]:
    started = time.monotonic()
    for number in range(1, len(reader.pages) + 1):
        try:
            text = reader.pages[number - 1].extract_text()
        except LimitReachedError as error:
            raise DataError(f"{path}: page {number} unpacks to more than is safe: {error}") from (
                error
            )
        except _BROKEN as error:
            raise _damaged(path, error, f" on page {number}") from error
        yield number, _UNWRITABLE.sub("\ufffd", join_broken_words(text)).strip()
        if time.monotonic() - started > max_seconds:
            raise DataError(
                f"{path}: expected to take at most {max_seconds:g} seconds, but page {number} of "
                f"{len(reader.pages)} was only reached; split the file, or raise max_seconds"
            )


def _damaged(path: str | Path, error: Exception, where: str = "") -> FormatError:
    reason = str(error).partition("\n")[0][:200] or type(error).__name__
    return FormatError(
        path, None, expected="a whole PDF", got=f"a truncated or damaged one{where}: {reason}"
    )


def _warnings(empty: list[int], texts: list[str]) -> Iterator[str]:
    if empty:
        shown = ", ".join(map(str, empty[:20])) + (", ..." if len(empty) > 20 else "")
        yield f"{len(empty)} pages have no text layer (do they need OCR?): {shown}"
    unwritable = sum(text.count("\ufffd") for text in texts)
    if unwritable:
        yield f"{unwritable} characters could not be decoded"

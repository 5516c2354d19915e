"""What text extraction returns, and the settings that bound it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from ossamma.schema.errors import ConfigurationError

TextFormat = Literal["plain", "markdown", "html", "pdf", "docx", "epub"]


@dataclass(frozen=True, slots=True)
class PartStart:
    """Where a page or a chapter begins: `start` is a character of the extracted text."""

    start: int
    name: str
    """Such as `page 3`, or a chapter's file name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedText:
    """The text of one file as a reader sees it."""

    text: str
    format: TextFormat
    """The format that was found."""
    parts: tuple[PartStart, ...] = ()
    """Pages or chapters in order; empty for formats that have none."""
    warnings: tuple[str, ...] = ()
    """What the file holds and the text does not, one sentence each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSettings:
    """How to extract text, and how much of anything is too much."""

    format: TextFormat | Literal["auto"] = "auto"
    """The file's format. "auto" decides by the content, and by the name for kinds of plain text."""
    encoding: str | None = None
    """The encoding of text files. None: UTF-8, or what the file itself states (a byte-order mark;
    in HTML the declared charset). It is never guessed."""
    headers: bool = False
    """Take the headers and footers of DOCX files too, before and behind the text."""
    marker_types: frozenset[str] = frozenset()
    """Types whose inline markers `<TYPE>..</TYPE>` survive in Markdown and HTML, where they would
    otherwise count as tags of the page."""
    drop_elements: frozenset[str] = frozenset(
        {"head", "script", "style", "nav", "template", "noscript", "svg", "iframe", "object"}
    )
    """HTML elements whose content nobody reads."""
    max_document_characters: int = 100_000
    """Longer text is split into several documents, at blank lines where there are any."""
    max_file_bytes: int = 2**28
    """A larger file is refused, except plain text that is streamed."""
    max_markup_bytes: int = 2**25
    """A larger HTML or Markdown text (or chapter) is refused: its tree would take far more room."""
    max_unpacked_bytes: int = 2**28
    """A DOCX or EPUB whose parts together are larger than this once unpacked is refused."""
    max_archive_members: int = 10_000
    """A DOCX or EPUB of more parts than this is refused."""
    max_pages: int = 5_000
    """A PDF of more pages than this is refused."""
    max_seconds: float = 300.0
    """A PDF that takes longer is refused (looked at after each page)."""

    def __post_init__(self) -> None:
        formats = ("auto", *get_args(TextFormat))
        if self.format not in formats:
            raise ConfigurationError(
                f"format must be one of {', '.join(formats)}, got {self.format!r}"
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.startswith("max_") and not value > 0:
                raise ConfigurationError(f"{field.name} must be positive, got {value}")


DEFAULT_TEXT: Final = TextSettings()

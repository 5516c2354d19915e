"""HTML and Markdown to the text that a reader of the page sees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString
from bs4.exceptions import ParserRejectedMarkup
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ossamma.data.text.extracted import DEFAULT_TEXT, ExtractedText, TextSettings
from ossamma.data.text.plain import codec_name, decode_text, find_encoding
from ossamma.schema.errors import ConfigurationError, DataError, FormatError

_PARAGRAPHS: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "dl",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "ul",
    ]
)
_LINES: Final = frozenset(
    [
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dt",
        "figcaption",
        "legend",
        "li",
        "option",
        "summary",
        "tr",
    ]
)
_CELLS: Final = frozenset({"td", "th"})
_STRENGTH: Final = ("", "\t", "\n", "\n\n")
_KEEPS_SPACE: Final = frozenset({"pre", "textarea", "listing"})
_SPACES: Final = re.compile(r"[ \t\n\r\f]+")
_CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,100}?encoding\s*="""
    rb"""\s*["']([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_XML_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]*>")
_FRONT_MATTER: Final = re.compile(
    r"---[ \t]*\r?\n[\w.-]+[ \t]*:(?:.*\n)+?(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)"
)
_PARAGRAPH_TOKENS: Final = frozenset(
    [
        "paragraph_close",
        "heading_close",
        "table_close",
        "blockquote_close",
        "bullet_list_close",
        "ordered_list_close",
    ]
)
# Each level costs the parser several frames of Python's stack; a list is two levels.
_MAX_NESTING: Final = 100
# What every browser takes these two names for.
_WEB_NAMES: Final = {"iso8859-1": "cp1252", "ascii": "cp1252"}


class TextBuilder:
    """Collects runs of text and the breaks between them; breaks do not add up."""

    def __init__(self) -> None:
        self._runs: list[str] = []
        self._break = ""
        self._space = False

    def add(self, text: str, *, keeps_space: bool = False) -> None:
        """Add inline text; runs of white space become one space unless they are to be kept."""
        if not keeps_space:
            text = _SPACES.sub(" ", text)
            self._space = self._space or text.startswith(" ")
        core = text if keeps_space else text.strip(" ")
        if not core:
            return
        if self._runs:
            self._runs.append(self._break or (" " if self._space else ""))
        self._runs.append(core)
        self._break = ""
        self._space = not keeps_space and text.endswith(" ")

    def end(self, mark: str) -> None:
        r"""End what came before by `mark`: "\t" (a cell), "\n" (a line), "\n\n" or nothing."""
        if mark:
            self._space = False
        if _STRENGTH.index(mark) > _STRENGTH.index(self._break):
            self._break = mark

    def text(self) -> str:
        """Return the text so far, without breaks at its end."""
        return "".join(self._runs)


def extract_html(
    path: str | Path, raw: bytes, settings: TextSettings = DEFAULT_TEXT
) -> ExtractedText:
    """Extract the text of an HTML page.

    Blocks stand on lines of their own, paragraphs, lists and tables behind a blank line, the cells
    of a row behind tabs. Scripts, styles, navigation and hidden elements are left out. The encoding
    is that of the byte-order mark, the settings or the page's own declaration, else UTF-8.

    Raises:
        FormatError: bytes that are no text in that encoding, or no HTML at all.
        DataError: a page larger than `max_markup_bytes`.
    """
    check_markup_size(path, len(raw), settings)
    encoding = settings.encoding or _declared(raw, path)
    page = decode_text(raw, source=path, encoding=encoding)
    return ExtractedText(text=html_to_text(page, settings, source=path), format="html")


def extract_markdown(
    path: str | Path, raw: bytes, settings: TextSettings = DEFAULT_TEXT
) -> ExtractedText:
    """Extract the text of a CommonMark page (with tables and ~~strikethrough~~).

    Link texts stay and their targets go, code stays and its fences go; images go. Every block
    stands on lines of its own.

    Raises:
        FormatError: bytes that are no text in the encoding.
        DataError: a text larger than `max_markup_bytes`.
    """
    check_markup_size(path, len(raw), settings)
    page = decode_text(raw, source=path, encoding=settings.encoding)
    front = _FRONT_MATTER.match(page)
    warnings = ("the front matter was left out",) if front else ()
    text = markdown_to_text(page[front.end() if front else 0 :], settings, source=path)
    return ExtractedText(text=text, format="markdown", warnings=warnings)


def check_markup_size(path: str | Path, num_bytes: int, settings: TextSettings) -> None:
    """Refuse a page whose tree would not fit into memory."""
    if num_bytes > settings.max_markup_bytes:
        raise DataError(
            f"{path}: expected at most {settings.max_markup_bytes} bytes of markup, got "
            f"{num_bytes}; split the page, or raise max_markup_bytes"
        )


def html_to_text(page: str, settings: TextSettings, *, source: str | Path) -> str:
    """Extract the text of decoded HTML (see `extract_html`).

    Raises:
        FormatError: the parser cannot make anything of it.
    """
    page = _protect_markers(_XML_DECLARATION.sub("", page, count=1), settings.marker_types)
    try:
        # The line end keeps a short page from being taken for the name of a file.
        soup = BeautifulSoup(page + "\n", "lxml")
    except ParserRejectedMarkup as error:
        raise FormatError(source, None, expected="HTML", got=f"what is none: {error}") from error
    builder = TextBuilder()
    _walk(soup, builder, settings)
    return builder.text()


def markdown_to_text(page: str, settings: TextSettings, *, source: str | Path) -> str:
    """Extract the text of decoded Markdown (see `extract_markdown`).

    Raises:
        FormatError: quotes and lists nested too deeply.
    """
    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING})
    builder = TextBuilder()
    for token in parser.enable(["table", "strikethrough"]).parse(page):
        if token.level >= _MAX_NESTING - 2:  # from here on the parser leaves text out
            line = token.map[0] + 1 if token.map else None
            raise FormatError(
                source,
                line,
                expected=f"quotes and lists nested less than {_MAX_NESTING // 2} deep",
                got="a deeper one",
            )
        if token.type == "inline":
            _add_inline(token.children or (), builder, settings)
        elif token.type in {"fence", "code_block"}:
            builder.add(token.content.rstrip("\n"), keeps_space=True)
            builder.end("\n\n")
        elif token.type == "html_block":
            builder.add(html_to_text(token.content, settings, source=source), keeps_space=True)
            builder.end("\n\n")
        elif token.nesting == -1 or token.type.endswith("list_open"):
            builder.end(_break_behind(token))
    return builder.text()


def _declared(raw: bytes, source: str | Path) -> str | None:
    """The encoding that the page itself declares; None if its bytes are those of another."""
    head = raw[:2048]
    match = _CHARSET.search(head)
    if match is None or find_encoding(head[:4], None, source=source)[1]:
        return None  # a byte-order mark says more
    declared = (match[1] or match[2]).decode("ascii", errors="replace")
    try:
        name = codec_name(declared)
    except ConfigurationError:
        raise FormatError(
            source, 1, expected="a page that declares its encoding", got=f"charset {declared!r}"
        ) from None
    if name.startswith(("utf-16", "utf-32")):
        return None  # the declaration could be read as ASCII, so it is wrong
    return _WEB_NAMES.get(name, name)


def _protect_markers(page: str, types: frozenset[str]) -> str:
    """Make inline markers text, so that the parser does not take them for elements."""
    if not types:
        return page
    return _marker_tags(types).sub(lambda match: f"&lt;{match[1]}&gt;", page)


def _marker_tags(types: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in sorted(types, key=len, reverse=True))
    return re.compile(rf"<(/?(?:{names})(?:\|(?:{names}))*)>")


def _walk(soup: BeautifulSoup, builder: TextBuilder, settings: TextSettings) -> None:
    """Visit the tree without recursion: a hostile page nests deeper than Python's stack."""
    open_elements: list[tuple[Tag, Iterator[object]]] = [(soup, iter(soup.contents))]
    kept_space = 0
    while open_elements:
        element, children = open_elements[-1]
        child = next(children, None)
        if child is None:
            open_elements.pop()
            kept_space -= element.name in _KEEPS_SPACE
            builder.end(_break_of(element))
        elif isinstance(child, Tag):
            if not _is_hidden(child, settings):
                builder.end(_break_before(child))
                kept_space += child.name in _KEEPS_SPACE
                open_elements.append((child, iter(child.contents)))
        elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
            builder.add(str(child), keeps_space=kept_space > 0)


def _is_hidden(element: Tag, settings: TextSettings) -> bool:
    if element.name in settings.drop_elements or element.has_attr("hidden"):
        return True
    style = str(element.get("style", ""))
    return bool(style) and "display:none" in style.replace(" ", "").lower()


def _break_before(element: Tag) -> str:
    return "" if element.name in _CELLS or element.name == "br" else _break_of(element)


def _break_of(element: Tag) -> str:
    if element.name in _PARAGRAPHS:
        return "\n\n"
    if element.name in _CELLS:
        return "\t"
    return "\n" if element.name in _LINES or element.name == "br" else ""


def _add_inline(tokens: Sequence[Token], builder: TextBuilder, settings: TextSettings) -> None:
    markers = _marker_tags(settings.marker_types) if settings.marker_types else None
    for token in tokens:
        if token.type == "text":
            builder.add(token.content)
        elif token.type == "code_inline":
            builder.add(token.content, keeps_space=True)
        elif token.type in {"softbreak", "hardbreak"} or token.content.startswith("<br"):
            builder.end("\n")
        elif token.type == "html_inline" and markers and markers.fullmatch(token.content):
            builder.add(token.content)


def _break_behind(token: Token) -> str:
    if token.type in {"td_close", "th_close"}:
        return "\t"
    if token.hidden or token.type in {"list_item_close", "tr_close"}:
        return "\n"
    if token.type.endswith("list_open"):
        return "\n"
    return "\n\n" if token.type in _PARAGRAPH_TOKENS and token.level == 0 else "\n"

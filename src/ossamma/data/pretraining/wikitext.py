"""Wikitext to the prose of an article: no templates, tables, references, files or categories."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, Heading, HTMLEntity, Node, Tag, Template, Text
from mwparserfromhell.nodes import Wikilink as WikiLink
from mwparserfromhell.parser import ParserError
from mwparserfromhell.wikicode import Wikicode

from ossamma.data.pretraining.wikitext_blocks import without_blocks

_SECTION: Final = re.compile(r"^==([^=\n].*?)==[ \t]*$", re.MULTILINE)
_BACK_MATTER: Final = frozenset(
    {
        "bibliography",
        "citations",
        "external links",
        "footnotes",
        "further reading",
        "gallery",
        "notes",
        "notes and references",
        "references",
        "see also",
        "sources",
        "works cited",
    }
)
# Pictures, categories, and articles in other languages; a colon before them makes them links.
_HIDDEN_LINK: Final = re.compile(r"\s*(?:(?i:file|image|category)|[a-z]{2,3}(?:-[a-z]{2,8})?)\s*:")
_MARKUP: Final = re.compile(r"[\[\]{}<&]|''|^[*#:;=]")
_MAX_PIECE: Final = 4000
"""Characters parsed at once: what does not close costs the square of it."""
_SENTENCE_END: Final = re.compile(r"(?<=[.!?]) ")
_MAGIC_WORD: Final = re.compile(r"__[A-Z]{3,20}__")
_EMPTY_BRACKETS: Final = re.compile(r"[ \t]?\((?:[\s,;:/\u2013-]|&nbsp;)*\)")
_BRACKET_START: Final = re.compile(r"\((?:[\s,;:\u2013-])+(?=\w)")
_LIST_MARK: Final = re.compile(r"^[ \t*#:;]+", re.MULTILINE)
_SPACES: Final = re.compile(r"[ \t]+")
_SPACE_BEFORE_MARK: Final = re.compile(r" +(?=[,.;:!?)](?:\s|$))")


def plain_text(wikitext: str) -> str:
    """Return the text that a reader of the page sees in its prose, a paragraph a line.

    Headings and list items are lines of their own. Sections of references, links and the like are
    left out whole. Of templates only a few that stand for words are understood (`lang`, `convert`,
    dashes and spaces); all others leave nothing. The time grows with the length of the page, be it
    ever so broken.
    """
    text = without_blocks(without_back_matter(wikitext), _SIGNS.keys() | _VALUES.keys())
    return tidy("\n".join(_line_text(line) for line in text.split("\n")))


def _line_text(line: str) -> str:
    """Return the visible text of a line of wikitext."""
    if not _MARKUP.search(line):
        return line
    pieces: list[str] = []
    for part in _sentences(line):
        try:
            _render(mwparserfromhell.parse(part), pieces)
        except ParserError:
            pieces.append(_MARKUP.sub("", part))
    return "".join(pieces)


def _sentences(line: str) -> Iterator[str]:
    """Cut a very long line behind sentences; a sentence that is too long is cut anywhere."""
    start = 0
    while len(line) - start > _MAX_PIECE:
        ends = [m.end() for m in _SENTENCE_END.finditer(line, start + 1, start + _MAX_PIECE)]
        end = ends[-1] if ends else start + _MAX_PIECE
        yield line[start:end]
        start = end
    yield line[start:]


def without_back_matter(wikitext: str) -> str:
    """Return wikitext without the sections, of the second level, that hold no prose."""
    heads = list(_SECTION.finditer(wikitext))
    if not heads:
        return wikitext
    ends = [*(head.start() for head in heads[1:]), len(wikitext)]
    kept = [wikitext[: heads[0].start()]]
    kept += [
        wikitext[head.start() : end]
        for head, end in zip(heads, ends, strict=True)
        if head[1].strip().casefold() not in _BACK_MATTER
    ]
    return "".join(kept)


def tidy(text: str) -> str:
    """Repair what removed markup leaves: empty brackets, list marks, spaces, empty lines."""
    text = _EMPTY_BRACKETS.sub("", _MAGIC_WORD.sub("", text))
    text = _LIST_MARK.sub("", _BRACKET_START.sub("(", text))
    text = _SPACE_BEFORE_MARK.sub("", _SPACES.sub(" ", text.replace("\u00a0", " ")))
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if any(map(str.isalnum, line)))


def _render(code: Wikicode | None, pieces: list[str]) -> None:
    """Append the visible text of nodes. The parser bounds how deep they are nested."""
    for node in code.nodes if code is not None else ():
        if isinstance(node, Text):
            pieces.append(node.value)
        else:
            renderer = _RENDERERS.get(type(node))
            if renderer is not None:
                renderer(node, pieces)


def _render_link(node: Node, pieces: list[str]) -> None:
    """A link has the text behind its last bar, else its target; files and categories have none."""
    assert isinstance(node, WikiLink)
    target = str(node.title)
    if _HIDDEN_LINK.match(target):
        return
    if node.text is not None:
        _render(node.text, pieces)
    else:
        pieces.append(target.strip().lstrip(":").replace("_", " "))


def _render_external(node: Node, pieces: list[str]) -> None:
    assert isinstance(node, ExternalLink)
    if node.title is not None:
        _render(node.title, pieces)
    elif not node.brackets:
        pieces.append(str(node.url))


def _render_heading(node: Node, pieces: list[str]) -> None:
    assert isinstance(node, Heading)
    pieces.append("\n")
    _render(node.title, pieces)
    pieces.append("\n")


def _render_entity(node: Node, pieces: list[str]) -> None:
    assert isinstance(node, HTMLEntity)
    try:
        pieces.append(node.normalize())
    except (ValueError, OverflowError):  # a number that is no character
        pieces.append(" ")


def _render_tag(node: Node, pieces: list[str]) -> None:
    assert isinstance(node, Tag)
    name = str(node.tag).strip().lower()
    if name in {"br", "p", "div"}:
        pieces.append("\n")
    _render(node.contents, pieces)


def _render_template(node: Node, pieces: list[str]) -> None:
    assert isinstance(node, Template)
    name = str(node.name).strip().lower().replace("_", " ")
    if name in _SIGNS:
        pieces.append(_SIGNS[name])
    elif name in _VALUES:
        values = [param.value for param in node.params if not param.showkey]
        for value in values[_VALUES[name]]:
            _render(value, pieces)
            pieces.append(" ")
        if values[_VALUES[name]]:
            pieces.pop()


_SIGNS: Final[Mapping[str, str]] = {
    "'": "'",
    "--": "\u2014",
    "endash": "\u2013",
    "emdash": "\u2014",
    "mdash": "\u2014",
    "nbsp": " ",
    "ndash": "\u2013",
    "snd": " \u2013 ",
    "spaced ndash": " \u2013 ",
    "spaces": " ",
}
# Which of a template's values are words of the sentence it stands in.
_VALUES: Final[Mapping[str, slice]] = {
    "abbr": slice(0, 1),
    "convert": slice(0, 2),
    "cvt": slice(0, 2),
    "lang": slice(1, 2),
    "nobr": slice(0, 1),
    "nowrap": slice(0, 1),
    "nihongo": slice(0, 1),
    "quote": slice(0, 1),
    "blockquote": slice(0, 1),
    "small": slice(0, 1),
    "transliteration": slice(-1, None),
    "transl": slice(-1, None),
    "val": slice(0, 1),
}
_RENDERERS: Final[Mapping[type[Node], Callable[[Node, list[str]], None]]] = {
    WikiLink: _render_link,
    ExternalLink: _render_external,
    Heading: _render_heading,
    HTMLEntity: _render_entity,
    Tag: _render_tag,
    Template: _render_template,
}

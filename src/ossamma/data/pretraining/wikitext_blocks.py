"""Whole blocks of wikitext cut out in linear time: comments, tags with their content, templates.

The parser of `wikitext.py` goes back and tries anew wherever markup does not close, which on a
hostile or broken page takes hours. What is left by the functions here closes within its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import Final, NamedTuple

_COMMENT: Final = re.compile(r"<!--|-->")
_DROPPED_TAGS: Final = (
    "ce categorytree chem gallery graph hiero imagemap indicator inputbox mapframe maplink math "
    "pre ref references score source style syntaxhighlight table templatedata timeline"
)
_TAG: Final = re.compile(
    rf"<(?P<end>/?)(?P<name>{'|'.join(_DROPPED_TAGS.split())})\b[^<>]{{0,1000}}?(?P<single>/?)>",
    re.IGNORECASE,
)
# A table begins and ends its line; "|}}" there ends a template.
_BRACES: Final = re.compile(r"\{\{|\}\}|^[ \t:]*+\{\|(?!\})|^[ \t]*+\|\}(?!\})", re.MULTILINE)
_NAME: Final = re.compile(r"\{\{([^|{}<\[\n]{1,60})")
# What is no whole tag is a sign; a tag has no more than this.
_LONE_SIGN: Final = re.compile(r"<(?!/?[a-zA-Z][^<>]{0,300}>)")
_TEMPLATE, _TABLE = "{{", "{|"


class _Part(NamedTuple):
    """A part [start, end) of a text."""

    start: int
    end: int


def without_blocks(wikitext: str, kept_templates: Set[str]) -> str:
    """Return wikitext without comments, tables, templates, and tags whose content is no prose.

    Args:
        wikitext: of a page.
        kept_templates: names, in lower case, of templates that stay, on one line, where no other
            template or table holds them.
    """
    text = _without_tags(_without_comments(wikitext))
    return _LONE_SIGN.sub("&lt;", _without_braces(text, kept_templates))


def _without_comments(text: str) -> str:
    """Cut comments out; the beginning of one that does not end stays, as text."""
    parts: list[_Part] = []
    start = -1
    for mark in _COMMENT.finditer(text):
        if mark[0] == "<!--":
            start = mark.start() if start < 0 else start
        elif start >= 0:
            parts.append(_Part(start, mark.end()))
            start = -1
    return "".join(_outside(text, parts))


def _without_tags(text: str) -> str:
    """Cut tags out with all up to their end; of one that does not end only itself."""
    parts: list[_Part] = []
    ends: dict[str, list[_Part]] = {}
    marks = list(_TAG.finditer(text))
    for mark in reversed(marks):  # the next end of a name comes to stand last
        if mark["end"]:
            ends.setdefault(mark["name"].lower(), []).append(_Part(*mark.span()))
    for mark in marks:
        waiting = ends.get(mark["name"].lower(), [])
        while waiting and waiting[-1].start < mark.end():
            waiting.pop()
        is_open = not mark["end"] and not mark["single"]
        parts.append(_Part(mark.start(), waiting[-1].end if is_open and waiting else mark.end()))
    return "".join(_outside(text, parts))


def _without_braces(text: str, kept_templates: Set[str]) -> str:
    """Cut templates and tables out; of what does not close, the braces alone."""
    closed: list[_Part] = []
    lone: list[_Part] = []
    stack: list[tuple[str, _Part]] = []
    waiting = {_TEMPLATE: 0, _TABLE: 0}
    for mark in _BRACES.finditer(text):
        kind, part = mark[0].strip(" \t:"), _Part(*mark.span())
        if kind in waiting:
            stack.append((kind, part))
            waiting[kind] += 1
            continue
        opener = _TEMPLATE if kind == "}}" else _TABLE
        if not waiting[opener]:
            lone.append(part)
            continue
        while True:
            opened, first = stack.pop()
            waiting[opened] -= 1
            if opened == opener:
                break
            lone.append(first)
        closed.append(_Part(first.start, part.end))
    lone += [part for _, part in stack]
    pieces: list[str] = []
    end = 0
    for part in _outermost([*closed, *lone]):
        pieces.append(text[end : part.start])
        name = _NAME.match(text, part.start)
        is_whole = part.end - part.start > len(_TEMPLATE)  # else it is a brace alone
        if is_whole and name and name[1].strip().lower() in kept_templates:
            pieces.append(text[part.start : part.end].replace("\n", " "))
        end = part.end
    pieces.append(text[end:])
    return "".join(pieces)


def _outside(text: str, parts: Iterable[_Part]) -> Iterator[str]:
    """Yield what lies outside of all parts, which may overlap."""
    end = 0
    for part in _outermost(parts):
        yield text[end : part.start]
        end = part.end
    yield text[end:]


def _outermost(parts: Iterable[_Part]) -> Iterator[_Part]:
    """Yield the parts that begin outside of all before them, in order; the longer of two first."""
    end = 0
    for part in sorted(parts, key=lambda part: (part.start, -part.end)):
        if part.start >= end:
            yield part
            end = part.end

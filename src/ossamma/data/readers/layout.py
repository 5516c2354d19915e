"""The layout of a column file: separators, usual width, document marks, comments and sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ossamma.schema.encoding import split_tag
from ossamma.schema.errors import LabelError

_DOCUMENT_MARKS: Final = frozenset({"-DOCSTART-", "<DOCSTART>"})
# Comments of CoNLL-U: "# newdoc ...", "# newpar ..." and "# key = value". A "#" alone, or one
# that is stuck to its word, is a word of a tweet.
_COMMENT: Final = re.compile(
    r"#[ \t]+(?:new(?:doc|par)(?:[ \t]|$)|[\w.:]+[ \t]+=(?:[ \t]|$))", re.ASCII
)
_NEW_DOCUMENT: Final = re.compile(r"#[ \t]+newdoc(?:[ \t]|$)")


class LineKind(Enum):
    """What a line of a column file is for."""

    BLANK = auto()
    """Ends a sentence; may hold tabs and spaces."""
    MARK = auto()
    """Begins a document."""
    COMMENT = auto()
    """Says nothing about words."""
    TOKEN = auto()
    """A word with its columns, or a line that could not be decoded."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How most token lines of a file look."""

    width: int
    """Number of columns."""
    tabbed: bool
    """Columns are separated by tabs, not by runs of spaces."""


@dataclass(frozen=True, slots=True)
class Block:
    """The token lines of one sentence."""

    lines: tuple[int, ...]
    """Line numbers, 1-based and ascending; never empty."""
    opens_document: bool
    """A document mark stands between this sentence and the one before."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A column file taken apart, before any column has a meaning."""

    shape: Shape
    cells: tuple[tuple[str, ...], ...]
    """Columns of each line of the file; empty for lines that are blank or not decodable."""
    blocks: tuple[Block, ...]
    has_marks: bool
    """The file marks where documents begin."""
    num_comments: int


def split_columns(line: str) -> tuple[str, ...]:
    r"""Split at tabs if there is one, else at runs of spaces.

    Only these two characters separate: a no-break space or U+200B belongs to its word. Spaces
    around a column of a tabbed line do not count.
    """
    if "\t" in line:
        return tuple([cell.strip(" ") for cell in line.split("\t")])
    return tuple(filter(None, line.split(" ")))


def find_layout(lines: Sequence[str | None], *, tag_column: int) -> Layout:
    """Take a file apart; None stands for a line that could not be decoded.

    Args:
        lines: the lines of the file, without their ends.
        tag_column: where the tag stands (negative from the right); tells a token "#" whose columns
            look like "# key = value" from a comment.
    """
    cells = tuple([_columns_of(line) for line in lines])
    shape = _usual_shape(lines, cells)
    kinds = [
        _kind(line, columns, shape=shape, tag_column=tag_column)
        for line, columns in zip(lines, cells, strict=True)
    ]
    return Layout(
        shape=shape,
        cells=cells,
        blocks=tuple(_blocks(kinds)),
        has_marks=LineKind.MARK in kinds,
        num_comments=sum(
            kind is LineKind.COMMENT or (kind is LineKind.MARK and columns[0].startswith("#"))
            for kind, columns in zip(kinds, cells, strict=True)
        ),
    )


def has_index_column(layout: Layout) -> bool:
    """Does the first column merely count the words of each sentence, from 0 or from 1.

    Every sentence must agree, one of them must have two words (a sole word may be the number 1),
    and besides the count there must be room for a word and a tag.
    """
    if layout.shape.width < 3:
        return False
    firsts = [
        [layout.cells[line - 1][0] for line in block.lines]
        for block in layout.blocks
        if all(len(layout.cells[line - 1]) == layout.shape.width for line in block.lines)
    ]
    if max(map(len, firsts), default=0) < 2:
        return False
    return any(
        all(first == [str(number) for number in range(base, base + len(first))] for first in firsts)
        for base in (0, 1)
    )


def _columns_of(line: str | None) -> tuple[str, ...]:
    return split_columns(line) if line and line.strip(" \t") else ()


def _usual_shape(lines: Sequence[str | None], cells: Sequence[tuple[str, ...]]) -> Shape:
    """The most frequent shape of what is surely no comment and no mark; the first of equals."""
    shapes = Counter(
        (len(columns), "\t" in line)
        for line, columns in zip(lines, cells, strict=True)
        if line and columns and columns[0] not in _DOCUMENT_MARKS and not _COMMENT.match(line)
    )
    if not shapes:
        return Shape(width=0, tabbed=False)
    width, tabbed = shapes.most_common(1)[0][0]
    return Shape(width, tabbed)


def _kind(line: str | None, columns: tuple[str, ...], *, shape: Shape, tag_column: int) -> LineKind:
    if line is None:
        return LineKind.TOKEN
    if not columns:
        return LineKind.BLANK
    if columns[0] in _DOCUMENT_MARKS:
        return LineKind.MARK
    if _is_comment(line, columns, shape=shape, tag_column=tag_column):
        return LineKind.MARK if _NEW_DOCUMENT.match(line) else LineKind.COMMENT
    return LineKind.TOKEN


def _is_comment(line: str, columns: tuple[str, ...], *, shape: Shape, tag_column: int) -> bool:
    """A line "# ..." that has the form of a comment and cannot be a token line."""
    if not line.startswith(("# ", "#\t")):
        return False
    untabbed = shape.tabbed and "\t" not in line
    has_form = _COMMENT.match(line) is not None
    if untabbed and has_form:
        return True
    if not (has_form or (untabbed and len(columns) > 1)):
        return False
    return len(columns) != shape.width or not _is_tag(columns, tag_column)


def _is_tag(columns: tuple[str, ...], tag_column: int) -> bool:
    try:
        split_tag(columns[tag_column])
    except (IndexError, LabelError):
        return False
    return True


def _blocks(kinds: Sequence[LineKind]) -> Iterator[Block]:
    """Group the token lines into sentences; a comment inside a sentence does not end it."""
    tokens: list[int] = []
    opens_document = False
    for number, kind in enumerate([*kinds, LineKind.BLANK], start=1):
        if kind is LineKind.TOKEN:
            tokens.append(number)
        elif kind is not LineKind.COMMENT and tokens:
            yield Block(tuple(tokens), opens_document)
            tokens, opens_document = [], False
        if kind is LineKind.MARK:
            opens_document = True

"""The metadata snapshot of arXiv: JSON lines, of which title and abstract are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ossamma.data.pretraining.corpus_stream import CorpusFile, LeftOutCounts
from ossamma.data.pretraining.text_json import json_records, text_field
from ossamma.schema.spans import Document, Provenance

_MATH: Final = re.compile(r"(?<!\\)\$[^$]{1,1000}(?<!\\)\$")
_PARAGRAPH: Final = re.compile(r"\n(?=[ \t])")
# A tie, control spaces, and explicit line breaks; outside formulas.
_TEX_SPACE: Final = re.compile(r"(?<!\\)~|\\\\(?:\[[^\]]{0,20}\])?(?=\s|$)|\\[ ,;:!](?=\S|\s|$)")
_WITHDRAWN: Final = re.compile(
    r"\A\W*(?:this|the)\s+(?:paper|article|manuscript|submission|work)\s+(?:has\s+been|is|was)\s+"
    r"(?:\w+\s+)?withdrawn",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Arxiv:
    """What of the snapshot is read."""

    categories: tuple[str, ...] = ()
    """Beginnings of categories, such as `cs.`: papers without one of them are skipped. Empty: all
    are read."""


def read_arxiv(file: CorpusFile, settings: Arxiv, left_out: LeftOutCounts) -> Iterator[Document]:
    """Yield one document for each paper: the title, and below it the abstract.

    The white space of LaTeX is undone; formulas and commands stay as they are. Abstracts that say
    nothing but that the paper was withdrawn are skipped.

    Raises:
        DataError, FormatError: as `packed_lines`.
    """
    for line, record in json_records(file, left_out):
        place = f"{file.path}:{line}"
        if settings.categories and not _is_of(record.get("categories"), settings.categories):
            left_out.skip("another category", place)
            continue
        title = text_field(record, "title", place, left_out)
        abstract = text_field(record, "abstract", place, left_out) if title is not None else None
        if title is None or abstract is None:
            continue
        if _WITHDRAWN.match(abstract):
            left_out.skip("withdrawn", place)
            continue
        identifier = record.get("id")
        name = identifier if isinstance(identifier, str) and identifier else str(line)
        yield Document(
            id=f"arxiv-{name}",
            text=f"{undo_white_space(title)}\n{undo_paragraphs(abstract)}",
            provenance=Provenance(str(file.path), line),
        )


def undo_paragraphs(text: str) -> str:
    """Return a wrapped text with one line for each paragraph, which begins indented."""
    lines = map(undo_white_space, _PARAGRAPH.split(text.strip()))
    return "\n".join(line for line in lines if line)


def undo_white_space(text: str) -> str:
    r"""Return a text on one line, with plain spaces for `~`, `\\`, `\,` and the like.

    What stands between two `$` is left alone but for line breaks.
    """
    pieces: list[str] = []
    end = 0
    for formula in _MATH.finditer(text):
        pieces += (_TEX_SPACE.sub(" ", text[end : formula.start()]), formula.group())
        end = formula.end()
    pieces.append(_TEX_SPACE.sub(" ", text[end:]))
    return " ".join("".join(pieces).split())


def _is_of(categories: object, wanted: tuple[str, ...]) -> bool:
    return isinstance(categories, str) and any(
        category.startswith(wanted) for category in categories.split()
    )

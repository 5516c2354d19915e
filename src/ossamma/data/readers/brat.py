r"""Stand-off files of brat (`.txt` and `.ann`) to documents.

brat keeps a text in `.txt` and its marks in `.ann`, of which the T lines are read. It counts the
characters of the file, "\r" and a byte-order mark included, so the text is kept exactly as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.limits import check_number, check_size, lines_within, text_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.spans import Document, Provenance

_IDENTIFIER: Final = re.compile(r"[TREAMN*#]\S*")
_KINDS: Final[Mapping[str, str]] = {
    "R": "a relation",
    "E": "an event",
    "A": "an attribute",
    "M": "an attribute",
    "N": "a normalisation",
    "#": "a note",
    "*": "an equivalence",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BratFormat(StandoffFormat):
    """How to read brat's files."""


DEFAULT_BRAT: Final = BratFormat()


def read_brat(path: str | Path, settings: BratFormat = DEFAULT_BRAT) -> Corpus:
    """Read one pair of files (either of them, or their common name), or all pairs below a folder.

    Documents are called by their file's name without its suffix; below a folder, by the way to it
    ("train/a-1"). Fragments with only white space between them are one mark (brat cuts marks at
    line ends); other discontinuous marks are left out. Lines of relations, events, attributes,
    normalisations and notes are left out and counted.

    Raises:
        FormatError: a malformed line, a repeated id, a mark that does not fit the text.
        DataError: a text without its `.ann`, or the other way round; a folder without any.
    """
    path = Path(path)
    left_out = LeftOut()
    if path.is_dir():
        texts = _texts_below(path)
        documents = [
            _read_pair(text, text.relative_to(path).with_suffix("").as_posix(), settings, left_out)
            for text in texts
        ]
    else:
        stem = path.with_suffix("") if path.suffix in {".txt", ".ann"} else path
        text = stem.with_name(f"{stem.name}.txt")
        documents = [_read_pair(text, stem.name, settings, left_out)]
    return make_corpus(path, "brat", documents, left_out)


def _texts_below(folder: Path) -> list[Path]:
    """Find all texts of a folder, in a fixed order, and refuse marks without a text."""
    texts = sorted(folder.rglob("*.txt"), key=lambda path: path.relative_to(folder).as_posix())
    for marks in sorted(folder.rglob("*.ann")):
        if not marks.with_suffix(".txt").is_file():
            raise DataError(f"{marks}: no {marks.stem}.txt beside it; brat's files come in pairs")
    if not texts:
        raise DataError(f"{folder}: no .txt file in it or below; expected pairs of .txt and .ann")
    return texts


def _read_pair(path: Path, name: str, settings: BratFormat, left_out: LeftOut) -> Document:
    text = text_within(path, settings)
    source = path.with_suffix(".ann")
    if not source.is_file():
        raise DataError(
            f"{path}: no {source.name} beside it; make an empty one if the text has no marks, "
            f"or move the text away if nobody has read it"
        )
    marks = _marks(source, text, settings, left_out)
    return Document(
        id=name,
        text=text,
        annotations=annotate(text, marks, path=source, settings=settings, left_out=left_out),
        provenance=Provenance(str(path), 1),
    )


def _lines_of_marks(path: Path, settings: BratFormat) -> tuple[str, ...]:
    """Read the lines; unlike everywhere else, an empty file is good: nothing is marked."""
    check_size(path, settings)
    return lines_within(path, settings) if path.read_bytes().strip() else ()


def _marks(path: Path, text: str, settings: BratFormat, left_out: LeftOut) -> list[Mark]:
    marks: list[Mark] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines_of_marks(path, settings), start=1):
        identifier, tab, rest = line.partition("\t")
        if not line.strip():
            continue
        if not tab or not _IDENTIFIER.fullmatch(identifier):
            raise FormatError(
                path, number, expected="an id such as T1, a tab and more", got=shown(line)
            )
        if identifier not in {"*", "#"} and seen.setdefault(identifier, number) != number:
            got = f"{shown(identifier)}, the id of line {seen[identifier]}"
            raise FormatError(path, number, expected="an id that no earlier line has", got=got)
        if not identifier.startswith("T"):
            left_out.add(number, _KINDS[identifier[0]])
        elif (mark := _mark(path, number, rest, text)) is not None:
            marks.append(mark)
            check_number(len(marks), settings, path=path, line=number)
        else:
            left_out.add(number, "a discontinuous mark")
    return marks


def _mark(path: Path, number: int, rest: str, text: str) -> Mark | None:
    """Read what follows the id of a T line; None for a discontinuous mark."""
    head, tab, surface = rest.partition("\t")
    label, _, ranges = head.partition(" ")
    pairs = [re.fullmatch(r"([0-9]{1,18}) ([0-9]{1,18})", pair) for pair in ranges.split(";")]
    if not tab or not label or None in pairs:
        raise FormatError(
            path,
            number,
            expected="a type, a space, `start end` (several separated by ';'), a tab, the surface",
            got=shown(rest),
        )
    bounds = [(int(pair[1]), int(pair[2])) for pair in pairs if pair is not None]
    first, last = bounds[0], bounds[-1]
    for (_, end), (start, _) in pairwise(bounds):
        if end > start or text[end:start].strip():
            return None
    whole = text[first[0] : last[1]]
    if len(bounds) > 1 and surface == " ".join(text[a:b] for a, b in bounds):
        surface = whole
    return Mark(first[0], last[1], (label,), number, surface)

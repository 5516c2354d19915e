r"""Stand-off files of brat to documents, and what every reader of stand-off marks shares.

A stand-off mark is a range of characters with a type and, mostly, the surface that it should
cover. `StandoffFormat`, `Mark`, `annotate` and `LeftOut` are the shared half: a mark that does not
fit its text is a fault, marks that overlap are reduced to disjoint ones by a named policy, and
everything that is left out is listed with its line.

brat keeps a text in `.txt` and its marks in `.ann`, of which the T lines are read. It counts the
characters of the file, "\r" and a byte-order mark included, so the text is kept exactly as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ossamma.data.readers.corpus import Corpus, ReadReport, SkippedLine, count_labels
from ossamma.data.readers.lines import Fault, read_bytes, read_lines, shown
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, LabelError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Provenance

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
_BREAKS: Final[Mapping[int, int]] = str.maketrans("\r\n\t", "   ")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a setting that is none of its choices, with their names."""
    if value not in choices:
        raise ConfigurationError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLimits:
    """What a file may measure before it is refused."""

    max_file_bytes: int = 2**29
    """A larger file is refused before it is read."""
    max_line_bytes: int = 2**24
    """A longer line is refused, in formats that are made of lines."""
    max_annotations: int = 100_000
    """More marks than this in one document are refused."""

    def __post_init__(self) -> None:
        for name in ("max_file_bytes", "max_line_bytes", "max_annotations"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StandoffFormat(ReadLimits):
    """How the marks of a stand-off file become annotations."""

    keep: Literal["longest", "shortest"] = "longest"
    """Which of overlapping marks stays; of equals the first, then the first by its type."""
    on_error: Literal["raise", "skip"] = "raise"
    """A mark that does not fit its text ends the reading, or is left out and listed."""

    def __post_init__(self) -> None:
        ReadLimits.__post_init__(self)
        check_choice("keep", self.keep, ("longest", "shortest"))
        check_choice("on_error", self.on_error, ("raise", "skip"))


@dataclass(frozen=True, kw_only=True, slots=True)
class BratFormat(StandoffFormat):
    """How to read brat's files."""


DEFAULT_BRAT: Final = BratFormat()


class Mark(NamedTuple):
    """One range of a text as its source gives it, not yet checked."""

    start: int
    end: int
    labels: tuple[str, ...]
    line: int
    surface: str | None = None


class LeftOut:
    """Everything of a file that was not kept, item by item."""

    def __init__(self) -> None:
        self._items: list[SkippedLine] = []

    def add(self, line: int, reason: str) -> None:
        """Remember one item."""
        self._items.append(SkippedLine(line, reason))

    def in_order(self) -> tuple[SkippedLine, ...]:
        """Return the items by their lines."""
        return tuple(sorted(self._items, key=lambda item: item.line))


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


def check_size(path: Path, limits: ReadLimits) -> None:
    """Refuse a file that is too large, before it is read."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        size = 0  # reading will say what is wrong
    if size > limits.max_file_bytes:
        raise FormatError(
            path,
            None,
            expected=f"a file of at most {limits.max_file_bytes} bytes (max_file_bytes)",
            got=f"{size} bytes",
        )


def check_number(number: int, limits: ReadLimits, *, path: Path, line: int) -> None:
    """Refuse a document with too many marks; readers ask as soon as they know how many."""
    if number > limits.max_annotations:
        expected = f"at most {limits.max_annotations} marks in a document (max_annotations)"
        raise FormatError(path, line, expected=expected, got=f"{number}")


def lines_within(path: Path, limits: ReadLimits) -> tuple[str, ...]:
    """Read a file as lines and refuse it at the first that cannot be read."""
    check_size(path, limits)
    text = read_lines(path, max_line_bytes=limits.max_line_bytes)
    if text.faults:
        raise text.faults[0].error(path)
    return tuple(line for line in text.lines if line is not None)


def text_within(path: Path, limits: ReadLimits, *, encoding: str = "utf-8") -> str:
    """Read a file as one text in which nothing is changed, line ends and byte-order mark included.

    Raises:
        FormatError: a NUL, or bytes of another encoding, by their line.
    """
    check_size(path, limits)
    content = read_bytes(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        got = "a byte-order mark of UTF-16 or UTF-32; convert the file (iconv -t UTF-8)"
        raise FormatError(path, 1, expected=f"text in {encoding}", got=got)
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise FormatError(path, line, expected="text", got="a NUL byte: this is no text file")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{content[error.start]:02x} ({error.reason}); convert the file to UTF-8"
        raise FormatError(path, line, expected=f"text in {encoding}", got=got) from None


def types_of(names: Sequence[str]) -> tuple[str, ...]:
    """Sort the types of one mark; white space inside a type becomes "_", which labels can have."""
    return tuple(sorted({"_".join(name.split()) for name in names}))


def annotate(
    text: str, marks: Sequence[Mark], *, path: Path, settings: StandoffFormat, left_out: LeftOut
) -> tuple[Annotation, ...]:
    """Turn the marks of one text into disjoint, sorted annotations.

    Raises:
        FormatError: more marks than the limit, or (with on_error "raise") one that does not fit.
    """
    check_number(len(marks), settings, path=path, line=marks[-1].line if marks else 1)
    fitting: list[Mark] = []
    for mark in marks:
        fault = misfit(text, mark)
        if fault is None:
            fitting.append(mark)
        elif settings.on_error == "raise":
            raise fault.error(path)
        else:
            left_out.add(mark.line, str(fault))
    kept = disjoint(fitting, keep=settings.keep, left_out=left_out)
    return tuple(Annotation(mark.start, mark.end, mark.labels) for mark in kept)


def misfit(text: str, mark: Mark) -> Fault | None:
    """Say what is wrong with a mark of this text, if anything is.

    A surface may have a space where the text has a tab or a line end.
    """
    if not 0 <= mark.start < mark.end <= len(text):
        return Fault(
            mark.line,
            f"0 <= start < end <= {len(text)}, the length of the text in characters",
            f"[{_digits(mark.start)}, {_digits(mark.end)})",
        )
    found = text[mark.start : mark.end]
    if mark.surface is not None and not _same_surface(mark.surface, found):
        return Fault(
            mark.line,
            f"the surface that the text has at [{mark.start}, {mark.end}), {shown(found)}",
            f"{shown(mark.surface)}; do the offsets count something else than characters?",
        )
    if not found.strip():
        return Fault(
            mark.line,
            "a mark with at least one visible character",
            f"only white space at [{mark.start}, {mark.end})",
        )
    return _type_fault(mark)


def disjoint(
    marks: Sequence[Mark], *, keep: Literal["longest", "shortest"], left_out: LeftOut
) -> list[Mark]:
    """Choose marks that do not overlap, greedily by length, and sort them by their place."""
    sign = -1 if keep == "longest" else 1
    order = sorted(marks, key=lambda m: (sign * (m.end - m.start), m.start, m.labels, m.line))
    starts: list[int] = []
    kept: list[Mark] = []  # both in the order of the text
    for mark in order:
        after = bisect_right(starts, mark.start)
        before = kept[after - 1] if after else None
        if before is not None and before[:3] == mark[:3]:
            left_out.add(mark.line, "a mark that stands there twice")
        elif (before is not None and before.end > mark.start) or (
            bisect_left(starts, mark.end) != after
        ):
            left_out.add(mark.line, f"a mark that overlaps another (the {keep} is kept)")
        else:
            starts.insert(after, mark.start)
            kept.insert(after, mark)
    return kept


def make_corpus(
    path: Path, format_name: str, documents: Sequence[Document], left_out: LeftOut
) -> Corpus:
    """Count what was read."""
    report = ReadReport(
        documents=len(documents),
        sentences=sum(len(document.sentence_starts) for document in documents),
        words=sum(len(document.words or ()) for document in documents),
        entities=sum(len(document.annotations or ()) for document in documents),
        labels=count_labels(documents),
        skipped=left_out.in_order(),
    )
    return Corpus(path, format_name, tuple(documents), report)


def _same_surface(surface: str, found: str) -> bool:
    return surface == found or surface.translate(_BREAKS) == found.translate(_BREAKS)


def _type_fault(mark: Mark) -> Fault | None:
    try:
        for label in mark.labels:
            LabelSet((label,))
    except LabelError:
        expected = "a type of 1-100 characters without '|' that is not 'O'"
        return Fault(mark.line, expected, shown(label))
    if mark.labels:
        return None
    return Fault(mark.line, "a mark with a type", "none")


def _digits(value: int) -> str:
    """Write an offset, unless it is so long that Python itself refuses to."""
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"


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

"""OntoNotes 5 in its CoNLL form (`*.gold_conll`, words filled in) to documents.

A file holds document parts between `#begin document (bn/cnn/01/cnn_0115); part 000` and
`#end document`, sentences between blank lines, and columns between runs of spaces. The named
entity column is bracketed and flat: `(GPE)`, or `(DATE*` .. `*` .. `*)`.

Each part is a document, called `<document>-<part>`; the parts of a document are a group. The genre
`pt` (the Bible) has no named-entity layer: its documents are unlabelled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.limits import ReadLimits, lines_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.names import UniqueNames
from ossamma.data.readers.standoff import Mark, StandoffFormat, annotate
from ossamma.data.readers.words import join_words
from ossamma.schema.errors import ConfigurationError, DataError, FormatError
from ossamma.schema.spans import Document, Provenance

_BEGIN: Final = re.compile(r"#begin document \((\S+)\); part (\d{1,6})")
_ENTITY: Final = re.compile(r"\(([^\s()*|]{1,100})(\*|\))|\*\)|\*")
_BLANKS: Final = re.compile(r"[ \t]+")
_SUFFIX: Final = "gold_conll"
_MASK: Final = "[WORD]"
_ENTITY_COLUMN: Final = 10
_LEAST_COLUMNS: Final = 12
_GENRES: Final = ("bc", "bn", "mz", "nw", "pt", "tc", "wb")
_WITHOUT_NAMES: Final = frozenset({"pt"})
_ADVICE: Final = (
    "merge the skeleton with your copy of LDC2013T19 (the release's own script does it) and read "
    "the *.gold_conll files that come out"
)
_ESCAPES: Final[Mapping[str, str]] = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
}
_SLASHED: Final = re.compile(r"/([.,?!:;\-])")


@dataclass(frozen=True, kw_only=True, slots=True)
class OntonotesFormat(ReadLimits):
    """How to read OntoNotes."""

    unescape: bool = True
    r"""Write `(` for `-LRB-` (and its kin), `.` for `/.`, `/` for `\/` and `*` for `\*`."""
    genres: frozenset[str] = field(default=frozenset(_GENRES) - _WITHOUT_NAMES)
    """The genres that a folder is read for; a single file is read whatever its genre."""

    def __post_init__(self) -> None:
        ReadLimits.__post_init__(self)
        object.__setattr__(self, "genres", frozenset(self.genres))
        unknown = sorted(self.genres - set(_GENRES))
        if unknown or not self.genres:
            raise ConfigurationError(
                f"genres must be some of {', '.join(_GENRES)}, got {', '.join(unknown) or 'none'}"
            )


DEFAULT_ONTONOTES: Final = OntonotesFormat()


class _Row(NamedTuple):
    """One line of a word."""

    line: int
    word: str
    entity: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One document part with its sentences."""

    line: int
    name: str
    number: str
    sentences: list[list[_Row]]

    @property
    def id(self) -> str:
        """The name of the part among all documents."""
        return f"{self.name}-{self.number}"


def read_ontonotes(path: str | Path, settings: OntonotesFormat = DEFAULT_ONTONOTES) -> Corpus:
    """Read one file of the merged release.

    Raises:
        FormatError: a skeleton whose words are not filled in; a faulty line, by its number; a part
            that does not end (the file was cut off), or that stands there twice.
        DataError: a file that is not there, or holds no words.
    """
    path = Path(path)
    if path.name.endswith("_skel"):
        raise FormatError(path, None, expected="words", got=f"a skeleton without; {_ADVICE}")
    left_out = LeftOut()
    names = UniqueNames(path)
    documents = []
    for part in _parts(path, lines_within(path, settings)):
        if part.sentences:
            names.add(part.id, part.line)
            documents.append(_document(path, part, settings, left_out))
    if not documents:
        raise DataError(f"{path}: no words in the file; expected parts between #begin and #end")
    return make_corpus(path, "ontonotes", documents, left_out)


def read_ontonotes_folder(
    path: str | Path, settings: OntonotesFormat = DEFAULT_ONTONOTES
) -> Iterator[Corpus]:
    """Read all files of a release folder one by one, in the order of their names.

    The genre of a file is that of the folders on the way to it that is named like one
    ("annotations/nw/wsj/00/..."); files of other genres than the settings' are passed over.

    Raises:
        DataError: no folder, or no such file in it; at once, not when the first is read.
        FormatError: as `read_ontonotes`, when the file is reached.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder of the merged release")
    files = sorted(
        (file for file in folder.rglob(f"*{_SUFFIX}") if file.is_file()),
        key=lambda file: file.relative_to(folder).as_posix(),
    )
    if not files:
        skeleton = next(folder.rglob("*_skel"), None)
        cause = _ADVICE if skeleton else f"expected names such as cnn_0115.{_SUFFIX}"
        raise DataError(f"{folder}: no merged file in it or below; {cause}")
    chosen = [file for file in files if _genre(folder, file) in settings.genres]
    if not chosen:
        found = sorted({_genre(folder, file) or "?" for file in files})
        raise DataError(
            f"{folder}: no file of the genres {', '.join(sorted(settings.genres))}; it has "
            f"{', '.join(found)}"
        )
    return (read_ontonotes(file, settings) for file in chosen)


def _genre(folder: Path, file: Path) -> str:
    """Find the genre on the way from the folder (its own name included) to the file."""
    way = (folder.resolve().name, *file.relative_to(folder).parent.parts)
    return next((part for part in reversed(way) if part in _GENRES), "")


def _parts(path: Path, lines: Sequence[str]) -> Iterator[_Part]:
    part: _Part | None = None
    for number, line in enumerate(lines, start=1):
        cells = [cell for cell in _BLANKS.split(line) if cell]
        if line.startswith("#begin "):
            _must(part is None, path, number, "#end document before it", line)
            part = _begin(path, number, line)
        elif part is None:
            _must(not cells, path, number, "a line that begins #begin document", line)
        elif line.startswith("#end document"):
            yield replace(part, sentences=[rows for rows in part.sentences if rows])
            part = None
        elif cells:
            part.sentences[-1].append(_row(path, number, cells, part))
        else:
            part.sentences.append([])
    if part is not None:
        raise _fault(path, len(lines), "#end document at the end", "none: the file was cut off")


def _begin(path: Path, number: int, line: str) -> _Part:
    match = _BEGIN.fullmatch(line.rstrip())
    if match is None:
        raise _fault(path, number, "#begin document (<name>); part <number>", line)
    return _Part(number, match[1], match[2], [[]])


def _row(path: Path, number: int, cells: Sequence[str], part: _Part) -> _Row:
    """Check the columns that do not depend on the sentence."""
    if len(cells) < _LEAST_COLUMNS:
        got = f"{len(cells)}: {shown(' '.join(cells))}"
        raise FormatError(path, number, expected=f"{_LEAST_COLUMNS} columns or more", got=got)
    _must(cells[0] == part.name, path, number, f"{part.name} in column 1", cells[0])
    same = cells[1].isdecimal() and int(cells[1]) == int(part.number)
    _must(same, path, number, f"the part {part.number} in column 2", cells[1])
    place = str(len(part.sentences[-1]))
    _must(cells[2] == place, path, number, f"the word number {place} in column 3", cells[2])
    if cells[3] == _MASK:
        raise FormatError(path, number, expected="a word", got=f"{_MASK}: {_ADVICE}")
    return _Row(number, cells[3], cells[_ENTITY_COLUMN])


def _document(path: Path, part: _Part, settings: OntonotesFormat, left_out: LeftOut) -> Document:
    unescape = _unescape if settings.unescape else str
    joined = join_words([[unescape(row.word) for row in rows] for rows in part.sentences])
    annotations = None
    if part.name.partition("/")[0] not in _WITHOUT_NAMES:
        marks = [
            Mark(joined.words[first].start, joined.words[last].end, (label,), line)
            for first, last, label, line in _entities(path, part.sentences)
        ]
        limits = StandoffFormat(max_annotations=settings.max_annotations)
        annotations = annotate(joined.text, marks, path=path, settings=limits, left_out=left_out)
    return Document(
        id=part.id,
        text=joined.text,
        words=joined.words,
        sentence_starts=joined.sentence_starts,
        annotations=annotations,
        provenance=Provenance(str(path), part.sentences[0][0].line),
        group=part.name,
    )


def _entities(
    path: Path, sentences: Sequence[Sequence[_Row]]
) -> Iterator[tuple[int, int, str, int]]:
    """Read the brackets: first and last word (of the part), type and line."""
    first = 0
    for rows in sentences:
        begun: tuple[int, str, int] | None = None
        for index, row in enumerate(rows, start=first):
            match = _ENTITY.fullmatch(row.entity)
            if match is None:
                expected = "a named entity as (GPE), (DATE*, * or *) in column 11"
                raise _fault(path, row.line, expected, row.entity)
            if match[1]:
                _must(begun is None, path, row.line, "the end of the entity before it", row.entity)
                begun = (index, match[1], row.line)
            if row.entity.endswith(")"):
                if begun is None:
                    raise _fault(path, row.line, "an entity that ends to have begun", row.entity)
                yield begun[0], index, begun[1], begun[2]
                begun = None
        if begun is not None:
            expected = "every entity to end in its sentence"
            raise _fault(path, begun[2], expected, f"({begun[1]}* without *)")
        first += len(rows)


def _unescape(word: str) -> str:
    slashed = _SLASHED.fullmatch(word)
    if slashed:
        return slashed[1]
    return _ESCAPES.get(word) or word.replace("\\/", "/").replace("\\*", "*")


def _fault(path: Path, line: int, expected: str, got: str) -> FormatError:
    return FormatError(path, line, expected=expected, got=shown(got))


def _must(holds: object, path: Path, line: int, expected: str, got: str) -> None:
    if not holds:
        raise _fault(path, line, expected, got)

"""CSV files with one word per row (Word, Sentence Id, Tag) to documents.

Two habits are understood: the sentence's number stands in every row, or only in the first row of
each sentence and is empty in the others ("Sentence: 1"). Each sentence is a document, its words
joined by one space. Tags are read as those of column files are (`conll.py`): the scheme is
detected or stated, what it forbids is repaired by a named policy and counted.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from ossamma.data.readers.corpus import Corpus, LeftOut, make_corpus
from ossamma.data.readers.limits import ReadLimits, text_within
from ossamma.data.readers.lines import shown
from ossamma.data.readers.words import join_words
from ossamma.schema.encoding import (
    Repair,
    Scheme,
    decode_tags,
    detect_scheme,
    split_tag,
)
from ossamma.schema.errors import (
    AnnotationError,
    ConfigurationError,
    DataError,
    FormatError,
    LabelError,
)
from ossamma.schema.spans import Annotation, Document, Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvTokensFormat(ReadLimits):
    """How to read a CSV file of words. The columns are named as in the file's first row."""

    word_column: str = "Word"
    """Name of the column of words."""
    tag_column: str = "Tag"
    """Name of the column of tags."""
    sentence_column: str = "Sentence Id"
    """Name of the column that numbers the sentences."""
    delimiter: str = ","
    """The character between columns."""
    encoding: str = "utf-8"
    """The file's encoding; older files of this kind are often in "cp1252"."""
    scheme: Scheme | None = None
    """The tag scheme. None: the one that forbids the fewest transitions of the file."""
    repair: Repair = Repair.CONLLEVAL
    """What becomes of tags that the scheme forbids."""
    drop_empty_words: bool = False
    """Leave out rows without a word and count them, instead of calling them faults."""

    def __post_init__(self) -> None:
        ReadLimits.__post_init__(self)
        # Recipes bring plain strings; an unknown one must not pass for the default.
        for name, kind in (("scheme", Scheme), ("repair", Repair)):
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, value if value is None else kind(value))
            except ValueError:
                known = ", ".join(member.value for member in kind)
                raise ConfigurationError(f"{name} must be one of {known}, got {value!r}") from None
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ConfigurationError(f"delimiter must be one character, got {self.delimiter!r}")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigurationError(f"encoding {self.encoding!r} is unknown") from None


DEFAULT_CSV_TOKENS: Final = CsvTokensFormat()


class _Row(NamedTuple):
    """One row of a word; `sentence` is empty where the row continues the sentence before it."""

    line: int
    word: str
    tag: str
    sentence: str


class _Read(NamedTuple):
    """What decoding the tags of all sentences gave."""

    documents: list[Document]
    repaired: int


def read_csv_tokens(path: str | Path, settings: CsvTokensFormat = DEFAULT_CSV_TOKENS) -> Corpus:
    """Read a file. Documents are called `<file stem>-<n>`, n from 1 in the order of the file.

    Raises:
        FormatError: a faulty row, by the line on which it ends: another number of columns, an
            empty word, a malformed tag, a sentence whose rows do not stand together.
        DataError: a file that is not there, or has no row.
        ConfigurationError: a column that the file does not have.
    """
    path = Path(path)
    left_out = LeftOut()
    sentences = _sentences(path, _rows(path, settings, left_out))
    if not sentences:
        raise DataError(f"{path}: no word in the file; expected a row of names and rows of words")
    scheme = settings.scheme or detect_scheme([row.tag for row in rows] for rows in sentences)
    read = _decode(path, sentences, scheme, settings)
    corpus = make_corpus(path, "csv_tokens", read.documents, left_out)
    report = replace(
        corpus.report,
        scheme=scheme,
        repair=settings.repair,
        repaired_tags=read.repaired,
        dropped_words=len(corpus.report.skipped),
    )
    return replace(corpus, report=report)


def _rows(path: Path, settings: CsvTokensFormat, left_out: LeftOut) -> Iterator[_Row]:
    """Read the rows with a word, checked one by one."""
    table = _cells(path, settings)
    _, header = next(table, (0, []))
    names = [name.strip() for name in header]
    word, tag, sentence = (
        _column(path, names, name)
        for name in (settings.word_column, settings.tag_column, settings.sentence_column)
    )
    for line, cells in table:
        if len(cells) != len(names):
            got = f"{len(cells)}: {shown(settings.delimiter.join(cells))}"
            raise FormatError(path, line, expected=f"{len(names)} columns", got=got)
        row = _Row(line, cells[word].strip(), cells[tag].strip(), cells[sentence].strip())
        _check_tag(path, row)
        if row.word and "\n" not in row.word and "\r" not in row.word:
            yield row
        elif row.word:
            got = f"one with a line end, {shown(row.word)}: a quotation mark is not closed"
            raise FormatError(path, line, expected="a word", got=got)
        elif settings.drop_empty_words:
            left_out.add(line, "a row without a word")
        else:
            got = "an empty one (drop_empty_words leaves such rows out)"
            raise FormatError(path, line, expected=f"a word in {settings.word_column!r}", got=got)


def _cells(path: Path, settings: CsvTokensFormat) -> Iterator[tuple[int, list[str]]]:
    """Take the file apart into rows of cells, each with the line on which it ends."""
    text = text_within(path, settings, encoding=settings.encoding).removeprefix("\ufeff")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > settings.max_line_bytes:
            expected = f"a line of at most {settings.max_line_bytes} characters (max_line_bytes)"
            raise FormatError(path, number, expected=expected, got=f"{len(line)}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=settings.delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise FormatError(
            path, reader.line_num, expected="a row of a CSV file", got=f"a broken one ({error})"
        ) from None


def _column(path: Path, names: Sequence[str], name: str) -> int:
    if names.count(name) == 1:
        return names.index(name)
    problem = "stands there twice" if name in names else "does not exist"
    raise ConfigurationError(
        f"{path}: the column {name!r} {problem}; the first row names "
        f"{', '.join(map(shown, names[:20])) or 'none'}; word_column, tag_column, "
        f"sentence_column and delimiter choose others"
    )


def _check_tag(path: Path, row: _Row) -> None:
    try:
        split_tag(row.tag)
    except LabelError as error:
        raise FormatError(path, row.line, expected="a tag", got=str(error)) from None


def _sentences(path: Path, rows: Iterator[_Row]) -> list[list[_Row]]:
    """Group the rows: an empty number continues the sentence, and so does the same one."""
    sentences: list[list[_Row]] = []
    known: dict[str, int] = {}
    current = ""
    for row in rows:
        if not sentences and not row.sentence:
            expected = "the number of the first sentence"
            raise FormatError(path, row.line, expected=expected, got="an empty cell")
        if row.sentence and row.sentence != current:
            first = known.setdefault(row.sentence, row.line)
            if first != row.line:
                raise FormatError(
                    path,
                    row.line,
                    expected="the rows of a sentence side by side",
                    got=f"{shown(row.sentence)} again, which began on line {first}",
                )
            current = row.sentence
            sentences.append([])
        sentences[-1].append(row)
    return sentences


def _decode(
    path: Path, sentences: Sequence[Sequence[_Row]], scheme: Scheme, settings: CsvTokensFormat
) -> _Read:
    documents: list[Document] = []
    repaired = 0
    for number, rows in enumerate(sentences, start=1):
        try:
            tags = [row.tag for row in rows]
            spans, changed = decode_tags(tags, scheme=scheme, repair=settings.repair)
        except (AnnotationError, LabelError) as error:
            raise FormatError(
                path, rows[0].line, expected=f"a sentence of {scheme.name} tags", got=str(error)
            ) from None
        if len(spans) > settings.max_annotations:
            expected = f"at most {settings.max_annotations} entities (max_annotations)"
            got = f"{len(spans)} in one sentence; is {settings.sentence_column!r} its column?"
            raise FormatError(path, rows[0].line, expected=expected, got=got)
        repaired += changed
        text, words, starts = join_words([[row.word for row in rows]])
        annotations = [
            Annotation(
                words[span.first_word].start,
                words[span.end_word - 1].end,
                tuple(sorted(set(span.label.split("|")))),
            )
            for span in spans
        ]
        documents.append(
            Document(
                id=f"{path.stem}-{number}",
                text=text,
                words=words,
                sentence_starts=starts,
                annotations=tuple(annotations),
                provenance=Provenance(str(path), rows[0].line),
            )
        )
    return _Read(documents, repaired)

r"""CoNLL column files to documents.

One word per line, its columns separated by tabs or spaces, a blank line after each sentence. The
text of a document is its words joined by one space and its sentences joined by "\n": column files
do not keep the original spacing.

The steps: lines -> layout (`layout.py`) -> checked sentences -> entities -> documents. A fault is
tied to its line all the way, so that it can be raised, or reported with its sentence left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.corpus import Corpus, ReadReport, Remark, count_labels
from ossamma.data.readers.layout import Block, Layout, find_layout, has_index_column
from ossamma.data.readers.lines import Fault, read_lines, shown
from ossamma.schema.encoding import (
    Repair,
    Scheme,
    TypedSpan,
    decode_tags,
    detect_scheme,
    first_illegal,
    scheme_letters,
    split_tag,
)
from ossamma.schema.errors import ConfigurationError, DataError, FormatError, LabelError
from ossamma.schema.spans import Annotation, Document, Provenance, Span


@dataclass(frozen=True, kw_only=True, slots=True)
class ConllFormat:
    """How to read a column file. The defaults fit most files."""

    word_column: int | None = None
    """Column of the word, from 0. None: column 1 if column 0 only counts the words, else 0."""
    tag_column: int = -1
    """Column of the tag, from 0, or negative from the right."""
    scheme: Scheme | None = None
    """The tag scheme. None: the one that forbids the fewest transitions of the file."""
    repair: Repair = Repair.CONLLEVAL
    """What becomes of tags that the scheme forbids."""
    on_error: Literal["raise", "skip"] = "raise"
    """A faulty line ends the reading, or only costs its sentence and is listed in the report."""
    drop_empty_words: bool = False
    """Leave out lines whose word column is empty and count them, instead of calling them faults."""
    max_line_bytes: int = 2**20
    """A longer line is a fault: it is not a token line."""

    def __post_init__(self) -> None:
        # Recipes bring plain strings; an unknown one must not pass for the default.
        for name, kind in (("scheme", Scheme), ("repair", Repair)):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _member(kind, name, value))
        if self.word_column is not None and self.word_column < 0:
            raise ConfigurationError(f"word_column must be None or >= 0, got {self.word_column}")
        if self.on_error not in {"raise", "skip"}:
            raise ConfigurationError(f"on_error must be 'raise' or 'skip', got {self.on_error!r}")
        if self.max_line_bytes < 1:
            raise ConfigurationError(f"max_line_bytes must be >= 1, got {self.max_line_bytes}")


def _member(kind: type[Scheme] | type[Repair], name: str, value: str) -> Scheme | Repair:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise ConfigurationError(f"{name} must be one of {known}, got {value!r}") from None


DEFAULT_CONLL: Final = ConllFormat()


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where word and tag stand, both counted from the left, and how many columns there are."""

    word: int
    tag: int
    width: int

    def __str__(self) -> str:
        return f"of columns 0 to {self.width - 1}"


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence on its way to a document; `spans` and `repaired` come with the scheme.

    `lines`, `words` and `tags` run side by side.
    """

    opens_document: bool
    lines: tuple[int, ...]
    words: tuple[str, ...]
    tags: tuple[str, ...]
    dropped: int = 0
    faults: tuple[Fault, ...] = ()
    spans: tuple[TypedSpan, ...] = ()
    repaired: int = 0


def read_conll(path: str | Path, settings: ConllFormat = DEFAULT_CONLL) -> Corpus:
    """Read a column file.

    `-DOCSTART-`, `<DOCSTART>` and `# newdoc` lines begin a document; without any of them each
    sentence is one. Documents are called `<file stem>-<n>`, n from 1 in the order of the file;
    sentences that are left out keep their number, so that the names do not depend on `on_error`.

    Raises:
        FormatError: a faulty line, by its number (with on_error "raise").
        DataError: a file that is not there, or in which no sentence could be read.
        ConfigurationError: columns that the file does not have.
    """
    path = Path(path)
    text = read_lines(path, max_line_bytes=settings.max_line_bytes)
    layout = find_layout(text.lines, tag_column=settings.tag_column)
    if not layout.blocks:
        raise DataError(f"{path}: no sentence in the file; expected lines of words with tags")
    if settings.on_error == "raise" or not layout.shape.width:
        _raise_first(path, text.faults)  # before a broken file is judged by its columns
    checker = _Checker(
        layout=layout,
        columns=_choose_columns(path, layout, settings),
        unreadable={fault.line: fault for fault in text.faults},
        drop_empty_words=settings.drop_empty_words,
    )
    sentences = [checker.check(block) for block in layout.blocks]
    if settings.on_error == "raise":
        _raise_first(path, [fault for sentence in sentences for fault in sentence.faults])
    scheme = settings.scheme or detect_scheme(s.tags for s in sentences if not s.faults)
    sentences = [_decode(sentence, scheme, settings.repair) for sentence in sentences]
    faults = [fault for sentence in sentences for fault in sentence.faults]
    if settings.on_error == "raise":
        _raise_first(path, faults)
    documents = tuple(_documents(path, sentences, has_marks=layout.has_marks))
    if not documents:
        cause = f"line {faults[0].line}: {faults[0]}" if faults else "all words are empty"
        raise DataError(f"{path}: every sentence was left out; {cause}")
    report = replace(
        _counts(documents, sentences),
        scheme=scheme,
        repair=settings.repair,
        comments=layout.num_comments,
    )
    return Corpus(path, "conll", documents, report)


def _counts(documents: Sequence[Document], sentences: Sequence[_Sentence]) -> ReadReport:
    """Everything that the sentences themselves can tell."""
    kept = [sentence for sentence in sentences if _is_kept(sentence)]
    faulty = [sentence for sentence in sentences if sentence.faults]
    return ReadReport(
        documents=len(documents),
        sentences=len(kept),
        words=sum(len(sentence.words) for sentence in kept),
        entities=sum(len(sentence.spans) for sentence in kept),
        labels=count_labels(documents),
        repaired_tags=sum(sentence.repaired for sentence in kept),
        dropped_words=sum(sentence.dropped for sentence in sentences),
        skipped_sentences=len(faulty),
        skipped=tuple(
            Remark(fault.line, str(fault)) for sentence in faulty for fault in sentence.faults
        ),
    )


def _is_kept(sentence: _Sentence) -> bool:
    return not sentence.faults and bool(sentence.words)


def _raise_first(path: Path, faults: Sequence[Fault]) -> None:
    if faults:
        raise min(faults, key=lambda fault: fault.line).error(path)


def _choose_columns(path: Path, layout: Layout, settings: ConllFormat) -> _Columns:
    """Turn the settings into two columns of this file."""
    width = layout.shape.width
    if width < 2:
        line = layout.blocks[0].lines[0]
        raise FormatError(
            path,
            line,
            expected="at least two columns, a word and a tag, separated by a tab or spaces",
            got=f"{width}: {shown(' '.join(layout.cells[line - 1]))}",
        )
    word = settings.word_column
    if word is None:
        word = 1 if has_index_column(layout) else 0
    tag = settings.tag_column + (width if settings.tag_column < 0 else 0)
    for name, column in (("word_column", word), ("tag_column", tag)):
        if not 0 <= column < width:
            raise ConfigurationError(
                f"{path}: {name} {getattr(settings, name)} does not exist: most lines have "
                f"{width} columns, 0 to {width - 1}"
            )
    if word == tag:
        raise ConfigurationError(
            f"{path}: word_column and tag_column are both column {word} of {width}; set one of them"
        )
    return _Columns(word, tag, width)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checker:
    """Gives the columns their meaning and finds every line that does not bear it."""

    layout: Layout
    columns: _Columns
    unreadable: dict[int, Fault]
    drop_empty_words: bool

    def check(self, block: Block) -> _Sentence:
        """Read one sentence, with all faults of its lines."""
        rows: list[tuple[int, str, str]] = []
        faults: list[Fault] = []
        dropped = 0
        for line in block.lines:
            cells = self.layout.cells[line - 1]
            fault = self.unreadable.get(line) or self._fault(line, cells)
            if fault is not None:
                faults.append(fault)
            elif word := cells[self.columns.word]:
                rows.append((line, word, cells[self.columns.tag]))
            else:
                dropped += 1
        lines, words, tags = zip(*rows, strict=True) if rows else ((), (), ())
        return _Sentence(block.opens_document, lines, words, tags, dropped, tuple(faults))

    def _fault(self, line: int, cells: tuple[str, ...]) -> Fault | None:
        if len(cells) != self.columns.width:
            return Fault(
                line,
                f"{self.columns.width} columns, like most lines of the file",
                f"{len(cells)}: {shown(' '.join(cells))}",
            )
        if not cells[self.columns.word] and not self.drop_empty_words:
            return Fault(
                line, f"a word in column {self.columns.word} ({self.columns})", "an empty column"
            )
        problem = _tag_problem(cells[self.columns.tag])
        if problem is None:
            return None
        return Fault(
            line,
            f"a tag in column {self.columns.tag} ({self.columns}; ConllFormat.tag_column chooses "
            "another)",
            problem,
        )


def _tag_problem(tag: str) -> str | None:
    try:
        split_tag(tag)
    except LabelError as error:
        return str(error)
    return None


def _decode(sentence: _Sentence, scheme: Scheme, repair: Repair) -> _Sentence:
    """Add the entities, or the faults that hinder them."""
    if sentence.faults:
        return sentence
    fault = _foreign_letter(sentence, scheme) or _forbidden_tag(sentence, scheme, repair)
    if fault is None:
        spans, repaired = decode_tags(sentence.tags, scheme=scheme, repair=repair)
        fault = _invisible_entity(sentence, spans)
        if fault is None:
            return replace(sentence, spans=tuple(spans), repaired=repaired)
    return replace(sentence, faults=(fault,))


def _foreign_letter(sentence: _Sentence, scheme: Scheme) -> Fault | None:
    letters = scheme_letters(scheme)
    for line, tag in zip(sentence.lines, sentence.tags, strict=True):
        if tag != "O" and split_tag(tag).letter not in letters:
            return Fault(
                line,
                f"a tag of {scheme.name} ({' '.join(sorted(letters))}), the scheme of the file",
                f"{tag!r}; correct it, or state the scheme with ConllFormat.scheme",
            )
    return None


def _forbidden_tag(sentence: _Sentence, scheme: Scheme, repair: Repair) -> Fault | None:
    if repair is not Repair.ERROR:
        return None
    illegal = first_illegal(sentence.tags, scheme=scheme)
    if illegal is None:
        return None
    return Fault(
        sentence.lines[illegal.word],
        f"a legal sequence of {scheme.name} tags",
        f"{illegal.reason}; correct it, or choose the repair 'conlleval' or 'discard'",
    )


def _invisible_entity(sentence: _Sentence, spans: Sequence[TypedSpan]) -> Fault | None:
    """An entity made of white space (such as one no-break space) cannot be meant."""
    for span in spans:
        if not "".join(sentence.words[span.first_word : span.end_word]).strip():
            return Fault(
                sentence.lines[span.first_word],
                "an entity with at least one visible character",
                f"only white space tagged {span.label}",
            )
    return None


def _documents(
    path: Path, sentences: Sequence[_Sentence], *, has_marks: bool
) -> Iterator[Document]:
    """Number the documents of the file and build those of which something is left."""
    groups: list[list[_Sentence]] = []
    for sentence in sentences:
        if not groups or not has_marks or sentence.opens_document:
            groups.append([])
        groups[-1].append(sentence)
    for number, group in enumerate(groups, start=1):
        kept = [sentence for sentence in group if _is_kept(sentence)]
        if kept:
            yield _document(f"{path.stem}-{number}", str(path), kept)


def _document(document_id: str, source: str, sentences: Sequence[_Sentence]) -> Document:
    words: list[Span] = []
    starts: list[int] = []
    annotations: list[Annotation] = []
    position = 0
    for sentence in sentences:
        first = len(words)
        starts.append(first)
        for word in sentence.words:
            words.append(Span(position, position + len(word)))
            position += len(word) + 1  # the space, or the line end behind the last word
        annotations += [
            Annotation(
                words[first + span.first_word].start,
                words[first + span.end_word - 1].end,
                tuple(sorted(set(span.label.split("|")))),
            )
            for span in sentence.spans
        ]
    return Document(
        id=document_id,
        text="\n".join([" ".join(sentence.words) for sentence in sentences]),
        words=tuple(words),
        sentence_starts=tuple(starts),
        annotations=tuple(annotations),
        provenance=Provenance(source, sentences[0].lines[0]),
    )

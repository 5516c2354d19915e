"""Documents to CoNLL column files: word, tab, BIO tag; what `readers/conll.py` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ossamma.data.readers.lines import shown
from ossamma.data.writers.words import LaidWords, SplitWords, lay_out
from ossamma.schema.atomic import atomic_write
from ossamma.schema.encoding import TypedSpan, encode_tags
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document, Span

_MARK: Final = "-DOCSTART-"
_MARKS: Final = frozenset({_MARK, "<DOCSTART>"})
# What separates columns or lines, or that the reader refuses.
_UNWRITABLE: Final = re.compile("[ \t\n\r\0\ud800-\udfff]")
_SEPARATORS: Final = re.compile(r"[^ \t\n\r]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class ConllOutput:
    """How to write a column file."""

    split_words: SplitWords | None = None
    """Splits the text of documents that have no words. None: such a document is refused."""
    on_space: Literal["raise", "split"] = "raise"
    """A word with white space in it, which a column cannot hold, is refused or cut there."""
    partial: Literal["comment", "plain", "raise"] = "comment"
    """A document of which only some types are annotated: columns cannot say so. Write the types as
    a comment line `# annotates = A B` for people, write nothing of it, or refuse."""

    def __post_init__(self) -> None:
        for name, known in (
            ("on_space", {"raise", "split"}),
            ("partial", {"comment", "plain", "raise"}),
        ):
            if getattr(self, name) not in known:
                raise ConfigurationError(
                    f"{name} must be one of {', '.join(sorted(known))}, got {getattr(self, name)!r}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConllReport:
    """Counts of what was written, and of what columns cannot say."""

    documents: int = 0
    sentences: int = 0
    words: int = 0
    entities: int = 0
    empty_documents: int = 0
    """Documents without words, which leave no trace in the file."""
    partial_documents: int = 0
    """Documents whose `annotates` could not be kept."""
    joined_sentences: int = 0
    """Sentence borders inside an entity, which were left out so that the entity stays whole."""

    def __add__(self, other: ConllReport) -> ConllReport:
        return ConllReport(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        )


DEFAULT_CONLL_OUTPUT: Final = ConllOutput()


def write_conll(
    path: str | Path, documents: Iterable[Document], settings: ConllOutput = DEFAULT_CONLL_OUTPUT
) -> ConllReport:
    """Write documents, each behind a `-DOCSTART-` line, a blank line after each sentence.

    Words are cut at the borders of entities. Several candidate types are written `A|B`. Spacing,
    ids, weights, origins and confidences are lost. The file appears as a whole or not at all.

    Raises:
        DataError: an unlabelled document; a document without words where nothing splits it; a word
            that the format cannot hold; a place that cannot be written.
        AnnotationError: entities that overlap or touch no word.
    """
    report = ConllReport()
    with atomic_write(path) as file:
        for document in documents:
            laid = lay_out(document, settings.split_words)
            _check(document, settings)
            if not laid.words:
                report += ConllReport(empty_documents=1)
                continue
            sentences, joined = _sentences(laid)
            file.write(f"{_MARK}\tO\n")
            if document.annotates is not None and settings.partial == "comment":
                file.write(f"# annotates = {' '.join(sorted(document.annotates))}\n")
            file.write("\n")
            rows = [_rows(document, laid, span, settings) for span in sentences]
            for sentence in rows:
                file.write("".join([f"{word}\t{tag}\n" for word, tag in sentence]) + "\n")
            report += ConllReport(
                documents=1,
                sentences=len(sentences),
                words=sum(map(len, rows)),
                entities=len(laid.entities),
                partial_documents=document.annotates is not None,
                joined_sentences=joined,
            )
    return report


def _check(document: Document, settings: ConllOutput) -> None:
    if document.annotations is None:
        raise DataError(
            f"{document.where}: expected a labelled document, got an unlabelled one; in columns "
            "all of its words would be O"
        )
    if document.annotates is not None and settings.partial == "raise":
        raise DataError(
            f"{document.where}: expected a document of which all types are annotated, got one of "
            f"{', '.join(sorted(document.annotates)) or 'none'}; columns cannot say that the "
            "others are unknown (partial='comment' writes it for people)"
        )


def _sentences(laid: LaidWords) -> tuple[list[tuple[int, int]], int]:
    """Ranges of words, and how many sentence starts lie inside an entity."""
    inside = {
        word for entity in laid.entities for word in range(entity.first_word + 1, entity.end_word)
    }
    starts = sorted({0, *(start for start in laid.sentence_starts if start not in inside)})
    joined = sum(start in inside for start in laid.sentence_starts)
    return list(zip(starts, [*starts[1:], len(laid.words)], strict=True)), joined


def _rows(
    document: Document, laid: LaidWords, sentence: tuple[int, int], settings: ConllOutput
) -> list[tuple[str, str]]:
    first, end = sentence
    spans = [
        TypedSpan(entity.first_word - first, entity.end_word - first, "|".join(entity.labels))
        for entity in laid.entities
        if first <= entity.first_word < end
    ]
    for span in spans:
        _check_visible(document, laid.words[first + span.first_word : first + span.end_word])
    tags = encode_tags(spans, end - first)
    rows: list[tuple[str, str]] = []
    for word, tag in zip(laid.words[first:end], tags, strict=True):
        parts = list(_parts(document, word, settings))
        rows += [
            (part, tag if number == 0 or tag == "O" else f"I{tag[1:]}")
            for number, part in enumerate(parts)
        ]
        if not parts and tag.startswith("B-"):
            raise DataError(f"{document.where}: an entity begins with a word of white space")
    return rows


def _check_visible(document: Document, words: Sequence[Span]) -> None:
    """Refuse an entity of which nothing would be written; a reader could not take it."""
    if not any(document.text[word.start : word.end].strip() for word in words):
        raise DataError(
            f"{document.where}: the words of the entity at [{words[0].start}, {words[-1].end}) "
            "are white space; expected one with a visible character"
        )


def _parts(document: Document, word: Span, settings: ConllOutput) -> Iterator[str]:
    text = document.text[word.start : word.end]
    parts: Sequence[str] = (text,)
    if settings.on_space == "split" and _UNWRITABLE.search(text):
        parts = _SEPARATORS.findall(text)
    for part in parts:
        if _UNWRITABLE.search(part) or part in _MARKS:
            raise DataError(
                f"{document.where}: expected words without spaces, line ends and control "
                f"characters that are no document mark, got {shown(part)} at "
                f"[{word.start}, {word.end}); on_space='split' cuts words at spaces"
            )
        yield part

"""The words of a document with its entities laid on them, as formats made of words need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ossamma.schema.errors import AnnotationError, DataError
from ossamma.schema.spans import Annotation, Document, Span
from ossamma.schema.supervision import WordSpan, lay_on_words, split_at_borders

SplitWords = Callable[[str], Sequence[Span]]
_RUNS: Final = re.compile(r"\s+|\S+")


@dataclass(frozen=True, slots=True)
class LaidWords:
    """Words (characters of the document's text), entities on them, and sentence starts."""

    words: tuple[Span, ...]
    entities: tuple[WordSpan, ...]
    sentence_starts: tuple[int, ...]


def lay_out(
    document: Document, split_words: SplitWords | None = None, *, tile: bool = False
) -> LaidWords:
    """Lay a document's entities on its words; the words are cut at the entities' borders.

    So an entity is made of whole words, just as in training, and its words begin and end where it
    does. White space at the ends of an annotation is not part of it.

    Args:
        document: its own words are taken where it has some.
        split_words: splits the text of a document without words.
        tile: what lies between the words becomes words too, but for one space behind a word.

    Raises:
        DataError: no words, and nothing to split them.
        AnnotationError: entities that overlap, or touch no word.
    """
    source = _words_of(document, split_words)
    words = list(_tiles(document.text, source)) if tile else list(source)
    trimmed = tuple(_trim(document, annotation) for annotation in document.annotations or ())
    words = split_at_borders(words, trimmed)
    entities = lay_on_words(replace(document, annotations=trimmed), words)
    number = {word.start: index for index, word in enumerate(words)}
    starts = tuple(number[source[start].start] for start in document.sentence_starts)
    return LaidWords(tuple(words), tuple(entities), starts)


def _words_of(document: Document, split_words: SplitWords | None) -> Sequence[Span]:
    if document.words is not None:
        return document.words
    if split_words is None:
        raise DataError(
            f"{document.where}: expected a document with words, got none; give the writer a word "
            "splitter"
        )
    return split_words(document.text)


def _tiles(text: str, words: Sequence[Span]) -> Iterator[Span]:
    """The words and what lies between them; nothing but single spaces behind words is left out."""
    end = 0
    for word in (*words, None):
        gap_end = len(text) if word is None else word.start
        for run in _RUNS.finditer(text, end, gap_end):
            # One space behind a word is that word's own in formats that keep the text.
            start = run.start() + (run.start() > 0 and text[run.start()] == " ")
            if start < run.end():
                yield Span(start, run.end())
        if word is not None:
            yield word
            end = word.end


def _trim(document: Document, annotation: Annotation) -> Annotation:
    surface = document.text[annotation.start : annotation.end]
    if not surface.strip():
        raise AnnotationError(
            f"{document.where}: annotation {annotation.label} [{annotation.start}, "
            f"{annotation.end}) holds only white space; take it out"
        )
    if not (surface[0].isspace() or surface[-1].isspace()):
        return annotation
    start = annotation.start + len(surface) - len(surface.lstrip())
    return replace(annotation, start=start, end=start + len(surface.strip()))

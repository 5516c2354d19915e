"""The automatic labeller: marks of lexicons and patterns in texts and documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources.abc import Traversable
from pathlib import Path

from ossamma.data.autolabel.lexicon import Lexicon, TermFinder
from ossamma.data.autolabel.marks import Mark, choose, choose_slowly
from ossamma.data.autolabel.patterns import Pattern, PatternFinder
from ossamma.data.autolabel.rules import (
    LEXICONS_FILE,
    PATTERNS_FILE,
    read_lexicon_rules,
    read_patterns,
)
from ossamma.data.autolabel.sources import build_lexicon
from ossamma.schema.spans import Annotation, Document


class Labeller:
    """Marks names and identifiers in texts: precisely, and never all of them.

    Of overlapping marks the longest wins, then the one of higher priority, then the leftmost.
    Building it takes a second for 100,000 terms; it is never changed afterwards.
    """

    def __init__(self, lexicon: Lexicon, patterns: Sequence[Pattern]) -> None:
        self._terms = TermFinder(lexicon)
        self._patterns = PatternFinder(patterns)
        self.labels = lexicon.labels.union(*(pattern.labels for pattern in patterns))
        """Every type that a mark may have."""

    def label(self, text: str) -> list[Annotation]:
        """Return disjoint marks in the order of the text.

        Their `origin` is `lexicon:<source>` or `pattern:<name>`, and `confidence` is that of the
        source or pattern.
        """
        marks = self._terms.find(text) + self._patterns.find(text)
        return _annotations(choose(marks))

    def label_slowly(self, text: str) -> list[Annotation]:
        """Do what `label` does, by looking for every term and every pattern everywhere."""
        marks = self._terms.find_slowly(text) + self._patterns.find_slowly(text)
        return _annotations(choose_slowly(marks))

    def label_documents(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Add marks to documents, one at a time.

        What a document has already stays, and wins over every mark that overlaps it. A type that
        the document marks exhaustively (see `Document.annotates`) gets no marks: there, its
        annotators have said that nothing is left to find. For other types silence says nothing
        before and after, so `annotates` of an annotated document stays as it is; of one without
        annotations it becomes empty: the marks are right, and not all there is.
        """
        for document in documents:
            if document.annotations is None:
                marks = self.label(document.text)
                yield replace(document, annotations=tuple(marks), annotates=frozenset())
            elif document.annotates is None:
                yield document
            else:
                yield replace(document, annotations=self._added(document))

    def _added(self, document: Document) -> tuple[Annotation, ...]:
        known = document.annotations or ()
        exhaustive = document.annotates or frozenset()
        taken = bytearray(len(document.text))
        for annotation in known:
            taken[annotation.start : annotation.end] = b"\1" * (annotation.end - annotation.start)
        new = [
            mark
            for mark in self.label(document.text)
            if taken.find(1, mark.start, mark.end) < 0 and exhaustive.isdisjoint(mark.labels)
        ]
        return tuple(sorted((*known, *new)))


def _annotations(marks: Iterable[Mark]) -> list[Annotation]:
    return [mark.annotation() for mark in marks]


def load_labeller(rules: Traversable, knowledge: Path) -> Labeller:
    """Make the labeller of a folder of rules (`lexicons.yaml`, `patterns.yaml` if there is one).

    The lexicons are read from knowledge files below the folder `knowledge`.

    Raises:
        ProfileError: the rules say something inconsistent.
        DataError: a knowledge file is missing or not what its source expects.
    """
    lexicon, _ = build_lexicon(read_lexicon_rules(rules.joinpath(LEXICONS_FILE)), knowledge)
    patterns = rules.joinpath(PATTERNS_FILE)
    return Labeller(lexicon, read_patterns(patterns) if patterns.is_file() else ())

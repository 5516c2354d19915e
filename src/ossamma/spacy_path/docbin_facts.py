"""Counts of a `.spacy` file that decide how long and in what batches training runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ossamma.data.readers.docbin import read_docbin


@dataclass(frozen=True, kw_only=True, slots=True)
class DocBinFacts:
    """Sizes of a file, or of a folder of such files."""

    documents: int
    words: int
    longest: int
    """Words of the longest document."""
    labels: dict[str, int]
    """Entities of each label, sorted by label."""
    unlabelled: int
    """Documents of which nothing is known; spaCy learns nothing from them."""

    @property
    def mean_words(self) -> float:
        """Per document."""
        return self.words / self.documents

    @property
    def entities(self) -> int:
        """All of them."""
        return sum(self.labels.values())


def docbin_facts(path: Path) -> DocBinFacts:
    """Count.

    Raises:
        DataError, FormatError: there is no such file, or it is not spaCy's.
    """
    documents = read_docbin(path).documents
    lengths = [len(document.words or ()) for document in documents]
    labels = Counter(
        annotation.label for document in documents for annotation in document.annotations or ()
    )
    return DocBinFacts(
        documents=len(documents),
        words=sum(lengths),
        longest=max(lengths),
        labels=dict(sorted(labels.items())),
        unlabelled=sum(document.annotations is None for document in documents),
    )

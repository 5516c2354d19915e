"""What a reader returns: the documents of one file and a report of what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ossamma.schema.encoding import Repair, Scheme
from ossamma.schema.spans import Document


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line that could not be read, for which its whole sentence was left out."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """Counts of what came out of a file, and everything that did not."""

    documents: int
    """Number of documents."""
    sentences: int
    """Sentences that the source itself marks; 0 where it marks none."""
    words: int
    """Words that the source itself marks; 0 where it marks none."""
    entities: int
    """Annotations of all documents together."""
    labels: Mapping[str, int] = field(default_factory=dict)
    """How many annotations each type has; several candidates are written `A|B`."""
    scheme: Scheme | None = None
    """The tag scheme that was detected or stated; None for formats without tags."""
    repair: Repair | None = None
    """The policy by which forbidden tags were repaired; None for formats without tags."""
    repaired_tags: int = 0
    """Tags that the repair policy changed (see `decode_tags`)."""
    comments: int = 0
    """Lines read as comments."""
    dropped_words: int = 0
    """Lines with an empty word that were left out, as the settings ask."""
    skipped_sentences: int = 0
    """Sentences left out because of `skipped` lines."""
    skipped: tuple[SkippedLine, ...] = ()
    """The faulty lines with their reasons, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of one file, in its order, with the report of their reading."""

    path: Path
    format: str
    """The name of the reader's format, such as `conll`."""
    documents: tuple[Document, ...]
    report: ReadReport


def count_labels(documents: Sequence[Document]) -> dict[str, int]:
    """Count the annotations by type, the most frequent first."""
    counts = Counter(
        annotation.label for document in documents for annotation in document.annotations or ()
    )
    return dict(counts.most_common())

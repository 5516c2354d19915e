"""What a reader returns: the documents of one file and a report of what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ossamma.schema.encoding import Repair, Scheme
from ossamma.schema.spans import Document


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader has to say of one line (1-based) of its file."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """Counts of what came out of a file, everything that did not, and what else is to be said."""

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
    """Sentences left out because of faulty lines, each of which stands in `skipped`."""
    skipped: tuple[Remark, ...] = ()
    """What was left out and why, in the order of the file: faulty lines (with their sentence),
    marks, relations, whole documents."""
    notes: tuple[Remark, ...] = ()
    """What a person should look at although nothing was left out for it, in the same order."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of one file, in its order, with the report of their reading."""

    path: Path
    format: str
    """The name of the reader's format, such as `conll`."""
    documents: tuple[Document, ...]
    report: ReadReport


class LeftOut:
    """Everything of a file that was not kept, item by item."""

    def __init__(self) -> None:
        self._items: list[Remark] = []

    def add(self, line: int, reason: str) -> None:
        """Remember one item."""
        self._items.append(Remark(line, reason))

    def in_order(self) -> tuple[Remark, ...]:
        """Return the items by their lines."""
        return tuple(sorted(self._items, key=lambda item: item.line))


def make_corpus(
    path: Path,
    format_name: str,
    documents: Sequence[Document],
    left_out: LeftOut,
    *,
    notes: Iterable[Remark] = (),
) -> Corpus:
    """Count what was read."""
    report = ReadReport(
        documents=len(documents),
        sentences=sum(len(document.sentence_starts) for document in documents),
        words=sum(len(document.words or ()) for document in documents),
        entities=sum(len(document.annotations or ()) for document in documents),
        labels=count_labels(documents),
        skipped=left_out.in_order(),
        notes=tuple(notes),
    )
    return Corpus(path, format_name, tuple(documents), report)


def count_labels(documents: Sequence[Document]) -> dict[str, int]:
    """Count the annotations by type, the most frequent first."""
    counts = Counter(
        annotation.label for document in documents for annotation in document.annotations or ()
    )
    return dict(counts.most_common())

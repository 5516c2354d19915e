"""Documents of a corpus one at a time, with a report of what was left out that stays small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ossamma.data.archives import ArchiveLimits
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document

_EXAMPLES: Final = 5
_ENOUGH_TO_JUDGE: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusLimits:
    """What a corpus may cost: memory is bounded by these, whatever the size of its files."""

    max_document_characters: int = 2**24
    """A longer document is left out; a book has a million."""
    max_line_bytes: int = 2**26
    """A file with a longer line is refused, as is one whose XML has a longer record."""
    max_row_group_bytes: int = 2**31
    """A Parquet file with a larger row group, unpacked, is refused."""
    max_fault_share: float = 0.1
    """A corpus of which a larger share of documents is damaged is refused as a whole."""
    packed: ArchiveLimits = field(default_factory=lambda: ArchiveLimits(max_bytes=2**43))
    """How much a compressed file may swell."""

    def __post_init__(self) -> None:
        for name in ("max_document_characters", "max_line_bytes", "max_row_group_bytes"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not 0.0 <= self.max_fault_share <= 1.0:
            raise ConfigurationError(
                f"max_fault_share must lie in [0, 1], got {self.max_fault_share}"
            )


DEFAULT_LIMITS: Final = CorpusLimits()


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file or folder to read; `name` begins the ids of its documents."""

    path: Path
    name: str
    limits: CorpusLimits = DEFAULT_LIMITS


class LeftOutCounts:
    """What a reader did not hand out, by reason: how often, and where first.

    Something is skipped because it is not wanted (a redirect, an article without abstract), or
    because it is damaged: a fault.
    """

    def __init__(self) -> None:
        self.num_faults = 0
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def skip(self, reason: str, place: str) -> None:
        """Count something that is not wanted."""
        self._counts[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(place)

    def fault(self, reason: str, place: str) -> None:
        """Count something that is damaged."""
        self.num_faults += 1
        self.skip(reason, place)

    @property
    def counts(self) -> dict[str, int]:
        """How often each reason occurred, sorted by reason."""
        return dict(sorted(self._counts.items()))

    @property
    def examples(self) -> dict[str, tuple[str, ...]]:
        """The first places of each reason, sorted by reason."""
        return {reason: tuple(places) for reason, places in sorted(self._examples.items())}


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """What was read so far, and what was left out: counts by reason, and the first places."""

    documents: int
    characters: int
    left_out: Mapping[str, int]
    examples: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "documents": self.documents,
            "characters": self.characters,
            "left_out": dict(self.left_out),
            "examples": {reason: list(places) for reason, places in self.examples.items()},
        }


class CorpusStream(Iterator[Document]):
    """The documents of a corpus, one at a time, in its order; `report` counts those so far."""

    def __init__(
        self, documents: Iterator[Document], left_out: LeftOutCounts, corpus: CorpusFile
    ) -> None:
        self._documents = documents
        self._left_out = left_out
        self._corpus = corpus
        self._num_documents = self._num_characters = 0

    def __next__(self) -> Document:
        """Return the next document that has a visible character. Raises StopIteration at the end.

        Raises:
            DataError: the file cannot be read, or too many of its documents are damaged.
            FormatError: it is not of its format, with line or element, when that is reached.
        """
        limit = self._corpus.limits.max_document_characters
        for document in self._documents:
            if len(document.text) > limit:
                self._left_out.skip(f"longer than {limit} characters", document.where)
            elif document.text.isspace() or not document.text:
                self._left_out.skip("empty", document.where)
            else:
                self._num_documents += 1
                self._num_characters += len(document.text)
                if self._num_documents % _ENOUGH_TO_JUDGE == 0:
                    self._judge()
                return document
        self._judge()
        raise StopIteration

    @property
    def report(self) -> CorpusReport:
        """What was read so far; complete when the stream has ended."""
        return CorpusReport(
            self._num_documents,
            self._num_characters,
            self._left_out.counts,
            self._left_out.examples,
        )

    def _judge(self) -> None:
        """Refuse a corpus that is damaged throughout: it is hardly of the format it was read as."""
        faults = self._left_out.num_faults
        share = self._corpus.limits.max_fault_share
        if faults > share * (faults + self._num_documents):
            examples = "; ".join(
                f"{reason}: {places[0]}" for reason, places in self._left_out.examples.items()
            )
            raise DataError(
                f"{self._corpus.path}: expected at most {share:.0%} damaged documents, got "
                f"{faults} of {faults + self._num_documents} ({examples}); check the format and "
                "its options"
            )

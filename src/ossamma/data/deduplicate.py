"""Drop documents that repeat an earlier one, exactly or nearly, in one pass over a stream.

Who is added first stays. Add the test documents first, then dev, then train, and within a split
the sources by priority: a training document that repeats a test document goes, never the reverse.

Memory for each kept document is about 400 bytes whatever its length (see `near_index.py`).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from ossamma.data.key_index import KeyIndex
from ossamma.data.near_index import Fingerprint, NearIndex, NearSettings
from ossamma.data.text_prints import TextPrint, batches, prints_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

_SHOWN: Final = 160
_RAW_BYTES: Final = 8


class Duplication(StrEnum):
    """How a document repeats another one."""

    EXACT = "exact"
    """Equal after Unicode NFKC, case folding and squeezing of white space."""
    NEAR = "near"
    """Similar at or above the threshold, by words in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeduplicateSettings:
    """What is dropped as a duplicate."""

    near: NearSettings | None = field(default_factory=NearSettings)
    """How near duplicates are found; None: exact ones only."""
    spare_within: frozenset[str] = frozenset({"test", "dev"})
    """Splits of which a document stays although it repeats one of the same split, so that scores
    on a published test set can still be compared. It is counted as spared."""
    examples: int = 5
    """Most examples reported for each pair of sources and kind."""

    def __post_init__(self) -> None:
        if self.examples < 0:
            raise ConfigurationError(f"examples must be >= 0, got {self.examples}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a document.

    `duplicate_of` is the id of the kept document, `dataset` and `split` are that one's. For a
    document without a duplicate `kind` is None and `similarity` 0.
    """

    keep: bool
    kind: Duplication | None = None
    duplicate_of: str | None = None
    similarity: float = 0.0
    dataset: str = ""
    split: str = ""
    mergeable: bool = False
    """The two texts are the same to the character and of one split: `merge_annotations` may
    enrich the kept document."""


@dataclass(frozen=True, slots=True, order=True)
class DuplicatePair:
    """Which source repeats which: (split, data set) of the duplicate and of the one that stays."""

    split: str
    dataset: str
    kept_split: str
    kept_dataset: str
    kind: Duplication


@dataclass(frozen=True, slots=True)
class DuplicateExample:
    """One duplicate, by the ids of both, with the beginning of its text."""

    id: str
    kept_id: str
    similarity: float
    text: str


@dataclass(frozen=True, slots=True)
class DuplicatePairReport:
    """The duplicates of one pair of sources."""

    dropped: int
    spared: int
    examples: tuple[DuplicateExample, ...]


@dataclass(frozen=True, slots=True)
class DeduplicateReport:
    """Counts of all documents: `kept + dropped == documents`; spared ones are among the kept."""

    documents: int
    kept: int
    dropped: int
    spared: int
    pairs: Mapping[DuplicatePair, DuplicatePairReport]

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values; pairs are sorted."""
        return {
            "documents": self.documents,
            "kept": self.kept,
            "dropped": self.dropped,
            "spared": self.spared,
            "pairs": [
                {
                    "split": pair.split,
                    "dataset": pair.dataset,
                    "kept_split": pair.kept_split,
                    "kept_dataset": pair.kept_dataset,
                    "kind": pair.kind.value,
                    "dropped": found.dropped,
                    "spared": found.spared,
                    "examples": [
                        {
                            "id": example.id,
                            "kept_id": example.kept_id,
                            "similarity": round(example.similarity, 3),
                            "text": example.text,
                        }
                        for example in found.examples
                    ],
                }
                for pair, found in sorted(self.pairs.items())
            ],
        }


class Deduplicator:
    """Judges documents one by one against all that it has kept."""

    def __init__(self, settings: DeduplicateSettings | None = None) -> None:
        self._settings = settings or DeduplicateSettings()
        self._keys = KeyIndex()
        self._near = NearIndex(self._settings.near) if self._settings.near else None
        self._kept = _KeptDocuments()
        self._num_documents = 0
        self._dropped: Counter[DuplicatePair] = Counter()
        self._spared: Counter[DuplicatePair] = Counter()
        self._examples: dict[DuplicatePair, list[DuplicateExample]] = {}

    @property
    def num_bytes(self) -> int:
        """Memory of the tables, without the report's examples."""
        near = self._near.num_bytes if self._near else 0
        return self._keys.num_bytes + near + self._kept.num_bytes

    def prints(self, documents: Sequence[Document]) -> list[TextPrint]:
        """Make the prints of documents' texts, by these settings."""
        return prints_of([document.text for document in documents], self._near)

    def add_all(
        self, documents: Iterable[Document], *, split: str = ""
    ) -> Iterator[tuple[Document, Verdict]]:
        """Do what `add` does for each document of a stream, some hundred at a time: faster."""
        for batch in batches(documents):
            for document, text_print in zip(batch, self.prints(batch), strict=True):
                yield document, self.add(document, split=split, text_print=text_print)

    def add(
        self, document: Document, *, split: str = "", text_print: TextPrint | None = None
    ) -> Verdict:
        """Judge a document and, if it stays, remember it.

        An exact duplicate is told from a near one. Of several near ones the most similar counts,
        of equally similar ones the first added.

        Args:
            document: the next document.
            split: its split.
            text_print: what `prints` gave for it, where it was called for many at once.
        """
        self._num_documents += 1
        if text_print is None:
            [text_print] = self.prints([document])
        number = self._keys.find(text_print.key)
        if number is not None:
            return self._judge(document, split, number, kind=Duplication.EXACT, similarity=1.0)
        verdict = Verdict(keep=True)
        if found := self._nearest(text_print.fingerprint, split):
            verdict = self._judge(
                document, split, found[0], kind=Duplication.NEAR, similarity=found[1]
            )
        if verdict.keep:
            self._remember(document, split, text_print)
        return verdict

    def report(self) -> DeduplicateReport:
        """Return the counts so far."""
        dropped, spared = self._dropped.total(), self._spared.total()
        return DeduplicateReport(
            documents=self._num_documents,
            kept=self._num_documents - dropped,
            dropped=dropped,
            spared=spared,
            pairs={
                pair: DuplicatePairReport(
                    self._dropped[pair], self._spared[pair], tuple(self._examples.get(pair, ()))
                )
                for pair in sorted(self._dropped | self._spared)
            },
        )

    def _nearest(self, fingerprint: Fingerprint, split: str) -> tuple[int, float] | None:
        """Return the nearest kept document; one of another split first if its own would spare."""
        found = self._near.neighbours(fingerprint) if self._near else []
        if split in self._settings.spare_within:
            found.sort(key=lambda item: self._kept.source(item[0])[0] == split)
        return found[0] if found else None

    def _remember(self, document: Document, split: str, text_print: TextPrint) -> None:
        number = self._keys.add(text_print.key)
        self._kept.add(document, split)
        if self._near:
            self._near.add(text_print.fingerprint, number)

    def _judge(
        self, document: Document, split: str, number: int, *, kind: Duplication, similarity: float
    ) -> Verdict:
        kept_split, kept_dataset = self._kept.source(number)
        pair = DuplicatePair(split, document.dataset, kept_split, kept_dataset, kind)
        spared = split == kept_split and split in self._settings.spare_within
        (self._spared if spared else self._dropped)[pair] += 1
        kept_id = self._kept.id(number)
        examples = self._examples.setdefault(pair, [])
        if len(examples) < self._settings.examples:
            examples.append(
                DuplicateExample(document.id, kept_id, similarity, document.text[:_SHOWN])
            )
        same_text = kind is Duplication.EXACT and self._kept.has_text(number, document.text)
        return Verdict(
            keep=spared,
            kind=kind,
            duplicate_of=kept_id,
            similarity=similarity,
            dataset=kept_dataset,
            split=kept_split,
            mergeable=same_text and split == kept_split and not spared,
        )


class _KeptDocuments:
    """Id, source and a hash of the untouched text of each kept document, without objects."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._id_ends = array("Q", [0])
        self._sources: dict[tuple[str, str], int] = {}
        self._source_names: list[tuple[str, str]] = []
        self._source_of = array("I")
        self._text_hashes = bytearray()

    @property
    def num_bytes(self) -> int:
        arrays = 8 * len(self._id_ends) + 4 * len(self._source_of)
        return len(self._ids) + len(self._text_hashes) + arrays

    def add(self, document: Document, split: str) -> None:
        source = (split, document.dataset)
        if source not in self._sources:
            self._sources[source] = len(self._source_names)
            self._source_names.append(source)
        self._source_of.append(self._sources[source])
        self._ids += document.id.encode("utf-8", "surrogatepass")
        self._id_ends.append(len(self._ids))
        self._text_hashes += _text_hash(document.text)

    def source(self, number: int) -> tuple[str, str]:
        """Split and data set."""
        return self._source_names[self._source_of[number]]

    def id(self, number: int) -> str:
        start, end = self._id_ends[number : number + 2]
        return self._ids[start:end].decode("utf-8", "surrogatepass")

    def has_text(self, number: int, text: str) -> bool:
        start = _RAW_BYTES * number
        return self._text_hashes[start : start + _RAW_BYTES] == _text_hash(text)


def _text_hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_RAW_BYTES).digest()

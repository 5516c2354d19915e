"""Decide on which side of the training each document stands, so that no later addition moves it.

A document goes by the hash of its group, or of its id where it has none. Where a corpus has an
official split that one is kept, unless a group stands on two sides: then the whole group goes to
the side that must not leak, test before dev before train.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document

PRIORITY: Final = ("test", "dev", "train")
"""The known splits; where two claim a group, the earlier one has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSettings:
    """Shares of the splits and the salt of the hash."""

    shares: Mapping[str, float] = field(
        default_factory=lambda: {"test": 0.1, "dev": 0.1, "train": 0.8}
    )
    """Share of the groups that each split gets; together 1. The order matters for what moves when
    the shares are changed: grow the first at the cost of the last and nothing else moves."""
    salt: str = "ossamma"
    """Another salt gives another division."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.shares) - set(PRIORITY))
        if unknown or not self.shares:
            raise ConfigurationError(
                f"shares must be given for splits among {', '.join(PRIORITY)}, got "
                f"{', '.join(unknown) or 'none'}"
            )
        bad = {name: share for name, share in self.shares.items() if not 0.0 <= share <= 1.0}
        if bad or abs(sum(self.shares.values()) - 1.0) > 1e-9:
            raise ConfigurationError(
                f"shares must lie in [0, 1] and sum to 1, got {dict(self.shares)}"
            )


class Reason(StrEnum):
    """Why a document stands where it stands."""

    HASH = "hash"
    """Its group's hash; no document of the group has an official split."""
    OFFICIAL = "official"
    """Its corpus says so."""
    GROUP = "group"
    """Another document of its group has an official split that goes before its own."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The split of a document and why."""

    split: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class SplitReport:
    """Documents placed, by split and reason."""

    documents: Mapping[str, int]
    reasons: Mapping[str, int]
    moved: Mapping[str, int]
    """Documents that left their official split for their group's, as `train->test`."""
    conflicting_groups: int
    """Groups with documents of two or more official splits."""

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "documents": dict(self.documents),
            "reasons": dict(self.reasons),
            "moved": dict(self.moved),
            "conflicting_groups": self.conflicting_groups,
        }


def unit_hash(name: str, salt: str) -> float:
    """Map a name to [0, 1), evenly and the same on every machine (blake2b, 53 bits)."""
    content = f"{len(salt)}:{salt}{name}".encode("utf-8", "surrogatepass")
    return (int.from_bytes(blake2b(content, digest_size=8).digest(), "big") >> 11) / 2**53


def assign(document: Document, shares: Mapping[str, float], salt: str) -> str:
    """Return the split of a document: a function of its group (else its id), shares and salt only.

    Groups of one name are one group across data sets, too.
    """
    place = unit_hash(document.group or document.id, salt)
    end = 0.0
    for split, share in shares.items():
        end += share
        if place < end:
            return split
    # The shares' sum may fall short of 1 by rounding.
    return [split for split, share in shares.items() if share > 0][-1]


class Splitter:
    """Places documents: first `observe` all that have an official split, then `place` each.

    It remembers the names of groups only, and of those only the ones with an official split.
    """

    def __init__(self, settings: SplitSettings | None = None) -> None:
        self._settings = settings or SplitSettings()
        self._sides: dict[str, str] = {}
        self._conflicting: set[str] = set()
        self._documents: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._moved: Counter[str] = Counter()

    def observe(self, document: Document, official: str) -> None:
        """Note on which side a document's corpus has it.

        Raises:
            DataError: an official split that is not known.
        """
        side = _known(document, official)
        if not document.group:
            return
        before = self._sides.setdefault(document.group, side)
        if before != side:
            self._conflicting.add(document.group)
            self._sides[document.group] = min(before, side, key=PRIORITY.index)

    def place(self, document: Document, official: str | None = None) -> Placement:
        """Return the split of a document and count it.

        Args:
            document: any document, in any order.
            official: the split that its corpus has it in; None: it has none.

        Raises:
            DataError: an official split that is not known, or was not observed before.
        """
        placement = self._place(document, official)
        self._documents[placement.split] += 1
        self._reasons[placement.reason.value] += 1
        if official is not None and placement.split != official:
            self._moved[f"{official}->{placement.split}"] += 1
        return placement

    def _place(self, document: Document, official: str | None) -> Placement:
        side = self._sides.get(document.group) if document.group else None
        if official is None:
            if side is not None:
                return Placement(side, Reason.GROUP)
            split = assign(document, self._settings.shares, self._settings.salt)
            return Placement(split, Reason.HASH)
        official = _known(document, official)
        if document.group and (side is None or PRIORITY.index(official) < PRIORITY.index(side)):
            raise DataError(
                f"{document.where}: its group {document.group!r} was never seen in the official "
                f"split {official!r}; expected every such document to be observed before the "
                "first one is placed"
            )
        if side is None or side == official:
            return Placement(official, Reason.OFFICIAL)
        return Placement(side, Reason.GROUP)

    def report(self) -> SplitReport:
        """Return the counts so far."""
        return SplitReport(
            documents={name: self._documents[name] for name in PRIORITY if self._documents[name]},
            reasons=dict(sorted(self._reasons.items())),
            moved=dict(sorted(self._moved.items())),
            conflicting_groups=len(self._conflicting),
        )


def split_documents(
    documents: Iterable[tuple[Document, str | None]], settings: SplitSettings | None = None
) -> tuple[dict[str, list[Document]], SplitReport]:
    """Split documents that fit into memory, each with its official split or None.

    Returns:
        The documents of each split, in order, and the counts.
    """
    splitter = Splitter(settings)
    pairs = list(documents)
    for document, official in pairs:
        if official is not None:
            splitter.observe(document, official)
    splits: dict[str, list[Document]] = {name: [] for name in PRIORITY}
    for document, official in pairs:
        splits[splitter.place(document, official).split].append(document)
    return splits, splitter.report()


def _known(document: Document, official: str) -> str:
    if official not in PRIORITY:
        raise DataError(
            f"{document.where}: expected an official split among {', '.join(PRIORITY)}, got "
            f"{official!r}; name the file's split by one of them"
        )
    return official

"""The leak report: what splits share with each other, counted, with examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ossamma.data.leaks import KINDS, HeldOut, LeakSettings, Shared
from ossamma.data.minhash import normalise
from ossamma.data.text_prints import batches
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document

_ORDER: Final = ("test", "dev", "train")
_SHOWN: Final = 160
_Surface = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LeakExample:
    """One shared thing: the ids of both documents and the text that is shared."""

    held_id: str
    id: str
    similarity: float
    text: str


@dataclass(frozen=True, slots=True)
class LeakCount:
    """How many documents of each side share something, with the first examples."""

    held: int
    """Documents of the held-out split that the other split has, each counted once."""
    other: int
    """Documents of the other split that have something of the held-out one."""
    examples: tuple[LeakExample, ...]


@dataclass(frozen=True, slots=True)
class SurfaceOverlap:
    """Surfaces of one type in a held-out split, and how many the other split marks with the type.

    Surfaces are compared after normalisation (see `minhash.normalise`).
    """

    surfaces: int
    surfaces_seen: int
    mentions: int
    mentions_seen: int

    @property
    def share(self) -> float:
        """Share of the distinct surfaces that were seen, in [0, 1]."""
        return self.surfaces_seen / self.surfaces if self.surfaces else 0.0


@dataclass(frozen=True, slots=True)
class PairLeaks:
    """What one split shares with another one."""

    held: str
    other: str
    leaks: Mapping[str, LeakCount]
    """By kind: `exact`, `near`, `sentence`. A pair of documents is either exact or near."""
    surfaces: Mapping[str, SurfaceOverlap]
    """By type; several candidate types are written `A|B`."""


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The leaks of all pairs of splits, the held-out one of a pair first."""

    documents: Mapping[str, int]
    pairs: tuple[PairLeaks, ...]

    def num_leaks(self, kinds: Sequence[str] = KINDS) -> int:
        """Return how many documents of held-out splits leak, summed over pairs and kinds."""
        return sum(pair.leaks[kind].held for pair in self.pairs for kind in kinds)

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "documents": dict(self.documents),
            "pairs": [_pair_to_json(pair) for pair in self.pairs],
        }


def leak_report(
    splits: Mapping[str, Iterable[Document]],
    settings: LeakSettings | None = None,
    *,
    num_examples: int = 5,
) -> LeakReport:
    """Compare every split with those held out from it: test first, then dev, then others, train.

    Each iterable is read once; all but the last are remembered (see `leaks.py`).
    """
    names = sorted(splits, key=lambda name: (_rank(name), name))
    held_out = HeldOut(settings)
    documents: Counter[str] = Counter()
    surfaces: dict[str, Counter[_Surface]] = {}
    pairs = []
    for name in names:
        tallies = [_Tally(held, held_out, surfaces[held], num_examples) for held in surfaces]
        own = surfaces[name] = Counter()
        for batch in batches(splits[name]):
            documents[name] += len(batch)
            prints = held_out.prints(batch)
            found = held_out.shared_by_each(batch, prints) if tallies else [[]] * len(batch)
            for document, text_print, shared in zip(batch, prints, found, strict=True):
                marked = list(_surfaces(document))
                for tally in tallies:
                    tally.add(document, marked, shared)
                if name != names[-1]:
                    held_out.add(document, name, text_print)
                    own.update(marked)
        pairs += [tally.pair(name) for tally in tallies]
    return LeakReport({name: documents[name] for name in names}, tuple(pairs))


def assert_no_leaks(report: LeakReport, kinds: Sequence[str] = KINDS) -> None:
    """Refuse splits that share documents or long sentences.

    Raises:
        DataError: a leak of one of these kinds, with the counts and the first example.
    """
    found = [
        (pair, kind, pair.leaks[kind])
        for pair in report.pairs
        for kind in kinds
        if pair.leaks[kind].held
    ]
    if not found:
        return
    counts = "; ".join(
        f"{count.held} of {report.documents[pair.held]} documents of {pair.held!r} in "
        f"{pair.other!r} ({kind})"
        for pair, kind, count in found
    )
    shown = [example for _, _, count in found for example in count.examples[:1]]
    first = (
        f"; the first is {shown[0].held_id!r} in {shown[0].id!r}: {shown[0].text!r}"
        if shown
        else ""
    )
    raise DataError(
        f"expected splits that share no document and no long sentence, got {counts}{first}. Drop "
        "the duplicates (deduplicate) and clean the training documents (clean) before the split "
        "is used"
    )


class _Tally:
    """What one split shares with one held-out split, while it is counted."""

    def __init__(
        self, held: str, held_out: HeldOut, surfaces: Counter[_Surface], num_examples: int
    ) -> None:
        self._name = held
        self._held_out = held_out
        self._surfaces = surfaces
        self._seen: set[_Surface] = set()
        self._num_examples = num_examples
        self._held: dict[str, set[int]] = {kind: set() for kind in KINDS}
        self._others: Counter[str] = Counter()
        self._examples: dict[str, list[LeakExample]] = {kind: [] for kind in KINDS}

    def add(
        self, document: Document, marked: Sequence[_Surface], all_shared: Sequence[Shared]
    ) -> None:
        """Count a document by its surfaces and by what it shares with any held-out split."""
        self._seen.update(surface for surface in marked if surface in self._surfaces)
        first: dict[str, Shared] = {}
        for shared in all_shared:
            if self._held_out.name(shared.held)[0] == self._name:
                self._held[shared.kind].add(shared.held)
                first.setdefault(shared.kind, shared)
        self._others.update(first.keys())
        for kind, shared in first.items():
            if len(self._examples[kind]) < self._num_examples:
                self._examples[kind].append(self._example(document, shared))

    def pair(self, other: str) -> PairLeaks:
        """Return the counts of the split of this name beside the held-out one."""
        leaks = {
            kind: LeakCount(len(self._held[kind]), self._others[kind], tuple(self._examples[kind]))
            for kind in KINDS
        }
        return PairLeaks(self._name, other, leaks, _overlaps(self._surfaces, self._seen))

    def _example(self, document: Document, shared: Shared) -> LeakExample:
        place = slice(0, None)
        if shared.place is not None:
            place = slice(shared.place.start, shared.place.end)
        return LeakExample(
            held_id=self._held_out.name(shared.held)[1],
            id=document.id,
            similarity=shared.similarity,
            text=document.text[place][:_SHOWN],
        )


def _rank(name: str) -> int:
    known = {split: rank for rank, split in enumerate(_ORDER)}
    # Whatever else there is comes between dev and train.
    return 2 * known.get(name, 1) + (name not in known)


def _surfaces(document: Document) -> Iterator[_Surface]:
    for mark in document.annotations or ():
        yield mark.label, normalise(document.text[mark.start : mark.end])


def _overlaps(held: Counter[_Surface], seen: set[_Surface]) -> dict[str, SurfaceOverlap]:
    by_type: dict[str, list[tuple[int, bool]]] = {}
    for surface, mentions in held.items():
        by_type.setdefault(surface[0], []).append((mentions, surface in seen))
    return {
        name: SurfaceOverlap(
            surfaces=len(rows),
            surfaces_seen=sum(is_seen for _, is_seen in rows),
            mentions=sum(mentions for mentions, _ in rows),
            mentions_seen=sum(mentions for mentions, is_seen in rows if is_seen),
        )
        for name, rows in sorted(by_type.items())
    }


def _pair_to_json(pair: PairLeaks) -> dict[str, object]:
    return {
        "held": pair.held,
        "other": pair.other,
        "leaks": {
            kind: {
                "held": count.held,
                "other": count.other,
                "examples": [
                    {
                        "held_id": example.held_id,
                        "id": example.id,
                        "similarity": round(example.similarity, 3),
                        "text": example.text,
                    }
                    for example in count.examples
                ],
            }
            for kind, count in pair.leaks.items()
        },
        "surfaces": {
            name: {
                "surfaces": overlap.surfaces,
                "surfaces_seen": overlap.surfaces_seen,
                "share": round(overlap.share, 4),
                "mentions": overlap.mentions,
                "mentions_seen": overlap.mentions_seen,
            }
            for name, overlap in pair.surfaces.items()
        },
    }

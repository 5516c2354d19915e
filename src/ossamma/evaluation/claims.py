"""The three claims about dual gating, each as figures made for it, counted document by document.

The plan says that gating by the global branch helps with long-range dependencies, with entity
boundaries and with rare types. Micro-F1 cannot tell these apart. Every metric here is a function
from a judged document to `Counts`, so that it adds up over documents and can be resampled like any
score; each says which ratio of its counts is the figure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.ruler import Ruler
from ossamma.evaluation.scores import Counts
from ossamma.evaluation.slices import surface, surfaces_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document

Figure = Literal["precision", "recall", "f1"]
_SAME_BORDERS = (Relation.CORRECT, Relation.WRONG_TYPE)
_OTHER_BORDERS = (Relation.WRONG_BOUNDARY, Relation.WRONG_BOTH)


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Distances d in words with above < d <= up_to."""

    above: float = 0.0
    """Distances up to this one are too near."""
    up_to: float = math.inf
    """Larger distances are too far."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.above < self.up_to:
            raise ConfigurationError(
                f"a band needs 0 <= above < up_to, got {self.above} and {self.up_to}"
            )

    def __contains__(self, distance: float) -> bool:
        return self.above < distance <= self.up_to


@dataclass(frozen=True, slots=True)
class ClaimMetric:
    """One column of an ablation's table."""

    name: str
    figure: Figure
    """Which ratio of the counts it is."""
    meaning: str
    """What it says, in a sentence."""
    count: Callable[[JudgedDocument], Counts]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the plan claims: without a part, a figure falls."""

    name: str
    statement: str
    """The plan's own words."""
    metric: str
    """Name of the figure that should fall."""
    variants: tuple[str, ...]
    """Names of the variants that lack the part."""


CLAIMS = (
    Claim(
        "long-range",
        "Long-range entity dependencies (through GLU global context)",
        "repeats far",
        ("no-gates", "no-input-gate", "no-output-gate"),
    ),
    Claim(
        "boundaries",
        "Entity boundary detection (through input gating)",
        "exact borders",
        ("no-input-gate", "no-gates"),
    ),
    Claim(
        "rare types",
        "Rare entity types (through output gate injection)",
        "rare types",
        ("no-output-gate", "no-gates"),
    ),
    Claim(
        "rare surfaces",
        "Rare entity types (through output gate injection)",
        "unseen surfaces",
        ("no-output-gate", "no-gates"),
    ),
)
"""The plan's claims; the third is asked twice, of types and of names."""


def rare_types(documents: Iterable[Document], *, share: float = 1 / 3) -> frozenset[str]:
    """Return the types with the fewest mentions: a share of all types, rounded, at least one.

    Of types with equally many mentions the first by name is the rarer one. A mark with several
    candidate types counts for none of them.

    Args:
        documents: the training documents.
        share: of the types that occur, in (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise ConfigurationError(f"share must lie in (0, 1], got {share}")
    mentions = Counter(
        mark.label
        for document in documents
        for mark in document.annotations or ()
        if len(mark.labels) == 1
    )
    ranked = sorted(mentions, key=lambda name: (mentions[name], name))
    return frozenset(ranked[: max(round(share * len(ranked)), 1)])


def claim_metrics(
    train: Iterable[Document], *, reach: int, context: float = math.inf
) -> tuple[ClaimMetric, ...]:
    """Return the figures of an ablation: the strict score, then those made for the claims.

    Args:
        train: the training documents, which decide what is rare or unseen.
        reach: words that a piece sees to either side through the window attention of one layer. A
            word is at least one piece, so that what is farther in words is farther in pieces.
        context: words beyond which two mentions may not stand in one window of the recogniser:
            nothing can connect those.
    """
    documents = tuple(train)
    seen, rare = surfaces_of(documents), rare_types(documents)
    near, far = Band(up_to=reach), Band(above=reach, up_to=max(context, reach + 1))
    return (
        ClaimMetric("micro-F1", "f1", "Strict micro-F1 over all types.", strict_counts),
        ClaimMetric(
            "repeats near",
            "recall",
            f"Recall of names unseen in training whose last mention is at most {reach} words back.",
            partial(repeat_counts, band=near, seen=seen),
        ),
        ClaimMetric(
            "repeats far",
            "recall",
            f"Recall of names unseen in training whose last mention is more than {reach} words "
            "back, out of sight of the window attention of one layer.",
            partial(repeat_counts, band=far, seen=seen),
        ),
        ClaimMetric(
            "consistency far",
            "recall",
            f"Share of names mentioned again after more than {reach} words that get the same "
            "answer both times.",
            partial(consistency_counts, band=far),
        ),
        ClaimMetric(
            "exact borders",
            "recall",
            "Share of the entities that were touched at all whose borders are exactly right.",
            border_counts,
        ),
        ClaimMetric(
            "rare types",
            "f1",
            f"Strict F1 of the rarest third of the types: {', '.join(sorted(rare))}.",
            partial(type_counts, types=rare),
        ),
        ClaimMetric(
            "unseen surfaces",
            "f1",
            "Strict F1 of the mentions whose surface no training mention has.",
            partial(unseen_counts, seen=seen),
        ),
    )


def strict_counts(judged: JudgedDocument) -> Counts:
    """Count what is right, invented and missed, as `strict_scores` does."""
    return _sum(map(_of_pair, judged.pairs))


def border_counts(judged: JudgedDocument) -> Counts:
    """Count gold entities that a prediction touches: found with exact borders, or missed with not.

    The recall of these counts is the share with exactly right borders, whatever the type. What
    nothing touches is no question of borders and is left out.
    """
    relations = [pair.relation for pair in judged.pairs]
    exact = sum(relation in _SAME_BORDERS for relation in relations)
    other = sum(relation in _OTHER_BORDERS for relation in relations)
    return Counts(exact, 0, other)


def type_counts(judged: JudgedDocument, *, types: Set[str]) -> Counts:
    """Count like `strict_counts`, gold marks and predictions of these types only."""
    return _sum(
        _of_pair(
            pair,
            gold=pair.gold is not None and pair.gold.label in types,
            predicted=pair.predicted is not None and pair.predicted.label in types,
        )
        for pair in judged.pairs
    )


def unseen_counts(judged: JudgedDocument, *, seen: Set[str]) -> Counts:
    """Count like `strict_counts`, gold marks and predictions of unseen surfaces only."""
    text = judged.document.text
    return _sum(
        _of_pair(
            pair,
            gold=pair.gold is not None and _surface(text, pair.gold) not in seen,
            predicted=pair.predicted is not None and surface(pair.predicted.text) not in seen,
        )
        for pair in judged.pairs
    )


def repeat_counts(judged: JudgedDocument, *, band: Band, seen: Set[str]) -> Counts:
    """Count repeated mentions of unseen surfaces, found or missed, by the distance to the last.

    A mention is repeated if an earlier mention in the document has its surface and label. Training
    has not shown the name, so the document has to say what it is; the nearest place that may say
    it is the last mention.
    """
    text = judged.document.text
    found = [
        pair.relation is Relation.CORRECT
        for pair, _, distance in _repeats(judged)
        if distance in band and pair.gold is not None and _surface(text, pair.gold) not in seen
    ]
    return Counts(sum(found), 0, len(found) - sum(found))


def consistency_counts(judged: JudgedDocument, *, band: Band) -> Counts:
    """Count repeated mentions that get the answer of the last one (found), or another (missed).

    An answer is the type predicted on exactly this span, or that there is none.
    """
    same = [
        _answer(pair) == _answer(earlier)
        for pair, earlier, distance in _repeats(judged)
        if distance in band
    ]
    return Counts(sum(same), 0, len(same) - sum(same))


def _of_pair(pair: Pair, *, gold: bool = True, predicted: bool = True) -> Counts:
    """Count the sides of a pair that are asked for."""
    if pair.relation is Relation.CORRECT:
        # Rightly found: both sides have one span; of types, the gold mark's row counts.
        return Counts(true_positives=int(gold))
    return Counts(
        false_positives=int(predicted and pair.predicted is not None),
        false_negatives=int(gold and pair.gold is not None),
    )


def _repeats(judged: JudgedDocument) -> Iterator[tuple[Pair, Pair, int]]:
    """Yield each repeated gold mention with the last one and their distance in words."""
    document = judged.document
    ruler = Ruler(document)
    last: dict[tuple[str, str], tuple[Pair, int]] = {}
    for pair in judged.pairs:
        if pair.gold is None:
            continue
        place = ruler.first(pair.gold.start)
        key = (_surface(document.text, pair.gold), pair.gold.label)
        if key in last:
            earlier, before = last[key]
            yield pair, earlier, place - before
        last[key] = (pair, place)


def _answer(pair: Pair) -> str | None:
    exact = pair.relation in _SAME_BORDERS and pair.predicted is not None
    return pair.predicted.label if exact and pair.predicted is not None else None


def _surface(text: str, mark: Annotation) -> str:
    return surface(text[mark.start : mark.end])


def _sum(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())

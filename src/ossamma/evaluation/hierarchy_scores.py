"""Strict scores of the nodes of a hierarchy: a sibling's type is right at their parent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ossamma.evaluation.judge import JudgedDocument
from ossamma.evaluation.matching import match
from ossamma.evaluation.scores import Counts, counts_to_json
from ossamma.schema.hierarchy import Hierarchy


@dataclass(frozen=True, slots=True)
class NodeScores:
    """Counts of each node that has gold marks or predictions, in sorted order of the names."""

    per_node: Mapping[str, Counts]

    def to_json(self) -> dict[str, object]:
        """Ratios and counts of each node."""
        return {name: counts_to_json(counts) for name, counts in sorted(self.per_node.items())}


_Spot: TypeAlias = tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]
"""The candidate types of each mark of one span, and the types predicted there, both sorted."""


def hierarchy_scores(judged: Iterable[JudgedDocument], hierarchy: Hierarchy) -> NodeScores:
    """Score the graph labels and the roll-ups of a hierarchy.

    A prediction is right at a node if a mark has its borders and both types stand below the node,
    whichever they are. A mark `A|B` is the node's if both types stand below it; if only one does,
    it is neither found nor missed there, and it vouches for a prediction of its span and one of
    its types, which is then left out. Types that a document does not annotate stay out, as
    everywhere: a node is then scored over the others of its types.
    """
    nodes = {name: hierarchy.types_below(name) for name in hierarchy.properties}
    nodes |= {roll_up.name: roll_up.types for roll_up in hierarchy.roll_ups}
    totals: dict[str, Counts] = defaultdict(Counts)
    spots = Counter(spot for document in judged for spot in _spots(document))
    for (marks, claims), number in spots.items():
        for node, below in nodes.items():
            found, invented, missed = _count_spot(marks, claims, below)
            totals[node] += Counts(number * found, number * invented, number * missed)
    return NodeScores({name: totals[name] for name in sorted(nodes) if totals[name] != Counts()})


def _spots(judged: JudgedDocument) -> Iterable[_Spot]:
    """Gather what a document has at each span. Marks that are not judged have no say."""
    spots: dict[tuple[int, int], tuple[list[tuple[str, ...]], list[str]]] = {}
    for pair in judged.pairs:
        if pair.gold is not None:
            place = pair.gold.start, pair.gold.end
            spots.setdefault(place, ([], []))[0].append(pair.gold.labels)
        if pair.predicted is not None:
            place = pair.predicted.start, pair.predicted.end
            spots.setdefault(place, ([], []))[1].append(pair.predicted.label)
    return ((tuple(sorted(marks)), tuple(sorted(claims))) for marks, claims in spots.values())


def _count_spot(
    marks: Sequence[tuple[str, ...]], claims: Sequence[str], below: frozenset[str]
) -> tuple[int, int, int]:
    """Found, invented and missed entities of a node at one span.

    A repetition (the same one type again) is never right, on either side.
    """
    wanted = [types for types in marks if below.issuperset(types)]
    sole = {types for types in wanted if len(types) == 1}
    num_open = sum(len(types) > 1 for types in wanted)
    claimed = [name for name in claims if name in below]
    different = sorted(set(claimed))
    found = min(len(sole) + num_open, len(different))
    doubtful = [types for types in marks if types not in wanted and not below.isdisjoint(types)]
    vouched = min(len(different) - found, _most_vouched(doubtful, different))
    return found, len(claimed) - found - vouched, len(wanted) - found


def _most_vouched(marks: Sequence[tuple[str, ...]], claims: Sequence[str]) -> int:
    """How many of these predicted types can each have a mark of its own that allows it."""
    if not marks or not claims:
        return 0

    def worth(row: int, column: int) -> tuple[int] | None:
        return (1,) if claims[column] in marks[row] else None

    return len(match([(0, 1)] * len(marks), [(0, 1)] * len(claims), worth))

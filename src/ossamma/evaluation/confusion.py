"""Confusion of types: which type was taken for which, what was missed and what was invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ossamma.evaluation.judge import JudgedDocument, Relation
from ossamma.evaluation.scores import Counts

Table: TypeAlias = tuple[tuple[int, ...], ...]
"""A row per gold type, a column per predicted type."""

_SAME_BORDERS = (Relation.CORRECT, Relation.WRONG_TYPE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    """Counts of aligned pairs by gold type (rows) and predicted type (columns).

    `counts` has every pair of overlapping spans, `same_borders` those of them with equal borders,
    of which the diagonal is right. A row of `counts` and what was missed of it sum to the gold
    marks of that type; a column and what is spurious in it to the predictions. `A|B` has a row and
    a column of its own: a right prediction of such a mark stands on its diagonal.
    """

    types: tuple[str, ...]
    counts: Table
    same_borders: Table
    missed: tuple[int, ...]
    spurious: tuple[int, ...]

    def counts_of(self, name: str) -> Counts:
        """True and false positives and false negatives of a type, as strict scores have them."""
        index = self.types.index(name)
        right = self.same_borders[index][index]
        claimed = sum(row[index] for row in self.counts) + self.spurious[index]
        wanted = sum(self.counts[index]) + self.missed[index]
        return Counts(right, claimed - right, wanted - right)

    def to_json(self) -> dict[str, object]:
        """Plain lists under fixed keys."""
        return {
            "types": list(self.types),
            "counts": [list(row) for row in self.counts],
            "same_borders": [list(row) for row in self.same_borders],
            "missed": list(self.missed),
            "spurious": list(self.spurious),
        }


def confusion(judged: Iterable[JudgedDocument]) -> Confusion:
    """Count the pairs of all documents by their two types."""
    pairs: Counter[tuple[str, str, bool]] = Counter()
    missed: Counter[str] = Counter()
    spurious: Counter[str] = Counter()
    for document in judged:
        for pair in document.pairs:
            if pair.predicted is None:
                assert pair.gold is not None, "a pair has a side"
                missed[pair.gold.label] += 1
            elif pair.gold is None:
                spurious[pair.predicted.label] += 1
            else:
                right = pair.relation is Relation.CORRECT
                column = pair.gold.label if right else pair.predicted.label
                pairs[pair.gold.label, column, pair.relation in _SAME_BORDERS] += 1
    named = {name for wanted, claimed, _ in pairs for name in (wanted, claimed)}
    types = tuple(sorted(named | missed.keys() | spurious.keys()))

    def table(*kinds: bool) -> Table:
        return tuple(
            tuple(sum(pairs[row, column, kind] for kind in kinds) for column in types)
            for row in types
        )

    return Confusion(
        types=types,
        counts=table(False, True),
        same_borders=table(True),
        missed=tuple(missed[name] for name in types),
        spurious=tuple(spurious[name] for name in types),
    )

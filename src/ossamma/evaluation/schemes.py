"""Four schemes of what counts as right: strict, exact, partial and type (SemEval-2013, task 9.1).

Every scheme is scored by its own matching: of all one-to-one matchings of overlapping spans the one
with the most credit, of those the one with the most pairs. So no order of spans changes a figure,
and more can be right under one scheme than the alignment of `judge` shows, which prefers what is
right under the strict one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation, relation_of, repeated
from ossamma.evaluation.matching import Worth, match
from ossamma.evaluation.scores import Ratios, mean_ratios, ratio, ratios_to_json
from ossamma.schema.spans import Annotation, Entity


class Scheme(StrEnum):
    """When a predicted entity counts as right."""

    STRICT = "strict"
    """The borders and the type of its gold mark."""
    EXACT = "exact"
    """The borders; the type does not matter."""
    PARTIAL = "partial"
    """The borders; where they only overlap, half. The type does not matter."""
    TYPE = "type"
    """The type, where the two overlap."""


class Outcome(StrEnum):
    """What a scheme says of a mark or a prediction."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    PARTIAL = "partial"
    ALONE = "alone"
    """Without a partner: missed on the side of the gold marks, spurious on the other."""


_SAME_BORDERS: Final = (Relation.CORRECT, Relation.WRONG_TYPE)
_RIGHT_TYPE: Final = (Relation.CORRECT, Relation.WRONG_BOUNDARY)
_OVERLAPPING: Final = (*_SAME_BORDERS, Relation.WRONG_BOUNDARY, Relation.WRONG_BOTH)


def _outcomes_where(right: Sequence[Relation], otherwise: Outcome) -> Mapping[Relation, Outcome]:
    """Outcome of each relation of a pair: CORRECT for those that are right."""
    table = {one: Outcome.CORRECT if one in right else otherwise for one in _OVERLAPPING}
    return MappingProxyType(table)


OUTCOMES: Final[Mapping[Scheme, Mapping[Relation, Outcome]]] = MappingProxyType(
    {
        Scheme.STRICT: _outcomes_where([Relation.CORRECT], Outcome.INCORRECT),
        Scheme.EXACT: _outcomes_where(_SAME_BORDERS, Outcome.INCORRECT),
        Scheme.PARTIAL: _outcomes_where(_SAME_BORDERS, Outcome.PARTIAL),
        Scheme.TYPE: _outcomes_where(_RIGHT_TYPE, Outcome.INCORRECT),
    }
)
HALVES: Final[Mapping[Outcome, int]] = MappingProxyType(
    {Outcome.CORRECT: 2, Outcome.PARTIAL: 1, Outcome.INCORRECT: 0}
)
"""Credit of a pair, in halves."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Outcomes of one side: of gold marks, or of predictions."""

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    alone: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.correct + other.correct,
            self.incorrect + other.incorrect,
            self.partial + other.partial,
            self.alone + other.alone,
        )

    @property
    def total(self) -> int:
        """Number of marks or predictions: `possible` or `actual` in the words of the task."""
        return self.correct + self.incorrect + self.partial + self.alone

    @property
    def credit(self) -> float:
        """What is right, a partial one by half."""
        return self.correct + self.partial / 2


@dataclass(frozen=True, slots=True)
class SchemeCounts:
    """Outcomes of the gold marks and of the predictions, of one type or of all together.

    Of one type the two sides differ where a type does not matter: a PERSON that was found as a
    PLACE is correct among the gold PERSONs and among the predicted PLACEs.
    """

    gold: Tally = field(default_factory=Tally)
    predicted: Tally = field(default_factory=Tally)

    def __add__(self, other: SchemeCounts) -> SchemeCounts:
        return SchemeCounts(self.gold + other.gold, self.predicted + other.predicted)

    @property
    def precision(self) -> float:
        """Credit of the predictions by their number, in [0, 1]."""
        return ratio(self.predicted.credit, self.predicted.total)

    @property
    def recall(self) -> float:
        """Credit of the gold marks by their number, in [0, 1]."""
        return ratio(self.gold.credit, self.gold.total)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        return ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def support(self) -> int:
        """Number of gold marks."""
        return self.gold.total

    def to_json(self) -> dict[str, float]:
        """Ratios, outcomes, and the credit as counts.

        `correct`, `incorrect`, `partial` and `missed` are of the gold marks. `tp` is their credit
        and `fn` what they lack of it; `fp` is what the predictions lack.
        """
        return {
            **ratios_to_json(self),
            "support": self.support,
            "tp": self.gold.credit,
            "fp": self.predicted.total - self.predicted.credit,
            "fn": self.gold.total - self.gold.credit,
            "correct": self.gold.correct,
            "incorrect": self.gold.incorrect,
            "partial": self.gold.partial,
            "missed": self.gold.alone,
            "spurious": self.predicted.alone,
            "possible": self.gold.total,
            "actual": self.predicted.total,
        }


@dataclass(frozen=True, slots=True)
class SchemeScores:
    """Outcomes per type under one scheme, and every figure that follows from them.

    `per_type` has a row for each label of a mark or a prediction, in sorted order; `A|B` is the row
    of marks between whose types the source cannot tell, and of the predictions that have credit for
    one of these types there.
    """

    scheme: Scheme
    per_type: Mapping[str, SchemeCounts]

    @property
    def micro(self) -> SchemeCounts:
        """The sum over all types."""
        return sum(self.per_type.values(), SchemeCounts())

    @property
    def macro(self) -> Ratios:
        """Plain mean over the types; 0.0 without any. `A|B` is not a type."""
        return mean_ratios(self.per_type.values(), ["|" not in name for name in self.per_type])

    @property
    def weighted(self) -> Ratios:
        """Mean over the rows, weighted by support; 0.0 without gold marks."""
        rows = self.per_type.values()
        return mean_ratios(rows, [counts.support for counts in rows])

    def to_json(self) -> dict[str, object]:
        """Plain dicts, strings and numbers with fixed keys, types in sorted order."""
        return {
            "micro": self.micro.to_json(),
            "macro": ratios_to_json(self.macro),
            "weighted": ratios_to_json(self.weighted),
            "per_type": {name: counts.to_json() for name, counts in sorted(self.per_type.items())},
        }


Compared: TypeAlias = tuple[Relation, str, str]
"""Relation, label of the gold mark, label of the prediction; empty for the side that is missing."""


def scheme_scores(judged: Iterable[JudgedDocument]) -> dict[Scheme, SchemeScores]:
    """Score the judged marks and predictions under each scheme.

    As for `judge`, a repetition never has a partner.
    """
    plain: Counter[Compared] = Counter()
    tangled: dict[Scheme, Counter[Compared]] = {scheme: Counter() for scheme in Scheme}
    for document in judged:
        for cluster in _clusters(document.pairs):
            if len(cluster) == 1:
                plain[_compared(cluster[0])] += 1
                continue
            for scheme in Scheme:
                tangled[scheme].update(map(_compared, _rematch(cluster, scheme)))
    return {scheme: scores_of(scheme, plain + tangled[scheme]) for scheme in Scheme}


def _compared(pair: Pair) -> Compared:
    return (
        pair.relation,
        pair.gold.label if pair.gold else "",
        pair.predicted.label if pair.predicted else "",
    )


def _clusters(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Yield the pairs in groups that share no character: a group's spans meet no other group's."""
    ranges = []
    for index, pair in enumerate(pairs):
        spans = [span for span in (pair.gold, pair.predicted) if span is not None]
        start, end = min(span.start for span in spans), max(span.end for span in spans)
        ranges.append((start, end, index))
    ranges.sort()
    cluster: list[Pair] = []
    reach = 0
    for start, end, index in ranges:
        if cluster and start >= reach:
            yield cluster
            cluster = []
        cluster.append(pairs[index])
        reach = max(reach, end)
    if cluster:
        yield cluster


def _rematch(cluster: Sequence[Pair], scheme: Scheme) -> Iterator[Pair]:
    """Match the spans of a cluster anew, for the most credit under a scheme."""
    marks = sorted(pair.gold for pair in cluster if pair.gold is not None)
    claims = sorted(pair.predicted for pair in cluster if pair.predicted is not None)
    repeated_marks, repeated_claims = repeated(marks), repeated(claims)

    def worth(i: int, j: int) -> Worth | None:
        if i in repeated_marks or j in repeated_claims:
            return None
        return worth_under(scheme, marks[i], claims[j])

    lone_marks, lone_claims = set(range(len(marks))), set(range(len(claims)))
    gold = [(mark.start, mark.end) for mark in marks]
    for i, j in match(gold, [(claim.start, claim.end) for claim in claims], worth):
        lone_marks.discard(i)
        lone_claims.discard(j)
        yield Pair(marks[i], claims[j], relation_of(marks[i], claims[j]))
    yield from (Pair(marks[i], None, Relation.MISSED) for i in lone_marks)
    yield from (Pair(None, claims[j], Relation.SPURIOUS) for j in lone_claims)


def worth_under(scheme: Scheme, mark: Annotation, claim: Entity) -> Worth:
    """What a pair of overlapping spans is worth: its credit, then that it is a pair.

    The numbers after these decide between matchings that no figure of all types tells apart: the
    right type, the right borders, a mark of one type, the most characters in common.
    """
    relation = relation_of(mark, claim)
    right, same = relation in _RIGHT_TYPE, relation in _SAME_BORDERS
    shared = min(mark.end, claim.end) - max(mark.start, claim.start)
    credit = HALVES[OUTCOMES[scheme][relation]]
    return credit, 1, right, same, right and len(mark.labels) == 1, shared


def scores_of(scheme: Scheme, compared: Mapping[Compared, int]) -> SchemeScores:
    """Sum up how often each relation of two labels occurs under the scheme's matching."""
    gold: dict[str, Counter[Outcome]] = defaultdict(Counter)
    predicted: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for (relation, wanted, claimed), number in compared.items():
        outcome = OUTCOMES[scheme].get(relation, Outcome.ALONE)
        if relation is not Relation.SPURIOUS:
            gold[wanted][outcome] += number
        if relation is not Relation.MISSED:
            # An open mark must not lend its successes to a type.
            lent = relation in _RIGHT_TYPE and HALVES[outcome]
            predicted[wanted if lent else claimed][outcome] += number
    return SchemeScores(
        scheme,
        {
            name: SchemeCounts(_tally(gold[name]), _tally(predicted[name]))
            for name in sorted(gold.keys() | predicted.keys())
        },
    )


def _tally(outcomes: Mapping[Outcome, int]) -> Tally:
    return Tally(*(outcomes.get(outcome, 0) for outcome in Outcome))

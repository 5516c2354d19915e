"""One canonical alignment of gold and predicted entities: every mark has one partner at most.

All further figures (confusion, errors, slices, intervals, calibration) are sums over what `judge`
yields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, zip_longest

from ossamma.evaluation.matching import Match, Worth, match
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document, Entity


class Relation(StrEnum):
    """How a prediction stands to its gold mark, or that one of the two has no partner."""

    CORRECT = "correct"
    WRONG_TYPE = "wrong type"
    WRONG_BOUNDARY = "wrong boundary"
    WRONG_BOTH = "wrong boundary and type"
    MISSED = "missed"
    SPURIOUS = "spurious"


@dataclass(frozen=True, slots=True)
class Pair:
    """A gold mark and the prediction that it is compared with; one of them may be missing."""

    gold: Annotation | None
    predicted: Entity | None
    relation: Relation


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """A gold document with its pairs.

    `pairs` are sorted by position; each judged mark and each judged prediction is in exactly one.
    `unscored` are the predictions of types that the document does not annotate, and those that
    one of `unscored_gold` vouches for: marks with a candidate type that it does not annotate.
    """

    document: Document
    pairs: tuple[Pair, ...]
    unscored: tuple[Entity, ...] = ()
    unscored_gold: tuple[Annotation, ...] = ()


def judge(
    gold: Iterable[Document], predicted: Iterable[Sequence[Entity]]
) -> Iterator[JudgedDocument]:
    """Align the predictions of each document with its annotations, one to one.

    Of all alignments the one with the most correct pairs is taken, of those the one with the most
    pairs of equal borders, then of overlapping spans with the right type, then of overlapping
    spans at all, then with marks of one type rather than several, then with the most characters
    in common. The order of the marks and of the predictions does not matter; predictions may
    overlap each other.

    A type is right if it is among the annotation's candidates. A repetition (the same span and the
    same one type again) never has a partner, on either side; of repeated predictions the most
    confident one stays.

    What a document does not annotate is left out on both sides, for a type of which only the
    marked ones count would have a precision of 1. A mark with such a candidate type still vouches
    for one prediction of its span and one of its types, which is then not scored either.

    Args:
        gold: labelled documents.
        predicted: the entities of each document, in any order, documents in the same order.

    Raises:
        DataError: a document is unlabelled, or the numbers of documents differ.
    """
    for document, entities in paired(gold, predicted):
        yield _judge_document(document, entities)


def paired(
    gold: Iterable[Document], predicted: Iterable[Sequence[Entity]]
) -> Iterator[tuple[Document, Sequence[Entity]]]:
    """Walk both sides in step. Raises DataError where one of them ends early."""
    pairs = zip_longest(gold, predicted)
    for index, (document, entities) in enumerate(pairs):
        if document is None or entities is None:
            longest = index + 1 + sum(1 for _ in pairs)
            sides = (index, longest) if document is None else (longest, index)
            raise DataError(
                f"expected one list of entities per document, got {sides[0]} documents and "
                f"{sides[1]} lists; a document without entities needs an empty list"
            )
        yield document, entities


def relation_of(gold: Annotation, predicted: Entity) -> Relation:
    """Name the relation of a mark and a prediction that overlap."""
    right = predicted.label in gold.labels
    if (gold.start, gold.end) == (predicted.start, predicted.end):
        return Relation.CORRECT if right else Relation.WRONG_TYPE
    return Relation.WRONG_BOUNDARY if right else Relation.WRONG_BOTH


def is_judged(document: Document, types: Sequence[str]) -> bool:
    """Whether the document annotates all of these types."""
    return document.annotates is None or document.annotates.issuperset(types)


def _judge_document(document: Document, entities: Sequence[Entity]) -> JudgedDocument:
    if document.annotations is None:
        raise DataError(
            f"{document.where}: expected a labelled document to score on, got one without "
            f"annotations; leave it out, or give it an empty tuple if it has no entities"
        )
    marks = sorted(document.annotations)
    claims = sorted(entities, key=_claim_order)
    unscored: list[Entity] = []
    left_out: list[Annotation] = []
    if document.annotates is not None:
        left_out = [mark for mark in marks if not is_judged(document, mark.labels)]
        marks = [mark for mark in marks if is_judged(document, mark.labels)]
        unscored = [claim for claim in claims if not is_judged(document, (claim.label,))]
        claims = [claim for claim in claims if is_judged(document, (claim.label,))]
    pairs: list[Pair] = []
    lone_marks, lone_claims = set(range(len(marks))), set(range(len(claims)))
    for row, column in _align([*marks, *left_out], claims, len(marks)):
        lone_claims.discard(column)
        if row >= len(marks):
            unscored.append(claims[column])
            continue
        lone_marks.discard(row)
        relation = relation_of(marks[row], claims[column])
        pairs.append(Pair(marks[row], claims[column], relation))
    pairs.extend(Pair(marks[row], None, Relation.MISSED) for row in sorted(lone_marks))
    pairs.extend(Pair(None, claims[column], Relation.SPURIOUS) for column in sorted(lone_claims))
    pairs.sort(key=_pair_order)
    unscored.sort(key=_claim_order)
    return JudgedDocument(document, tuple(pairs), tuple(unscored), tuple(left_out))


def _align(marks: Sequence[Annotation], claims: Sequence[Entity], num_judged: int) -> Match:
    """Pair marks and claims, both sorted, by index. Marks from `num_judged` on only vouch."""
    if not marks or not claims:
        return []
    settled, rows, columns = _settle(marks, claims, num_judged)
    if not rows or not columns:
        return settled
    repeated_marks, repeated_claims = repeated(marks), repeated(claims)

    def worth(i: int, j: int) -> Worth | None:
        mark, claim = marks[rows[i]], claims[columns[j]]
        if rows[i] in repeated_marks or columns[j] in repeated_claims:
            return None
        right = claim.label in mark.labels
        same = (mark.start, mark.end) == (claim.start, claim.end)
        found = right and same
        if rows[i] >= num_judged and not found:
            return None
        shared = min(mark.end, claim.end) - max(mark.start, claim.start)
        sole = right and len(mark.labels) == 1
        return found and rows[i] < num_judged, found, same, right, 1, sole, shared

    found = match(
        [(marks[row].start, marks[row].end) for row in rows],
        [(claims[column].start, claims[column].end) for column in columns],
        worth,
    )
    return settled + [(rows[i], columns[j]) for i, j in found]


def _settle(
    marks: Sequence[Annotation], claims: Sequence[Entity], num_judged: int
) -> tuple[Match, list[int], list[int]]:
    """Pair the spans that have one mark and one claim; return the indices of the others, too.

    Every best alignment has these pairs: nothing else could be paired with equal borders.
    """
    at: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for row, mark in enumerate(marks):
        at.setdefault((mark.start, mark.end), ([], []))[0].append(row)
    for column, claim in enumerate(claims):
        at.setdefault((claim.start, claim.end), ([], []))[1].append(column)
    settled: Match = []
    rows: list[int] = []
    columns: list[int] = []
    for here, there in at.values():
        if len(here) == len(there) == 1:
            row, column = here[0], there[0]
            if row < num_judged or claims[column].label in marks[row].labels:
                settled.append((row, column))
                continue
        rows.extend(here)
        columns.extend(there)
    return settled, sorted(rows), sorted(columns)


def repeated(spans: Sequence[Annotation | Entity]) -> set[int]:
    """Indices of those that repeat the one before: the same span and the same one type.

    Two marks `A|B` are no repetition: the one may be an A and the other a B.
    """
    return {
        i
        for i, (one, other) in enumerate(pairwise(spans), start=1)
        if (one.start, one.end, one.label) == (other.start, other.end, other.label)
        and not (isinstance(one, Annotation) and len(one.labels) > 1)
    }


def _claim_order(claim: Entity) -> tuple[int, int, str, float, str]:
    return claim.start, claim.end, claim.label, -claim.confidence, claim.text


def _pair_order(pair: Pair) -> tuple[int, int, int, int, str, str]:
    """By the gold mark's place, or the prediction's where there is none; gold first."""
    place = pair.gold or pair.predicted
    assert place is not None, "a pair has a side"
    partner = pair.predicted or place
    return place.start, place.end, partner.start, partner.end, place.label, partner.label

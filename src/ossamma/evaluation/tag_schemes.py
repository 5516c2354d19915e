"""The four schemes from BIO tags, all sentences at once.

The entities of a side do not overlap, so that most of them meet one entity of the other side or
none. Only those that meet several are matched one chain at a time.

Array legend: G gold entities, P predicted entities, E pairs of entities that overlap (edges) in
ascending order of both, C chains of edges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from ossamma.evaluation.judge import Relation, judge
from ossamma.evaluation.matching import Worth, match_chain
from ossamma.evaluation.schemes import (
    HALVES,
    OUTCOMES,
    Compared,
    Scheme,
    SchemeScores,
    scheme_scores,
    scores_of,
)
from ossamma.evaluation.tag_spans import (
    Ints,
    TagSequences,
    TagSpans,
    checked_lengths,
    decode_tags,
    decode_tags_reference,
    parse_tag,
)
from ossamma.schema.spans import Annotation, Document, Entity

_RELATIONS: Final = (
    Relation.WRONG_BOTH,
    Relation.WRONG_BOUNDARY,
    Relation.WRONG_TYPE,
    Relation.CORRECT,
)
"""At index 2 x (borders are the same) + (type is right)."""


class _Edges(NamedTuple):
    gold_E: Ints
    predicted_E: Ints
    relation_E: Ints  # index into _RELATIONS
    shared_E: Ints  # words in common


def scheme_scores_from_tags(
    gold: TagSequences, predicted: TagSequences
) -> dict[Scheme, SchemeScores]:
    """Score BIO tags under each scheme. Entities are read as by `strict_scores_from_tags`.

    Args:
        gold: one sequence of tags per sentence; empty sentences are allowed.
        predicted: the same numbers of sentences and of tags in each.

    Raises:
        DataError: the sides differ in the number of sentences or in the length of one.
        LabelError: a tag is not `O`, `B-TYPE` or `I-TYPE`.
    """
    spans = decode_tags(gold, predicted)
    edges = _overlaps(spans)
    starts_C, sizes_C = _chains(edges)
    met_once = _count(spans, edges, starts_C[sizes_C == 1])
    totals = [np.bincount(side[2], minlength=len(spans.types)) for side in spans[1:]]
    scores = {}
    for scheme in Scheme:
        chosen = [_choose_of_two(edges, scheme, starts_C[sizes_C == 2])]
        for start, size in zip(starts_C[sizes_C > 2], sizes_C[sizes_C > 2], strict=True):
            chosen.append(_choose(edges, scheme, int(start), int(size)))
        compared = met_once + _count(spans, edges, np.concatenate(chosen))
        scores[scheme] = scores_of(scheme, _with_lone_ones(spans.types, totals, compared))
    return scores


def _overlaps(spans: TagSpans) -> _Edges:
    """Find the pairs of gold and predicted entities that share a word."""
    (gold_start_G, gold_end_G, gold_type_G), (start_P, end_P, type_P) = spans.gold, spans.predicted
    first_G = np.searchsorted(end_P, gold_start_G, side="right")
    number_G = np.searchsorted(start_P, gold_end_G, side="left") - first_G
    gold_E = np.repeat(np.arange(len(first_G)), number_G)
    before_G = np.cumsum(number_G) - number_G
    predicted_E = np.arange(len(gold_E)) + np.repeat(first_G - before_G, number_G)
    starts = gold_start_G[gold_E], start_P[predicted_E]
    ends = gold_end_G[gold_E], end_P[predicted_E]
    same_E = (starts[0] == starts[1]) & (ends[0] == ends[1])
    right_E = gold_type_G[gold_E] == type_P[predicted_E]
    shared_E = np.minimum(*ends) - np.maximum(*starts)
    return _Edges(gold_E, predicted_E, 2 * same_E + right_E, shared_E)


def _chains(edges: _Edges) -> tuple[Ints, Ints]:
    """Cut the edges into chains, of which each shares an entity with the one before.

    Returns:
        First edge and number of edges of each chain.
    """
    goes_on_E = np.zeros(len(edges.gold_E), dtype=np.bool_)
    for side_E in (edges.gold_E, edges.predicted_E):
        goes_on_E[1:] |= side_E[1:] == side_E[:-1]
    starts_C = np.flatnonzero(~goes_on_E)
    return starts_C, np.diff(starts_C, append=len(goes_on_E))


def _worth(scheme: Scheme, relation: int) -> Worth:
    """What `schemes.worth_under` says of two entities, but for the words that they share."""
    same, right = divmod(relation, 2)
    return HALVES[OUTCOMES[scheme][_RELATIONS[relation]]], 1, right, same


def _choose_of_two(edges: _Edges, scheme: Scheme, starts_C: Ints) -> Ints:
    """Choose the better edge of each chain of two; the first, if they are worth the same."""
    worths = [_worth(scheme, relation) for relation in range(len(_RELATIONS))]
    rank_of_relation = np.array([sorted(worths).index(worth) for worth in worths])
    first_C, second_C = (rank_of_relation[edges.relation_E[starts_C + i]] for i in (0, 1))
    shared_C, other_C = (edges.shared_E[starts_C + i] for i in (0, 1))
    better_C = (second_C > first_C) | ((second_C == first_C) & (other_C > shared_C))
    return np.where(better_C, starts_C + 1, starts_C)


def _choose(edges: _Edges, scheme: Scheme, start: int, size: int) -> Ints:
    """Choose the edges of one longer chain."""
    part = slice(start, start + size)
    gold, predicted, relations, shared = (column[part].tolist() for column in edges)
    pairs = list(zip(gold, predicted, strict=True))
    worths = [(*_worth(scheme, r), words) for r, words in zip(relations, shared, strict=True)]
    place = {pair: start + i for i, pair in enumerate(pairs)}
    found = match_chain(dict(zip(pairs, worths, strict=True)))
    return np.array([place[pair] for pair in found], dtype=np.int64)


def _count(spans: TagSpans, edges: _Edges, chosen: Ints) -> Counter[Compared]:
    """Count how often each relation of two types occurs among the chosen edges."""
    shape = (len(_RELATIONS), len(spans.types), len(spans.types))
    keys = np.ravel_multi_index(
        (
            edges.relation_E[chosen],
            spans.gold[2][edges.gold_E[chosen]],
            spans.predicted[2][edges.predicted_E[chosen]],
        ),
        shape,
    )
    found, numbers = np.unique(keys, return_counts=True)
    columns = (column.tolist() for column in (*np.unravel_index(found, shape), numbers))
    return Counter(
        {
            (_RELATIONS[relation], spans.types[wanted], spans.types[claimed]): number
            for relation, wanted, claimed, number in zip(*columns, strict=True)
        }
    )


def _with_lone_ones(
    types: Sequence[str], totals: Sequence[Ints], compared: Counter[Compared]
) -> Counter[Compared]:
    """Add the entities that have no partner: those of each type but the ones in pairs."""
    paired: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for (_, wanted, claimed), number in compared.items():
        paired[0][wanted] += number
        paired[1][claimed] += number
    lone: Counter[Compared] = Counter()
    for index, name in enumerate(types):
        lone[Relation.MISSED, name, ""] = int(totals[0][index]) - paired[0][name]
        lone[Relation.SPURIOUS, "", name] = int(totals[1][index]) - paired[1][name]
    return compared + lone


def scheme_scores_from_tags_reference(
    gold: TagSequences, predicted: TagSequences
) -> dict[Scheme, SchemeScores]:
    """Give what `scheme_scores_from_tags` gives, by way of documents of one letter per word."""
    checked_lengths(gold, predicted)
    sides = [
        [decode_tags_reference([parse_tag(tag, gold, predicted) for tag in tags]) for tags in side]
        for side in (gold, predicted)
    ]
    documents = [
        Document(
            str(index),
            "x" * len(gold[index]),
            annotations=tuple(Annotation(start, end, (name,)) for start, end, name in entities),
        )
        for index, entities in enumerate(sides[0])
    ]
    claims = (
        [Entity(start, end, name, "x" * (end - start)) for start, end, name in entities]
        for entities in sides[1]
    )
    return scheme_scores(judge(documents, claims))

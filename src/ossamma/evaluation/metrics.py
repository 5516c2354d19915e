"""Strict entity-level scores: true and false positives are counted first, every ratio follows.

An entity is right only if its start, its end and its type are all right.

Array legend: E entities.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ossamma.evaluation.judge import JudgedDocument, Relation, judge
from ossamma.evaluation.scores import Counts, Scores
from ossamma.evaluation.tag_spans import (
    Spans,
    TagSequences,
    checked_lengths,
    decode_tags,
    decode_tags_reference,
    parse_tag,
)
from ossamma.schema.spans import Document, Entity


def strict_scores_from_tags(gold: TagSequences, predicted: TagSequences) -> Scores:
    """Score BIO tags by whole entities, all sentences at once.

    The figures are those of seqeval 1.2.2 with `mode="strict", scheme=IOB2, zero_division=0`: an
    entity is a B- and the I- of the same type that follow it; any other I- belongs to nothing. A
    type is listed if it has an entity on either side. One figure differs: with no entity on
    either side the macro average is 0.0 here and NaN there.

    Args:
        gold: One sequence of tags per sentence; empty sentences are allowed.
        predicted: The same numbers of sentences and of tags in each.

    Returns:
        Scores whose `num_documents` is the number of sentences. Hyphens around a type are dropped.

    Raises:
        DataError: The sides differ in the number of sentences or in the length of one.
        LabelError: A tag is not `O`, `B-TYPE` or `I-TYPE`.
    """
    spans = decode_tags(gold, predicted)
    return Scores(_count_matches(spans.gold, spans.predicted, spans.types), len(gold))


def _count_matches(gold: Spans, predicted: Spans, types: Sequence[str]) -> dict[str, Counts]:
    """Intersect the two sides. The start is a unique key: a side has one entity there at most."""
    _, gold_E, predicted_E = np.intersect1d(
        gold[0], predicted[0], assume_unique=True, return_indices=True
    )
    right_E = np.logical_and(*(gold[i][gold_E] == predicted[i][predicted_E] for i in (1, 2)))
    found, claimed, wanted = (
        np.bincount(type_E, minlength=len(types)).tolist()
        for type_E in (predicted[2][predicted_E][right_E], predicted[2], gold[2])
    )
    return {
        name: Counts(found[i], claimed[i] - found[i], wanted[i] - found[i])
        for i, name in enumerate(types)
        if claimed[i] or wanted[i]
    }


def strict_scores_from_tags_reference(gold: TagSequences, predicted: TagSequences) -> Scores:
    """Give what `strict_scores_from_tags` gives, word by word. The definition; never optimised."""
    checked_lengths(gold, predicted)
    counts: dict[str, Counts] = defaultdict(Counts)
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        wanted, claimed = (
            set(decode_tags_reference([parse_tag(tag, gold, predicted) for tag in tags]))
            for tags in (gold_tags, predicted_tags)
        )
        for entity in wanted | claimed:
            is_gold, is_predicted = entity in wanted, entity in claimed
            counts[entity[2]] += Counts(is_gold and is_predicted, not is_gold, not is_predicted)
    return Scores(dict(sorted(counts.items())), num_documents=len(gold))


def strict_scores(gold: Iterable[Document], predicted: Iterable[Sequence[Entity]]) -> Scores:
    """Score entities in character offsets against annotated documents.

    A prediction is right if an annotation has its start, its end and its type among the candidate
    types. It counts under the annotation's `label`: `A|B` where the source cannot tell, so that
    such a row never lends its successes to a type. An annotation vouches for one prediction only,
    and a span is matched so that as many predictions as possible are right, whatever their order.
    A repeated prediction (same span and type) is never right twice: the repetition is a false
    positive under its type. An annotation that nothing matched is a false negative.

    What a document does not annotate is left out on both sides, for a type of which only the
    marked ones count would have a precision of 1: an annotation with a candidate type that the
    document does not annotate goes to `unscored_gold`; a prediction of a type that it does not
    annotate, or one that such an annotation vouches for, goes to `unscored`. So
    tp + fn + unscored_gold annotations and tp + fp + unscored predictions exist.

    Args:
        gold: Labelled documents.
        predicted: The entities of each document, in any order, documents in the same order.

    Raises:
        DataError: A document is unlabelled, or the numbers of documents differ.
    """
    return strict_scores_of(judge(gold, predicted))


def strict_scores_of(judged: Iterable[JudgedDocument]) -> Scores:
    """Count what `judge` has aligned: only correct pairs are right. See `strict_scores`."""
    found, invented, missed, unscored, left_out = (Counter[str]() for _ in range(5))
    num_documents = 0
    for document in judged:
        num_documents += 1
        unscored.update(entity.label for entity in document.unscored)
        left_out.update(mark.label for mark in document.unscored_gold)
        for pair in document.pairs:
            if pair.gold is not None and pair.relation is Relation.CORRECT:
                found[pair.gold.label] += 1
                continue
            if pair.gold is not None:
                missed[pair.gold.label] += 1
            if pair.predicted is not None:
                invented[pair.predicted.label] += 1
    names = sorted(found.keys() | invented.keys() | missed.keys())
    per_type = {name: Counts(found[name], invented[name], missed[name]) for name in names}
    return Scores(
        per_type, num_documents, dict(sorted(unscored.items())), dict(sorted(left_out.items()))
    )

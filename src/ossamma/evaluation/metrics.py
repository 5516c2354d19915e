"""Strict entity-level scores: true and false positives are counted first, every ratio follows.

An entity is right only if its start, its end and its type are all right. A matching scheme is a
function that fills the table of counts of `Scores`.

Array legend: S sentences, W words of all sentences end to end, K words that are not outside,
C chains of such words, E entities.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ossamma.evaluation.scores import Counts, Scores
from ossamma.schema.errors import DataError, LabelError
from ossamma.schema.spans import Annotation, Document, Entity

TagSequences: TypeAlias = Sequence[Sequence[str]]
Ints: TypeAlias = NDArray[np.int64]
Spans: TypeAlias = tuple[Ints, Ints, Ints]  # start_E, end_E, type_E, ascending

_BARE_TYPE = "_"  # of a tag that is a letter alone, such as `B`
_LETTERS = "OBI"
_BEGIN, _INSIDE = 1, 2  # indices into _LETTERS


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
    lengths_S = _checked_lengths(gold, predicted)
    numbering = _Numbering()
    gold_W, predicted_W = numbering.number(gold), numbering.number(predicted)
    parts = [_parse_tag(tag, gold, predicted) for tag in numbering]
    types = sorted({type_name for _, type_name in parts})
    decode = _decoder(parts, types, lengths_S)
    return Scores(_count_matches(decode(gold_W), decode(predicted_W), types), len(gold))


class _Numbering(dict[str, int]):
    """Numbers each tag by its first appearance: one pass over the words finds and maps them."""

    def __missing__(self, tag: str) -> int:
        return self.setdefault(tag, len(self))

    def number(self, sentences: TagSequences) -> NDArray[np.integer]:
        """Give the number of each word's tag, all sentences end to end."""
        try:  # a bytearray takes the numbers a quarter faster than numpy does
            small = bytearray(map(self.__getitem__, chain.from_iterable(sentences)))
        except ValueError:  # more than 256 different tags
            return np.fromiter(map(self.__getitem__, chain.from_iterable(sentences)), np.int32)
        return np.frombuffer(small, dtype=np.uint8)


def _checked_lengths(gold: TagSequences, predicted: TagSequences) -> Ints:
    """Length of each sentence. Raises DataError where the two sides differ."""
    if len(gold) != len(predicted):
        raise DataError(
            f"expected as many predicted sentences as gold ones, got {len(gold)} gold and "
            f"{len(predicted)} predicted; score the same sentences in the same order"
        )
    gold_S, predicted_S = (
        np.fromiter(map(len, side), dtype=np.int64, count=len(side)) for side in (gold, predicted)
    )
    wrong = np.flatnonzero(gold_S != predicted_S)
    if len(wrong):
        index = int(wrong[0])
        raise DataError(
            f"sentence {index} (counted from 0): expected one predicted tag per gold tag, got "
            f"{gold_S[index]} gold and {predicted_S[index]} predicted tags"
        )
    return gold_S


def _parse_tag(tag: str, gold: TagSequences, predicted: TagSequences) -> tuple[str, str]:
    """Split a tag into letter and type. The two sides serve to say where a malformed one stands."""
    if not tag or tag[0] not in _LETTERS:
        side, index, sentence = next(
            (side, index, sentence)
            for side, sentences in (("gold", gold), ("predicted", predicted))
            for index, sentence in enumerate(sentences)
            if tag in sentence
        )
        raise LabelError(
            f"{side} sentence {index}, word {list(sentence).index(tag)} (counted from 0): "
            f"expected a tag O, B-TYPE or I-TYPE, got {tag!r}; convert other schemes to BIO first"
        )
    return tag[0], tag[1:].strip("-") or _BARE_TYPE


def _decoder(
    parts: Sequence[tuple[str, str]], types: Sequence[str], lengths_S: Ints
) -> Callable[[NDArray[np.integer]], Spans]:
    """Return the function that reads the entities off one side's numbered tags."""
    index_of_type = {name: index for index, name in enumerate(types)}
    letter_of_tag = np.array([_LETTERS.index(letter) for letter, _ in parts], dtype=np.int8)
    type_of_tag = np.array([index_of_type[name] for _, name in parts], dtype=np.int64)
    opens_sentence_W = np.zeros(int(lengths_S.sum()), dtype=np.bool_)
    opens_sentence_W[(np.cumsum(lengths_S) - lengths_S)[lengths_S > 0]] = True

    def decode(tag_W: NDArray[np.integer]) -> Spans:
        # Most words are outside: everything after this line works on the others only.
        word_K = np.flatnonzero((letter_of_tag > 0)[tag_W])
        letter_K, type_K = letter_of_tag[tag_W[word_K]], type_of_tag[tag_W[word_K]]
        continues_K = (letter_K == _INSIDE) & ~opens_sentence_W[word_K]
        continues_K[:1] = False
        continues_K[1:] &= (np.diff(word_K) == 1) & (type_K[1:] == type_K[:-1])
        # A chain is a word with those that continue it; it is an entity if it opens with B-.
        starts_C = np.flatnonzero(~continues_K)
        ends_C = np.append(starts_C, len(word_K))[1:]
        is_entity_C = letter_K[starts_C] == _BEGIN
        first_E, last_E = starts_C[is_entity_C], ends_C[is_entity_C] - 1
        return word_K[first_E], word_K[last_E] + 1, type_K[first_E]

    return decode


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
    _checked_lengths(gold, predicted)
    counts: dict[str, Counts] = defaultdict(Counts)
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        wanted = _entities_reference([_parse_tag(t, gold, predicted) for t in gold_tags])
        claimed = _entities_reference([_parse_tag(t, gold, predicted) for t in predicted_tags])
        for entity in wanted | claimed:
            is_gold, is_predicted = entity in wanted, entity in claimed
            counts[entity[2]] += Counts(is_gold and is_predicted, not is_gold, not is_predicted)
    return Scores(dict(sorted(counts.items())), num_documents=len(gold))


def _entities_reference(tags: Sequence[tuple[str, str]]) -> set[tuple[int, int, str]]:
    """Entities (start, end, type) of one sentence, in words."""
    entities = set()
    for start, (letter, type_name) in enumerate(tags):
        if letter == "B":
            end = start + 1
            while end < len(tags) and tags[end] == ("I", type_name):
                end += 1
            entities.add((start, end, type_name))
    return entities


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
    found, invented, missed, unscored, left_out = (Counter[str]() for _ in range(5))
    num_documents = 0
    for document, entities in _paired(gold, predicted):
        num_documents += 1
        matches, wrong, unmatched = _match_document(document, entities)
        for annotation, type_name in matches:
            if _is_judged(document, annotation.labels):
                found[annotation.label] += 1
            else:
                left_out[annotation.label] += 1
                unscored[type_name] += 1
        for annotation in unmatched:
            judged = _is_judged(document, annotation.labels)
            (missed if judged else left_out)[annotation.label] += 1
        for type_name in wrong:
            (invented if _is_judged(document, (type_name,)) else unscored)[type_name] += 1
    names = sorted(found.keys() | invented.keys() | missed.keys())
    per_type = {name: Counts(found[name], invented[name], missed[name]) for name in names}
    return Scores(
        per_type, num_documents, dict(sorted(unscored.items())), dict(sorted(left_out.items()))
    )


def _is_judged(document: Document, types: Sequence[str]) -> bool:
    """Whether the document annotates all of these types."""
    return document.annotates is None or document.annotates.issuperset(types)


def _paired(
    gold: Iterable[Document], predicted: Iterable[Sequence[Entity]]
) -> Iterable[tuple[Document, Sequence[Entity]]]:
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


def _match_document(
    document: Document, entities: Sequence[Entity]
) -> tuple[list[tuple[Annotation, str]], list[str], list[Annotation]]:
    """Return the matched annotations with their types, the other predictions, and the missed."""
    if document.annotations is None:
        raise DataError(
            f"{document.where}: expected a labelled document to score on, got one without "
            f"annotations; leave it out, or give it an empty tuple if it has no entities"
        )
    wanted: dict[tuple[int, int], list[Annotation]] = defaultdict(list)
    for annotation in sorted(document.annotations, key=lambda a: (len(a.labels), a.labels)):
        wanted[annotation.start, annotation.end].append(annotation)
    claimed: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for entity in entities:
        claimed[entity.start, entity.end][entity.label] += 1
    right: list[tuple[Annotation, str]] = []
    wrong: list[str] = []
    missed: list[Annotation] = []
    for span in wanted.keys() | claimed.keys():
        annotations, numbers = wanted.get(span, []), claimed.get(span, Counter())
        matches = _match_span([a.labels for a in annotations], sorted(numbers))
        right.extend((annotations[i], name) for i, name in matches.items())
        missed.extend(a for i, a in enumerate(annotations) if i not in matches)
        wrong.extend((numbers - Counter(matches.values())).elements())
    return right, wrong, missed


def _match_span(candidates: Sequence[Sequence[str]], types: Sequence[str]) -> dict[int, str]:
    """Map annotations of one span (their indices) to predicted types, as many as possible.

    Kuhn's augmenting paths. Both sides come sorted, narrow annotations first, so that the answer
    depends on neither's original order.
    """
    taken: dict[int, str] = {}

    def place(type_name: str, tried: set[int]) -> bool:
        for index, open_types in enumerate(candidates):
            if index in tried or type_name not in open_types:
                continue
            tried.add(index)
            if index not in taken or place(taken[index], tried):
                taken[index] = type_name
                return True
        return False

    for type_name in types:
        place(type_name, set())
    return taken

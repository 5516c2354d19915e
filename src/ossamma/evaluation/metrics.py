"""Strict entity-level scores: true and false positives are counted first, every ratio follows.

An entity is right only if its start, its end and its type are all right. A matching scheme is a
function that fills a table of `Counts` per type; `Scores` derives precision, recall, F1 and their
averages from such a table and knows nothing of how the counts came about.

Array legend: S sentences, W words of all sentences end to end, K words that are not outside,
C chains of such words, E entities.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ossamma.schema.errors import DataError, LabelError
from ossamma.schema.spans import Annotation, Document, Entity

TagSequences: TypeAlias = Sequence[Sequence[str]]
Ints: TypeAlias = NDArray[np.int64]
Spans: TypeAlias = tuple[Ints, Ints, Ints]  # start_E, end_E, type_E, ascending

_BARE_TYPE = "_"  # of a tag that is a letter alone, such as `B`
_LETTERS = "OBI"
_BEGIN, _INSIDE = 1, 2  # indices into _LETTERS


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entities were found, invented and missed. Zero divided by zero is 0.0."""

    true_positives: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __post_init__(self) -> None:
        if min(self.true_positives, self.false_positives, self.false_negatives) < 0:
            raise DataError(f"counts must not be negative, got {self}")

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def precision(self) -> float:
        """Share of the predictions that are right, in [0, 1]."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the gold entities that were found, in [0, 1]."""
        return _ratio(self.true_positives, self.support)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        return _ratio(2 * self.precision * self.recall, self.precision + self.recall)

    @property
    def support(self) -> int:
        """Number of gold entities."""
        return self.true_positives + self.false_negatives


class Ratios(NamedTuple):
    """Averaged precision, recall and F1, which no single table of counts stands behind."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts per type, and every figure that follows from them.

    `per_type` has a row for each type that occurs among the gold or the predicted entities, in
    sorted order. `unscored` counts, per type, the predictions that were left out because the
    document does not say whether they are right.
    """

    per_type: Mapping[str, Counts]
    num_documents: int
    unscored: Mapping[str, int] = field(default_factory=dict)

    @property
    def micro(self) -> Counts:
        """The sum over all types."""
        return sum(self.per_type.values(), Counts())

    @property
    def macro(self) -> Ratios:
        """Plain mean over the types of `per_type`; 0.0 without any. `A|B` is not a type."""
        return self._average(["|" not in name for name in self.per_type])

    @property
    def weighted(self) -> Ratios:
        """Mean over the rows of `per_type`, weighted by support; 0.0 without gold entities."""
        return self._average([counts.support for counts in self.per_type.values()])

    def _average(self, weights: Sequence[int]) -> Ratios:
        rows = [(c.precision, c.recall, c.f1) for c in self.per_type.values()]

        def mean(column: int) -> float:
            # fsum rounds once: the mean does not depend on the order of the types.
            total = math.fsum(w * row[column] for w, row in zip(weights, rows, strict=True))
            return _ratio(total, sum(weights))

        return Ratios(mean(0), mean(1), mean(2))

    def to_json(self) -> dict[str, object]:
        """Plain dicts, strings, ints and floats with fixed keys, types in sorted order."""
        return {
            "micro": _ratios_to_json(self.micro),
            "macro": _ratios_to_json(self.macro),
            "weighted": _ratios_to_json(self.weighted),
            "per_type": {
                name: {
                    **_ratios_to_json(counts),
                    "support": counts.support,
                    "tp": counts.true_positives,
                    "fp": counts.false_positives,
                    "fn": counts.false_negatives,
                }
                for name, counts in sorted(self.per_type.items())
            },
            "documents": self.num_documents,
            "unscored": dict(sorted(self.unscored.items())),
        }


def _ratios_to_json(source: Counts | Ratios) -> dict[str, float]:
    return {"precision": source.precision, "recall": source.recall, "f1": source.f1}


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
    types; it counts under the predicted type. An annotation vouches for one prediction only, and
    a span is matched so that as many predictions as possible are right, whatever their order. A
    repeated prediction (same span and type) is never right twice: the repetition is a false
    positive. An annotation that nothing matched is a false negative under its `label`, `A|B`
    where several types are open, so that `A|B` may have a row of its own, in the averages too.

    A prediction of a type that the document does not annotate goes to `unscored`, unless it is
    right or repeats one that is. So tp + fn annotations and tp + fp + unscored predictions exist.

    Args:
        gold: Labelled documents.
        predicted: The entities of each document, in any order, documents in the same order.

    Raises:
        DataError: A document is unlabelled, or the numbers of documents differ.
    """
    found, invented, missed, unscored = (Counter[str]() for _ in range(4))
    num_documents = 0
    for document, entities in _paired(gold, predicted):
        num_documents += 1
        right, wrong, unmatched = _match_document(document, entities)
        found.update(right)
        missed.update(unmatched)
        for type_name, repeats_a_match in wrong:
            judged = document.annotates is None or type_name in document.annotates
            (invented if judged or repeats_a_match else unscored)[type_name] += 1
    names = sorted(found.keys() | invented.keys() | missed.keys())
    per_type = {name: Counts(found[name], invented[name], missed[name]) for name in names}
    return Scores(per_type, num_documents, dict(sorted(unscored.items())))


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
) -> tuple[list[str], list[tuple[str, bool]], list[str]]:
    """Return the right types, the wrong ones (True: repeats a right one) and the missed labels."""
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
    right: list[str] = []
    wrong: list[tuple[str, bool]] = []
    missed: list[str] = []
    for span in wanted.keys() | claimed.keys():
        annotations, numbers = wanted.get(span, []), claimed.get(span, Counter())
        matches = _match_span([a.labels for a in annotations], sorted(numbers))
        matched = set(matches.values())
        right.extend(matched)
        missed.extend(a.label for i, a in enumerate(annotations) if i not in matches)
        for name, number in numbers.items():
            wrong.extend([(name, name in matched)] * (number - (name in matched)))
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

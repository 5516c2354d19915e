"""Entities of BIO tag sequences, all sentences at once.

Array legend: S sentences, W words of all sentences end to end, K words that are not outside,
C chains of such words, E entities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ossamma.schema.errors import DataError, LabelError

TagSequences: TypeAlias = Sequence[Sequence[str]]
Ints: TypeAlias = NDArray[np.int64]
Spans: TypeAlias = tuple[Ints, Ints, Ints]  # start_E, end_E, type_E, ascending

_BARE_TYPE = "_"  # of a tag that is a letter alone, such as `B`
_LETTERS = "OBI"
_BEGIN, _INSIDE = 1, 2  # indices into _LETTERS


class TagSpans(NamedTuple):
    """The entities of both sides, in words of all sentences end to end.

    The entities of a side ascend and do not overlap; none crosses the border of a sentence. A type
    is an index into `types`, which are sorted.
    """

    types: list[str]
    gold: Spans
    predicted: Spans


def decode_tags(gold: TagSequences, predicted: TagSequences) -> TagSpans:
    """Read the entities off both sides' tags.

    An entity is a B- and the I- of the same type that follow it; any other I- belongs to nothing.
    Hyphens around a type are dropped.

    Args:
        gold: one sequence of tags per sentence; empty sentences are allowed.
        predicted: the same numbers of sentences and of tags in each.

    Raises:
        DataError: the sides differ in the number of sentences or in the length of one.
        LabelError: a tag is not `O`, `B-TYPE` or `I-TYPE`.
    """
    lengths_S = checked_lengths(gold, predicted)
    numbering = _Numbering()
    gold_W, predicted_W = numbering.number(gold), numbering.number(predicted)
    parts = [parse_tag(tag, gold, predicted) for tag in numbering]
    types = sorted({type_name for _, type_name in parts})
    decode = _decoder(parts, types, lengths_S)
    return TagSpans(types, decode(gold_W), decode(predicted_W))


def decode_tags_reference(tags: Sequence[tuple[str, str]]) -> list[tuple[int, int, str]]:
    """Entities (start, end, type) of one sentence of parsed tags, in words. The definition."""
    entities = []
    for start, (letter, type_name) in enumerate(tags):
        if letter == "B":
            end = start + 1
            while end < len(tags) and tags[end] == ("I", type_name):
                end += 1
            entities.append((start, end, type_name))
    return entities


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


def checked_lengths(gold: TagSequences, predicted: TagSequences) -> Ints:
    """Length of each sentence. Raises DataError where the two sides differ."""
    if len(gold) != len(predicted):
        raise DataError(
            f"expected as many predicted sentences as gold ones, got {len(gold)} gold and "
            f"{len(predicted)} predicted; score the same sentences in the same order"
        )
    lengths, theirs = list(map(len, gold)), list(map(len, predicted))
    if lengths != theirs:
        index = next(i for i, length in enumerate(lengths) if length != theirs[i])
        raise DataError(
            f"sentence {index} (counted from 0): expected one predicted tag per gold tag, got "
            f"{lengths[index]} gold and {theirs[index]} predicted tags"
        )
    return np.array(lengths, dtype=np.int64)


def parse_tag(tag: str, gold: TagSequences, predicted: TagSequences) -> tuple[str, str]:
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

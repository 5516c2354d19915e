"""From annotations to the set of tags that the annotation allows at each word.

A corpus marks only some types, and sometimes leaves the type open. A training target is therefore
not one tag per word but a set of tags, a boolean array (words, K); see `allowed_tags`. With every
type annotated and every type certain, each set has exactly one member.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ossamma.schema.errors import AnnotationError
from ossamma.schema.labels import LabelSet
from ossamma.schema.spans import Annotation, Document, Span

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, order=True)
class WordSpan:
    """An annotation laid onto words: words first_word up to, not including, end_word."""

    first_word: int
    end_word: int
    labels: tuple[str, ...]


def lay_on_words(document: Document, words: Sequence[Span]) -> list[WordSpan]:
    """Lay a document's annotations onto its words, in order.

    An annotation covers every word that it touches.

    Raises:
        AnnotationError: an annotation touches no word, or two of them touch the same word
            (a flat tagger cannot express nested or overlapping entities).
    """
    starts = np.array([word.start for word in words], dtype=np.int64)
    ends = np.array([word.end for word in words], dtype=np.int64)
    laid: list[WordSpan] = []
    for annotation in sorted(document.annotations or ()):
        first = int(np.searchsorted(ends, annotation.start, side="right"))
        end = int(np.searchsorted(starts, annotation.end, side="left"))
        if first >= end:
            raise AnnotationError(
                f"{document.where}: annotation {_show(document, annotation)} covers no word; "
                "expected at least one character that is not white space"
            )
        laid.append(WordSpan(first, end, annotation.labels))
    for left, right in pairwise(laid):
        if right.first_word < left.end_word:
            word = words[right.first_word]
            raise AnnotationError(
                f"{document.where}: two annotations meet in the word "
                f"{document.text[word.start : word.end]!r} at [{word.start}, {word.end}); expected "
                "flat, disjoint entities: keep one of the two"
            )
    return laid


def allowed_tags(
    spans: Sequence[WordSpan],
    num_words: int,
    labels: LabelSet,
    *,
    annotates: frozenset[str] | None = None,
) -> BoolArray:
    """Return the tags that the annotation allows at each word, shape (num_words, K).

    * Outside every span: O, and B-X and I-X for every type X that the source does not annotate.
    * In a span with candidate types c: B-X for X in c at its first word, I-X after it. BIO makes
      the whole span one entity of one type.
    * At the word behind a span no I-X is allowed, for it could only lengthen that span.

    `annotates` None means that the source annotates every type.
    """
    silent = () if annotates is None else (t for t in labels.types if t not in annotates)
    outside = np.zeros(labels.num_tags, dtype=np.bool_)
    outside[0] = True
    for name in silent:
        outside[[labels.begin(name), labels.inside(name)]] = True
    allowed = np.tile(outside, (num_words, 1))
    for span in spans:
        allowed[span.end_word : span.end_word + 1, 2::2] = False
    for span in spans:
        allowed[span.first_word : span.end_word] = False
        allowed[span.first_word, [labels.begin(name) for name in span.labels]] = True
        inside = [labels.inside(name) for name in span.labels]
        allowed[span.first_word + 1 : span.end_word, inside] = True
    allowed[:1, 2::2] = False  # nothing stands before the first word for an I-X to continue
    return allowed


def split_at_borders(words: Sequence[Span], annotations: Sequence[Annotation]) -> list[Span]:
    """Cut words at annotation borders that fall inside them.

    Training must not lose a gold border because the word splitter saw it differently.
    """
    borders = sorted({border for a in annotations for border in (a.start, a.end)})
    pieces: list[Span] = []
    position = 0
    for word in words:
        while position < len(borders) and borders[position] <= word.start:
            position += 1
        start = word.start
        while position < len(borders) and borders[position] < word.end:
            pieces.append(Span(start, borders[position]))
            start = borders[position]
            position += 1
        pieces.append(Span(start, word.end))
    return pieces


def _show(document: Document, annotation: Annotation) -> str:
    text = document.text[annotation.start : annotation.end]
    return f"{annotation.label} [{annotation.start}, {annotation.end}) {text[:40]!r}"

"""Characters <-> words <-> pieces: one text laid out for the model, and cut into windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ossamma.schema.spans import Document, Span
from ossamma.tokenization.features import WordFeatures
from ossamma.tokenization.tokenizer import PieceTokenizer
from ossamma.tokenization.windows import Window
from ossamma.tokenization.words import split_words

IntArray = npt.NDArray[np.int64]
IGNORED_LABEL = -100
MAX_PIECES_PER_WORD = 48
_HEAD_PIECES = 32


@dataclass(frozen=True, eq=False)  # no slots: there is a cached property
class AlignedText:
    """The words of one text with their pieces and features.

    `words` are character ranges; `pieces[i]` are the pieces of word i, at least one;
    `features` has shape (words, features). `breaks` are the words, in order, at which a new line
    or sentence begins, the first word left out: the model sees a [SEP] there, and no entity
    crosses it.
    """

    words: tuple[Span, ...]
    pieces: tuple[tuple[int, ...], ...]
    features: IntArray
    breaks: tuple[int, ...]

    @cached_property
    def num_pieces(self) -> tuple[int, ...]:
        """Number of pieces that each word takes up, the [SEP] before it included."""
        counts = [len(pieces) for pieces in self.pieces]
        for word in self.breaks:
            counts[word] += 1
        return tuple(counts)


def words_of(document: Document) -> tuple[Span, ...]:
    """Return the source's own words, or ours where the source did not split the text."""
    return document.words if document.words is not None else tuple(split_words(document.text))


def breaks_of(document: Document, words: Sequence[Span]) -> tuple[int, ...]:
    """Return the words, but the first, at which a sentence of the source or a new line begins."""
    if document.words is not None and document.sentence_starts:
        return tuple(start for start in document.sentence_starts if 0 < start < len(words))
    text = document.text
    return tuple(
        index
        for index in range(1, len(words))
        if "\n" in text[words[index - 1].end : words[index].start]
    )


def align(
    document: Document,
    words: Sequence[Span],
    tokenizer: PieceTokenizer,
    features: WordFeatures,
) -> AlignedText:
    """Lay the words of a document out as pieces and features."""
    surfaces = [document.text[word.start : word.end] for word in words]
    pieces = tuple(shorten(pieces) for pieces in tokenizer.encode_words(surfaces))
    return AlignedText(
        tuple(words), pieces, features.encode_words(surfaces), breaks_of(document, words)
    )


def shorten(pieces: tuple[int, ...]) -> tuple[int, ...]:
    """Keep the head and the tail of a word of very many pieces.

    Such words are hashes, base64 or one letter repeated. The word keeps all of its characters and
    gets its tag like any other; only the encoder reads less of its middle.
    """
    if len(pieces) <= MAX_PIECES_PER_WORD:
        return pieces
    return pieces[:_HEAD_PIECES] + pieces[_HEAD_PIECES - MAX_PIECES_PER_WORD :]


@dataclass(frozen=True, slots=True, eq=False)
class PieceWindow:
    """One window as the model reads it: [CLS], pieces with a [SEP] at each break, [SEP].

    `input_ids` (T,), `features` (T, F) with 0 at special tokens, `first_pieces` (W,): where each
    core word begins. `segments` are the core words (counted from the core's first) at which a
    segment begins; the first is 0. Margin words have pieces but no place in `first_pieces`.
    """

    input_ids: IntArray
    features: IntArray
    first_pieces: IntArray
    segments: tuple[int, ...]


def cut_window(text: AlignedText, window: Window, tokenizer: PieceTokenizer) -> PieceWindow:
    """Return the pieces of one window of a text."""
    # Found by bisection: a long text has many windows and many breaks.
    first_break = bisect_right(text.breaks, window.start)
    breaks = text.breaks[first_break : bisect_left(text.breaks, window.end)]
    pieces = list(text.pieces[window.start : window.end])
    for word in breaks:
        pieces[word - window.start] = (tokenizer.sep_id, *pieces[word - window.start])
    counts = np.array([len(word) for word in pieces], dtype=np.int64)
    flat = [piece for word in pieces for piece in word]
    input_ids = np.array([tokenizer.cls_id, *flat, tokenizer.sep_id], dtype=np.int64)
    first = 1 + np.cumsum(counts) - counts
    features = np.zeros((len(input_ids), text.features.shape[1]), dtype=np.int64)
    features[1:-1] = np.repeat(text.features[window.start : window.end], counts, axis=0)
    at_break = np.array([word - window.start for word in breaks], dtype=np.int64)
    features[first[at_break]] = 0
    first[at_break] += 1
    core = slice(window.core_start - window.start, window.core_end - window.start)
    inner = [w - window.core_start for w in breaks if window.core_start < w < window.core_end]
    return PieceWindow(input_ids, features, first[core], (0, *inner))


def piece_labels(
    window: PieceWindow, tag_indices: Sequence[int], *, ignored: int = IGNORED_LABEL
) -> IntArray:
    """Return one label per piece: the tag at a core word's first piece, `ignored` elsewhere.

    Takes one tag per core word.
    """
    assert len(tag_indices) == len(window.first_pieces), "expected one tag per core word"
    labels = np.full(len(window.input_ids), ignored, dtype=np.int64)
    labels[window.first_pieces] = np.asarray(tag_indices, dtype=np.int64)
    return labels

"""What an encoder reads of spaCy documents: windows of pieces, each token owned by one window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from spacy.tokens import Doc
from transformers import PreTrainedTokenizerFast

from ossamma.tokenization.alignment import shorten
from ossamma.tokenization.windows import tile_words


@dataclass(frozen=True, slots=True)
class TokenWindow:
    """Pieces with special ones at the ends, and the tokens that this window owns."""

    pieces: list[int]
    tokens: list[int]
    """Numbers over the tokens of all documents."""
    spans: list[tuple[int, int]]
    """Pieces [start, end) of each of these tokens."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Documents laid out for the encoder."""

    windows: list[TokenWindow]
    lengths: list[int]
    """Tokens of each document."""

    @property
    def num_tokens(self) -> int:
        """Tokens of all documents, those without pieces among them."""
        return sum(self.lengths)


def lay_out(
    docs: Sequence[Doc], tokenizer: PreTrainedTokenizerFast, *, window: int, margin: int
) -> Layout:
    """Cut documents into windows.

    White space and what the tokenizer has no piece for is in no window. Of a token with very many
    pieces the middle is not read.

    Args:
        docs: any documents.
        tokenizer: of the encoder.
        window: most pieces of a window, margins included, special pieces at its ends not.
        margin: pieces that a window reads, but does not own, on either side.
    """
    lengths = [len(doc) for doc in docs]
    before = [0, *accumulate(lengths)]
    # Byte-level tokenizers have pieces for white space, others have none: nobody reads it.
    read = [[token for token in doc if not token.is_space] for doc in docs]
    filled = [number for number, tokens in enumerate(read) if tokens]
    windows: list[TokenWindow] = []
    if filled:
        encoded = tokenizer(
            [[token.text for token in read[number]] for number in filled],
            is_split_into_words=True,
            add_special_tokens=False,
            return_attention_mask=False,
            verbose=False,  # it would warn of texts that are longer than one window
        )
        for row, number in enumerate(filled):
            numbers = [before[number] + token.i for token in read[number]]
            pieces = _by_word(encoded["input_ids"][row], encoded.word_ids(row), numbers)
            windows += _windows(pieces, tokenizer, window=window, margin=margin)
    return Layout(windows, lengths)


_Pieces = list[tuple[int, list[int]]]
"""Tokens with their pieces, of which there is at least one."""


def _by_word(pieces: Sequence[int], words: Sequence[int | None], numbers: Sequence[int]) -> _Pieces:
    pairs = zip(words, pieces, strict=True)
    return [
        (numbers[word], list(shorten(tuple(piece for _, piece in group))))
        for word, group in groupby(pairs, key=lambda pair: pair[0])
        if word is not None
    ]


def _windows(
    by_word: _Pieces, tokenizer: PreTrainedTokenizerFast, *, window: int, margin: int
) -> list[TokenWindow]:
    sizes = [len(pieces) for _, pieces in by_word]
    made = []
    for w in tile_words(sizes, max_pieces=window, margin=margin):
        inside = [piece for _, pieces in by_word[w.start : w.end] for piece in pieces]
        ends = list(accumulate(sizes[w.start : w.end], initial=1))  # after the piece at the start
        core = range(w.core_start - w.start, w.core_end - w.start)
        made.append(
            TokenWindow(
                pieces=_closed(inside, tokenizer),
                tokens=[by_word[w.start + index][0] for index in core],
                spans=[(ends[index], ends[index + 1]) for index in core],
            )
        )
    return made


def _closed(pieces: list[int], tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Put the special pieces around a window that the encoder knows from its own training."""
    first = _first_known(tokenizer.cls_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id)
    last = _first_known(tokenizer.sep_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return [first, *pieces, last]


def _first_known(*ids: int | None) -> int:
    return next((number for number in ids if number is not None), 0)

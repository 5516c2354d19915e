"""Every word finds its first piece again, and windows read what the text says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.spans import Document, Span
from ossamma.tokenization.alignment import (
    IGNORED_LABEL,
    MAX_PIECES_PER_WORD,
    align,
    breaks_of,
    cut_window,
    piece_labels,
    shorten,
    words_of,
)
from ossamma.tokenization.features import FeatureSpec, WordFeatures
from ossamma.tokenization.tokenizer import TokenizerSettings, train_tokenizer
from ossamma.tokenization.windows import tile_words

FEATURES = WordFeatures([FeatureSpec("lower", 50), FeatureSpec("shape", 30)])


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["Ada met Ada"] * 2, TokenizerSettings(vocab_size=270))


texts = st.lists(
    st.sampled_from(["Ada", "met", "Babbage", ",", "1842", "x" * 70, "\n", "\n\n"]), max_size=12
).map(" ".join)
limits = st.tuples(st.integers(0, 30), st.integers(50, 90))


def laid_out(text, tokenizer):
    document = Document(id="d", text=text)
    return align(document, words_of(document), tokenizer, FEATURES)


@given(texts)
def test_each_word_keeps_its_pieces_and_features(tokenizer, text):
    laid = laid_out(text, tokenizer)
    surfaces = [text[word.start : word.end] for word in laid.words]
    assert "".join(surfaces) == "".join(text.split())
    assert list(laid.pieces) == [shorten(pieces) for pieces in tokenizer.encode_words(surfaces)]
    assert (laid.features == FEATURES.encode_words(surfaces)).all()


def reading(laid, window, tokenizer):
    """What a window must read, written down piece by piece: (piece, features, first piece of)."""
    nothing = (0,) * laid.features.shape[1]
    rows = [(tokenizer.cls_id, nothing, None)]
    for word in range(window.start, window.end):
        if word in laid.breaks and word > window.start:
            rows.append((tokenizer.sep_id, nothing, None))
        features = tuple(laid.features[word].tolist())
        for number, piece in enumerate(laid.pieces[word]):
            rows.append((piece, features, word if number == 0 else None))
    return [*rows, (tokenizer.sep_id, nothing, None)]


@given(texts, limits)
def test_a_window_reads_cls_its_words_a_sep_at_each_break_and_sep(tokenizer, text, limit):
    laid = laid_out(text, tokenizer)
    margin, room = limit
    windows = tile_words(
        laid.num_pieces, max_pieces=room + 2 * margin, margin=margin, cuts=laid.breaks
    )
    for window in windows:
        cut = cut_window(laid, window, tokenizer)
        wanted = reading(laid, window, tokenizer)
        assert cut.input_ids.tolist() == [piece for piece, _, _ in wanted]
        assert cut.features.tolist() == [list(features) for _, features, _ in wanted]
        core = range(window.core_start, window.core_end)
        first = {word: place for place, (_, _, word) in enumerate(wanted) if word is not None}
        assert cut.first_pieces.tolist() == [first[word] for word in core]
        begins = [i for i, word in enumerate(core) if i == 0 or word in laid.breaks]
        assert list(cut.segments) == begins
        assert len(cut.input_ids) <= room + 2 * margin + 2


@given(texts)
def test_the_counts_are_what_a_window_over_everything_reads(tokenizer, text):
    laid = laid_out(text, tokenizer)
    counts = [len(pieces) + (i in laid.breaks) for i, pieces in enumerate(laid.pieces)]
    assert list(laid.num_pieces) == counts


@given(texts, limits)
def test_labels_stand_at_the_first_pieces_of_core_words_only(tokenizer, text, limit):
    laid = laid_out(text, tokenizer)
    margin, room = limit
    for window in tile_words(laid.num_pieces, max_pieces=room + 2 * margin, margin=margin):
        cut = cut_window(laid, window, tokenizer)
        tags = list(range(len(cut.first_pieces)))
        labels = piece_labels(cut, tags)
        assert labels[cut.first_pieces].tolist() == tags
        elsewhere = np.delete(labels, cut.first_pieces)
        assert (elsewhere == IGNORED_LABEL).all()
        assert len(labels) == len(cut.input_ids)


def test_one_tag_is_not_taken_for_several_words(tokenizer):
    laid = laid_out("Ada met", tokenizer)
    [window] = tile_words(laid.num_pieces, max_pieces=100, margin=0)
    with pytest.raises(AssertionError, match="one tag per core word"):
        piece_labels(cut_window(laid, window, tokenizer), [3])


@given(st.lists(st.integers(), min_size=1, max_size=3 * MAX_PIECES_PER_WORD).map(tuple))
def test_a_word_of_very_many_pieces_keeps_its_head_and_tail(pieces):
    kept = shorten(pieces)
    if len(pieces) <= MAX_PIECES_PER_WORD:
        assert kept == pieces
    else:
        assert len(kept) == MAX_PIECES_PER_WORD
        assert kept[:32] == pieces[:32]
        assert kept[32:] == pieces[-16:]


def test_a_word_without_end_fits_a_window(tokenizer):
    laid = laid_out("Ada " + "q7" * 60 + " met", tokenizer)
    assert max(laid.num_pieces) == MAX_PIECES_PER_WORD


def test_the_sources_words_and_sentences_go_before_ours():
    text = "can't\nstop"
    own = (Span(0, 5), Span(6, 8), Span(8, 10))
    given_words = Document(id="d", text=text, words=own, sentence_starts=(0, 2))
    assert words_of(given_words) == own
    assert breaks_of(given_words, own) == (2,)  # not 1, where the line ends
    assert [text[w.start : w.end] for w in words_of(Document(id="d", text=text))] == [
        "ca",
        "n't",
        "stop",
    ]


@given(texts)
def test_without_sentences_each_new_line_is_a_break(text):
    document = Document(id="d", text=text)
    words = words_of(document)
    lines = [text.count("\n", 0, word.start) for word in words]
    changes = [i for i in range(1, len(words)) if lines[i] != lines[i - 1]]
    assert list(breaks_of(document, words)) == changes

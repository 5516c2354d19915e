"""Sizes that cannot work are refused at birth."""

from __future__ import annotations

import pytest

from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD

WORD = MAX_PIECES_PER_WORD + 1


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"margin_pieces": -1}, "margin_pieces must be >= 0, got -1"),
        ({"window_pieces": 2 * 32 + WORD - 1}, f"window_pieces must be at least {64 + WORD}"),
        ({"pass_overhead": -1}, "pass_overhead must be at least 0, got -1"),
        ({"batch_pieces": 511}, "batch_pieces must be at least 512, got 511"),
        ({"pending_pieces": 0}, "pending_pieces must be at least 1"),
        ({"decode_words": 0}, "decode_words must be at least 1"),
    ],
)
def test_an_impossible_size_is_refused(sizes, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        InferenceSettings(**sizes)


def test_the_smallest_sizes_are_possible():
    InferenceSettings(
        window_pieces=WORD,
        margin_pieces=0,
        batch_pieces=WORD + 2,
        pending_pieces=1,
        decode_words=1,
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"min_confidence": 1.5}, "min_confidence must lie in"),
        ({"min_confidence": float("nan")}, "min_confidence must lie in"),
        ({"thresholds": "recall"}, "thresholds must be one of none, f1, precision"),
        ({"thresholds": "f1", "calibrated": False}, "leave calibrated on"),
    ],
)
def test_what_cannot_be_kept_or_left_out_is_refused(options, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        InferenceSettings(**options)

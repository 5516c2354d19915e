"""Weights, margins and repeats of types: what is counted, where it goes, and 1 changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.labels import LabelSet
from ossamma.schema.supervision import WordSpan, allowed_tags
from ossamma.tokenization.alignment import PieceWindow
from ossamma.tokenization.batches import Example, collate
from ossamma.training.balance import (
    count_types,
    type_weights,
    types_in,
    window_repeats,
    with_margins,
)

LABELS = LabelSet(("A", "B", "C"))


def example(*spans, words=6, annotates=None, segments=(0,)):
    """A window of one piece a word with these entities (first, end, types)."""
    laid = [WordSpan(first, end, tuple(names)) for first, end, names in spans]
    window = PieceWindow(
        np.arange(words + 2), np.zeros((words + 2, 0), np.int64), np.arange(1, words + 1), segments
    )
    return Example(window, allowed_tags(laid, words, LABELS, annotates=annotates))


def test_types_are_those_of_entities_that_surely_begin():
    assert types_in(example((0, 2, "A"), (3, 4, "C"))) == {0, 2}
    assert types_in(example()) == frozenset()
    open_types = example((0, 1, "A"), annotates=frozenset("A"))
    assert types_in(open_types) == {0}


def test_entities_are_counted_once_and_open_ones_shared():
    examples = [example((0, 3, "A"), (4, 5, "A")), example((1, 2, "AB"))]
    np.testing.assert_allclose(count_types(examples, 3), [2.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("power", "most", "expected"),
    [
        (0.0, 10.0, [1, 1, 1]),
        (1.0, 10.0, [1, 10, 1]),
        (0.5, 100.0, [1, 8, 1]),
        (0.5, 1.0, [1, 1, 1]),
    ],
)
def test_weights_are_powers_of_how_much_rarer_a_type_is(power, most, expected):
    counts = np.array([64.0, 1.0, 0.0])
    np.testing.assert_allclose(type_weights(counts, power=power, most=most), expected)


@given(st.lists(st.floats(0.5, 1e5), min_size=1, max_size=8), st.floats(0.0, 2.0))
def test_rarer_types_never_weigh_less(counts, power):
    weights = type_weights(np.array(counts), power=power, most=10.0)
    assert all(1.0 <= weight <= 10.0 for weight in weights)
    order = np.argsort(counts)
    assert all(np.diff(weights[order]) <= 1e-9)


def test_margins_stand_at_the_words_of_entities_and_nowhere_else():
    (made,) = with_margins([example((1, 3, "B"), (4, 5, "AC"))], np.array([1.0, 2.0, 8.0]))
    two, eight = math.log(2.0), math.log(8.0)
    np.testing.assert_allclose(made.margins, [0, two, two, 0, eight, 0], rtol=1e-6)


def test_where_nothing_is_certain_there_is_no_margin():
    (made,) = with_margins([example(annotates=frozenset())], np.array([5.0, 5.0, 5.0]))
    assert not made.margins.any()


def test_margins_go_with_their_lines_into_a_batch():
    made = with_margins(
        [example((0, 2, "B"), (4, 5, "C"), segments=(0, 4)), example(words=2)],
        np.array([1.0, 2.0, 8.0]),
    )
    batch = collate(made, pad_id=0)
    two, eight = math.log(2.0), math.log(8.0)
    expected = [[two, two, 0, 0], [eight, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(batch["margins"].numpy(), expected, rtol=1e-6)
    assert batch["margins"].shape == batch["word_mask"].shape
    assert "margins" not in collate([example((0, 2, "B"))], pad_id=0)


def test_windows_with_rare_types_are_read_more_often():
    examples = [example((0, 1, "A"))] * 99 + [example((0, 1, "B"))]
    repeats = window_repeats(examples, 0.09)
    assert repeats[:99] == [1.0] * 99
    assert repeats[99] == pytest.approx(3.0)

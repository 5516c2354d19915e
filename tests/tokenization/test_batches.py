"""Batches hold every window unchanged, and padding says that it is padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.tokenization.alignment import PieceWindow
from ossamma.tokenization.batches import Example, collate, group_by_length

PAD = 9
NUM_FEATURES, NUM_TAGS = 2, 5


@st.composite
def examples(draw, *, supervised=True):
    """A window of random pieces with its words, segments and allowed tags."""
    num_words = draw(st.integers(1, 6))
    num_pieces = draw(st.integers(num_words + 2, 12))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    places = np.sort(generator.choice(np.arange(1, num_pieces - 1), num_words, replace=False))
    inner = sorted(draw(st.sets(st.integers(1, num_words), max_size=3)) - {num_words})
    return Example(
        PieceWindow(
            input_ids=generator.integers(10, 99, num_pieces),
            features=generator.integers(0, 50, (num_pieces, NUM_FEATURES)),
            first_pieces=places,
            segments=(0, *inner),
        ),
        generator.random((num_words, NUM_TAGS)) < 0.5 if supervised else None,
        draw(st.sampled_from([0.5, 1.0, 3.0])),
    )


batches = st.lists(examples(), min_size=1, max_size=4)


def rows_of(batch_examples):
    """(example number, first word, end word) of each segment, in order."""
    return [
        (number, start, end)
        for number, example in enumerate(batch_examples)
        for start, end in zip(
            example.window.segments,
            (*example.window.segments[1:], len(example.window.first_pieces)),
            strict=True,
        )
    ]


@given(batches)
def test_a_batch_holds_each_window_and_nothing_else(given_examples):
    batch = collate(given_examples, pad_id=PAD)
    longest = max(example.length for example in given_examples)
    assert batch["input_ids"].shape == (len(given_examples), longest)
    for number, example in enumerate(given_examples):
        length = example.length
        assert batch["input_ids"][number, :length].tolist() == example.window.input_ids.tolist()
        assert (batch["input_ids"][number, length:] == PAD).all()
        assert batch["attention_mask"][number].tolist() == [i < length for i in range(longest)]
        features = batch["word_features"][number]
        assert features[:length].tolist() == example.window.features.tolist()
        assert (features[length:] == 0).all()


@given(batches)
def test_each_segment_is_one_row_that_finds_its_words(given_examples):
    batch = collate(given_examples, pad_id=PAD)
    pieces = batch["input_ids"].flatten()
    rows = rows_of(given_examples)
    assert len(rows) == len(batch["first_pieces"]) == len(batch["word_mask"])
    for row, (number, start, end) in enumerate(rows):
        mask = batch["word_mask"][row]
        assert mask.tolist() == [i < end - start for i in range(len(mask))]
        window = given_examples[number].window
        found = pieces[batch["first_pieces"][row][mask]]
        assert found.tolist() == window.input_ids[window.first_pieces[start:end]].tolist()
        assert (batch["first_pieces"][row][~mask] == 0).all()


@given(batches)
def test_supervision_follows_its_words_and_padding_allows_o_alone(given_examples):
    batch = collate(given_examples, pad_id=PAD)
    for row, (number, start, end) in enumerate(rows_of(given_examples)):
        allowed, size = batch["allowed_tags"][row], end - start
        assert allowed[:size].tolist() == given_examples[number].allowed[start:end].tolist()
        assert allowed[size:, 0].all()
        assert not allowed[size:, 1:].any()
        assert batch["weights"][row] == given_examples[number].weight


@given(st.lists(examples(supervised=False), min_size=1, max_size=2), examples())
def test_without_supervision_for_all_there_is_none(unlabelled, labelled):
    for mixture in (unlabelled, [*unlabelled, labelled], [labelled, *unlabelled]):
        assert {"allowed_tags", "weights"}.isdisjoint(collate(mixture, pad_id=PAD))


@given(examples())
def test_an_example_refuses_supervision_of_other_words(example):
    with pytest.raises(AssertionError, match="one set of allowed tags per core word"):
        Example(example.window, example.allowed[:-1])


lengths_and_budget = st.tuples(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 120))


@given(lengths_and_budget)
def test_groups_are_a_partition_within_the_budget(case):
    lengths, budget = case
    groups = group_by_length(lengths, max_pieces=budget)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        padded = len(group) * max(lengths[index] for index in group)
        assert padded <= budget or len(group) == 1


@given(lengths_and_budget)
def test_groups_come_longest_first_and_as_full_as_they_may_be(case):
    lengths, budget = case
    groups = group_by_length(lengths, max_pieces=budget)
    flat = [lengths[index] for group in groups for index in group]
    assert flat == sorted(lengths, reverse=True)
    for group in groups[:-1]:
        assert (len(group) + 1) * lengths[group[0]] > budget

"""Every window is seen once per epoch, in an order that seed and epoch alone decide."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ossamma.training.sampling import LengthBatchSampler

lengths = st.lists(st.integers(1, 50), max_size=300)
batch_sizes = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
epochs = st.integers(0, 10)


def batches_of(lengths, batch_size, seed, epoch):
    sampler = LengthBatchSampler(lengths, batch_size=batch_size, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


@given(lengths, batch_sizes, seeds, epochs)
def test_every_index_comes_exactly_once(lengths, batch_size, seed, epoch):
    batches = batches_of(lengths, batch_size, seed, epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(0 < len(batch) <= batch_size for batch in batches)


@given(lengths, batch_sizes, seeds, epochs)
def test_the_number_of_batches_is_the_same_in_every_epoch(lengths, batch_size, seed, epoch):
    sampler = LengthBatchSampler(lengths, batch_size=batch_size, seed=seed)
    assert len(batches_of(lengths, batch_size, seed, epoch)) == len(sampler)
    assert len(sampler) == -(-len(lengths) // batch_size)


@given(lengths, batch_sizes, seeds, epochs)
def test_seed_and_epoch_decide_the_order(lengths, batch_size, seed, epoch):
    first = batches_of(lengths, batch_size, seed, epoch)
    assert first == batches_of(lengths, batch_size, seed, epoch)


def test_an_epoch_can_be_repeated_after_others():
    sampler = LengthBatchSampler(range(100), batch_size=8, seed=3)
    orders = {}
    for epoch in (0, 1, 2, 1, 0):
        sampler.set_epoch(epoch)
        order = list(sampler)
        assert orders.setdefault(epoch, order) == order


def test_epochs_and_seeds_differ():
    orders = [batches_of(range(100), 8, seed, epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert len({repr(order) for order in orders}) == 4


def test_batches_hold_windows_of_like_length():
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 200, 2_000)

    def padding(batches):
        return sum(len(b) * max(lengths[b]) - sum(lengths[b]) for b in batches)

    chance = [list(part) for part in np.array_split(generator.permutation(2_000), 125)]
    assert padding(batches_of(lengths, 16, 1, 0)) < 0.1 * padding(chance)


def test_the_lengths_of_batches_follow_no_order():
    """Otherwise an epoch would begin with all short windows or end with all long ones."""
    batches = batches_of(np.arange(400), 4, 1, 0)
    longest = [max(batch) for batch in batches]
    rises = sum(later > earlier for earlier, later in pairwise(longest))
    assert 0.3 < rises / len(longest) < 0.7


repeats = st.lists(st.floats(1.0, 10.0), min_size=1, max_size=60)


@given(repeats, batch_sizes, seeds, epochs)
def test_a_repeated_window_comes_as_often_as_the_whole_numbers_around(often, size, seed, epoch):
    sampler = LengthBatchSampler(range(len(often)), batch_size=size, seed=seed, repeats=often)
    sampler.set_epoch(epoch)
    drawn = [index for batch in sampler for index in batch]
    counts = np.bincount(drawn, minlength=len(often))
    total = int(np.ceil(sum(often) - 1e-9))
    assert abs(len(drawn) - total) <= 1
    assert len(list(sampler)) == len(sampler)
    scaled = np.array(often) * len(drawn) / sum(often)
    assert all(np.floor(scaled - 1e-6) <= counts)
    assert all(counts <= np.ceil(scaled + 1e-6))
    assert counts.min() >= 1


def test_over_the_epochs_a_window_comes_as_often_as_was_asked():
    often = [1.0, 2.5, 1.25, 3.25]
    sampler = LengthBatchSampler([1] * 4, batch_size=3, seed=0, repeats=often)
    counts = np.zeros(4)
    for epoch in range(400):
        sampler.set_epoch(epoch)
        counts += np.bincount([index for batch in sampler for index in batch], minlength=4)
    np.testing.assert_allclose(counts / 400, often, atol=0.08)


@given(lengths, batch_sizes, seeds, epochs)
def test_repeats_of_one_are_none(lengths, batch_size, seed, epoch):
    sampler = LengthBatchSampler(
        lengths, batch_size=batch_size, seed=seed, repeats=[1.0] * len(lengths)
    )
    sampler.set_epoch(epoch)
    drawn = sorted(index for batch in sampler for index in batch)
    assert drawn == list(range(len(lengths)))

"""The order of pre-training: complete, balanced, within budget, and the same for any sharing."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.training.row_batches import RowBatchSampler, RowPick, RowSource

LENGTHS = st.lists(st.integers(3, 60), min_size=1, max_size=40).map(np.array)
SOURCES = st.lists(
    st.builds(RowSource, LENGTHS, st.sampled_from([0.25, 0.5, 1.0, 1.7, 3.0])),
    min_size=1,
    max_size=3,
)


def sampler(sources: list[RowSource], **changes: int) -> RowBatchSampler:
    options = {"batch_pieces": 100, "seed": 1, "num_batches": 60, **changes}
    return RowBatchSampler(sources, **options)


@settings(deadline=None)
@given(SOURCES, st.integers(0, 5))
def test_batches_stay_within_the_budget_and_hold_rows_of_one_pass(sources, seed) -> None:  # type: ignore[no-untyped-def]
    lengths = np.concatenate([source.lengths for source in sources])
    for batch in sampler(sources, seed=seed):
        longest = max(lengths[pick.row] for pick in batch)
        assert longest * len(batch) <= 100 or len(batch) == 1
        assert len({pick.visit for pick in batch}) == 1


@settings(deadline=None)
@given(SOURCES, st.integers(1, 9))
def test_after_any_number_of_passes_rows_were_seen_as_often_as_their_weight_says(
    sources: list[RowSource], passes: int
) -> None:
    plan = sampler(sources, num_batches=5000)
    seen: Counter[int] = Counter()
    for pick in chain.from_iterable(plan):
        if pick.visit >= passes:
            break
        seen[pick.row] += 1
    first = 0
    for source in sources:
        counts = [seen[first + row] for row in range(len(source.lengths))]
        assert sum(counts) == int(passes * source.weight * len(counts))
        assert max(counts) - min(counts) <= 1
        first += len(counts)


@settings(deadline=None)
@given(SOURCES, st.integers(1, 4))
def test_processes_share_the_batches_of_one(sources: list[RowSource], world_size: int) -> None:
    together = list(sampler(sources, num_batches=12 * world_size))
    parts = [
        list(sampler(sources, num_batches=12, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert list(chain.from_iterable(zip(*parts, strict=True))) == together


def test_the_order_depends_on_the_seed_alone() -> None:
    source = [RowSource(np.arange(3, 60))]
    assert list(sampler(source)) == list(sampler(source))
    assert list(sampler(source)) != list(sampler(source, seed=2))


def test_passes_differ_in_their_order() -> None:
    plan = list(chain.from_iterable(sampler([RowSource(np.full(30, 10))], num_batches=9)))
    orders = [[pick.row for pick in plan if pick.visit == visit] for visit in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(30))
    assert orders[0] != orders[1]


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = np.random.default_rng(0).integers(5, 500, size=4000)
    plan = sampler([RowSource(lengths)], batch_pieces=4000, num_batches=200)
    real = padded = 0
    for batch in plan:
        rows = [int(lengths[pick.row]) for pick in batch]
        real += sum(rows)
        padded += max(rows) * len(rows)
    assert real / padded > 0.95


def test_no_rows_and_impossible_weights_are_refused() -> None:
    with pytest.raises(DataError, match="at least one row"):
        sampler([RowSource(np.zeros(0, dtype=np.int64))])
    with pytest.raises(ConfigurationError, match="weight"):
        RowSource(np.array([3]), weight=0.0)
    assert RowPick(0, 1) == RowPick(0, 1)

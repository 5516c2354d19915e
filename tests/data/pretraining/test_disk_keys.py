"""Keys on the disk come together, however few fit into memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.data.pretraining.disk_keys import DiskKeys, Flags


def together(keys: DiskKeys) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for keys_N, numbers_N in keys.parts():
        part: dict[int, list[int]] = {}
        for key, number in zip(keys_N.tolist(), numbers_N.tolist(), strict=True):
            part.setdefault(key, []).append(number)
        assert not found.keys() & part.keys()  # a key stands in one part only
        found |= part
    return found


@settings(max_examples=40)
@given(
    batches=st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3)), max_size=4),
    max_pairs=st.integers(1, 5),
)
def test_they_are_those_of_a_dict(tmp_path_factory, batches, max_pairs):
    keys = DiskKeys(tmp_path_factory.mktemp("k") / "keys", max_pairs=max_pairs)
    expected: dict[int, list[int]] = {}
    number = 0
    for batch in batches:
        numbers = range(number, number + len(batch))
        keys.add(np.array(batch, dtype=np.uint64), np.array(numbers, dtype=np.int64))
        for key, its in zip(batch, numbers, strict=True):
            expected.setdefault(key, []).append(its)
        number += len(batch)
    assert together(keys) == expected


def test_many_pairs_are_flushed_and_parts_stay_small(tmp_path):
    generator = np.random.default_rng(0)
    keys = DiskKeys(tmp_path / "keys", max_pairs=10_000)
    for start in range(0, 300_000, 100_000):
        some = generator.integers(0, 2**64, 100_000, dtype=np.uint64)
        keys.add(some, np.arange(start, start + 100_000))
    sizes = [len(keys_N) for keys_N, _ in keys.parts()]
    assert sum(sizes) == 300_000
    assert max(sizes) <= 10_000
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 8, 9, 100])
def test_flags_are_a_set(size):
    generator = np.random.default_rng(size)
    numbers = generator.integers(0, size, 2 * size) if size else np.zeros(0, np.int64)
    flags = Flags(size)
    flags.set(numbers)
    expected = set(numbers.tolist())
    assert len(flags) == len(expected)
    assert [number in flags for number in range(size)] == [n in expected for n in range(size)]
    assert flags.has(np.arange(size)).tolist() == [n in expected for n in range(size)]

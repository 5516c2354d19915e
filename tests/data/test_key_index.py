from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.key_index import KeyIndex


def key_of(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=16).digest()


@given(st.lists(st.integers(0, 30).map(key_of) | st.binary(min_size=16, max_size=16)))
def test_it_is_a_dict(keys):
    index, twin = KeyIndex(), {}
    for key in keys:
        assert index.find(key) == twin.get(key)
        if key not in twin:
            twin[key] = index.add(key)
    assert list(twin.values()) == list(range(len(twin)))
    assert len(index) == len(twin)


def test_keys_of_one_slot_are_told_apart():
    index = KeyIndex()
    keys = [bytes(8) + bytes([number]) + bytes(7) for number in range(200)]
    assert [index.add(key) for key in keys] == list(range(200))
    assert [index.find(key) for key in keys] == list(range(200))
    assert index.find(bytes(15) + b"\1") is None


@pytest.mark.parametrize("num_keys", [1023, 1024, 1025, 5000])
def test_growing_loses_nothing(num_keys):
    index = KeyIndex()
    for number in range(num_keys):
        index.add(key_of(number))
    assert [index.find(key_of(number)) for number in range(num_keys)] == list(range(num_keys))
    assert index.find(key_of(num_keys)) is None


def test_memory_for_a_key_is_small():
    index = KeyIndex()
    for number in range(8192):
        index.add(key_of(number))
    assert index.num_bytes <= 28 * 8192 + 8192

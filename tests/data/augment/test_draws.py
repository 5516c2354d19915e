"""Seeded generators and bounded shares."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.draws import choose, seeded


@given(st.lists(st.integers(), max_size=30), st.floats(0, 1), st.integers(0, 99))
def test_a_share_is_rounded_up_or_down_and_keeps_the_order(items, rate, seed):
    numbered = list(enumerate(items))
    chosen = choose(numbered, rate, Random(seed))
    assert math.floor(rate * len(items)) <= len(chosen) <= math.ceil(rate * len(items))
    assert chosen == [item for item in numbered if item in set(chosen)]


def test_the_mean_share_is_the_rate_and_all_items_are_alike():
    rng = Random(5)
    chosen = [item for _ in range(4000) for item in choose(range(7), 0.3, rng)]
    for item in range(7):
        assert abs(chosen.count(item) / 4000 - 0.3) < 0.03


def test_names_are_kept_apart():
    keys = [(1, "ab", "c"), (1, "a", "bc"), (11, "ab", "c"), (1, 1, "c"), (1, "1", "d")]
    assert len({seeded(*key).random() for key in keys}) == len(keys)


def test_the_generator_is_the_same_on_every_machine():
    assert seeded(1, 0, 0, "typos", "a-1").random() == 0.20520859429266347
    assert seeded(1, "\ud800").random() != seeded(1, "\ud801").random()

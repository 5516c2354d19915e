"""Rare types are read more often, frequent ones as often as they come."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.repeat_factors import repeat_factors

TYPES = st.lists(st.sets(st.sampled_from("ABC"), max_size=3), min_size=1, max_size=40)


@given(TYPES, st.floats(0.01, 1.0))
def test_no_document_is_read_less_than_once_and_rarer_types_never_less(types, threshold):
    factors = repeat_factors(types, threshold)
    assert all(1.0 <= factor <= 10.0 for factor in factors)
    counts = Counter(name for of_document in types for name in of_document)
    single = {next(iter(t)): f for t, f in zip(types, factors, strict=True) if len(t) == 1}
    for one, factor in single.items():
        if counts[one] >= threshold * len(types):
            assert factor == 1.0
        for other, its_factor in single.items():
            assert factor >= its_factor or counts[one] >= counts[other]

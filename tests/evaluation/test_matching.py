"""Matching: as good as the best of all matchings, one to one, whatever the order."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.matching import (
    EXACT_LIMIT,
    Borders,
    Match,
    Worth,
    best_worth_reference,
    components,
    match,
    match_chain,
)
from tests.evaluation.spans import borders, disjoint

Sides = tuple[list[Borders], list[Borders]]
sides = st.tuples(st.lists(borders, max_size=4), st.lists(borders, max_size=4)).map(
    lambda both: (sorted(both[0]), sorted(both[1]))
)


def worth_from(seed: int) -> Callable[[int, int], Worth | None]:
    """Worth that has nothing to do with the spans; one pair in five must not be paired."""

    def worth(row: int, column: int) -> Worth | None:
        generator = random.Random(seed * 10_000 + row * 100 + column)
        values = generator.randrange(3), 1, generator.randrange(20)
        return None if generator.random() < 0.2 else values

    return worth


def overlap(one: Borders, other: Borders) -> bool:
    return bool(set(range(*one)) & set(range(*other)))


def total(found: Match, worth: Callable[[int, int], Worth | None]) -> Worth:
    values = [worth(*pair) for pair in found]
    return tuple(map(sum, zip(*(value for value in values if value is not None), strict=True)))


class TestMatch:
    @given(sides, st.integers(0, 1000))
    def test_no_other_matching_is_worth_more(self, both: Sides, seed: int) -> None:
        worth = worth_from(seed)
        assert total(match(*both, worth), worth) == best_worth_reference(*both, worth)

    @given(sides, st.integers(0, 1000), st.sampled_from([EXACT_LIMIT, 1]))
    def test_pairs_overlap_may_be_paired_and_share_no_span(
        self, both: Sides, seed: int, limit: int
    ) -> None:
        worth = worth_from(seed)
        found = match(*both, worth, limit=limit)
        for row, column in found:
            assert overlap(both[0][row], both[1][column])
            assert worth(row, column) is not None
        assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)

    @given(sides, st.integers(0, 1000))
    def test_above_the_limit_the_first_number_is_still_the_greatest(
        self, both: Sides, seed: int
    ) -> None:
        plain = worth_from(seed)

        def worth(row: int, column: int) -> Worth | None:
            value = plain(row, column)
            return None if value is None else (int(value[0] > 0), *value[1:])

        found = total(match(*both, worth, limit=1), worth)
        assert found[:1] == best_worth_reference(*both, worth)[:1]

    @pytest.mark.parametrize("seed", range(5))
    def test_a_chain_is_matched_as_well_as_by_the_general_way(self, seed: int) -> None:
        """Long chains of disjoint spans; a span of no worth over all of them makes a tangle."""
        generator = random.Random(seed)
        gold = [(i, i + 3) for i in range(0, 120, 3)]
        predicted = [(start, end) for start, end in disjoint(generator, 120, 60)]
        plain = worth_from(seed)

        def worth(row: int, column: int) -> Worth | None:
            return plain(row, column) if column < len(predicted) else None

        chain = match(gold, predicted, worth)
        tangle = match(gold, [*predicted, (0, 120)], worth)
        assert total(chain, worth) == total(tangle, worth)
        assert len(chain) > 10

    def test_of_equals_the_first_is_taken(self) -> None:
        assert match_chain({(0, 0): (1,), (0, 1): (1,), (1, 1): (1,), (1, 2): (1,)}) == [
            (0, 0),
            (1, 1),
        ]

    def test_without_spans_there_are_no_pairs(self) -> None:
        assert match([], [(0, 1)], worth_from(0)) == match([(0, 1)], [], worth_from(0)) == []


class TestComponents:
    @given(sides)
    def test_overlapping_spans_are_in_one_component(self, both: Sides) -> None:
        place: dict[tuple[int, int], int] = {}
        for number, sides_of_one in enumerate(components(*both)):
            for side, indices in enumerate(sides_of_one):
                assert indices
                for index in indices:
                    assert (side, index) not in place
                    place[side, index] = number
        for row, one in enumerate(both[0]):
            for column, other in enumerate(both[1]):
                if overlap(one, other):
                    assert place[0, row] == place[1, column]

    def test_touching_spans_are_apart(self) -> None:
        assert list(components([(0, 2), (2, 4)], [(0, 1), (3, 4)])) == [([0], [0]), ([1], [1])]

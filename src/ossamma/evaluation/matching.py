"""Optimal one-to-one matching of gold spans with predicted spans, whatever their order.

The worth of a pair is a tuple of whole numbers, the weightiest first. The best matching has the
largest sum of the first numbers, among those the largest sum of the second, and so on. Only spans
that overlap may be paired, so the spans fall into components that are matched on their own; most
hold one span of each side.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise, permutations
from operator import add
from typing import Final, TypeAlias

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

Borders: TypeAlias = tuple[int, int]
Worth: TypeAlias = tuple[int, ...]
Match: TypeAlias = list[tuple[int, int]]

EXACT_LIMIT: Final = 2**53
"""Doubles hold every whole number below this: sums of worth stay exact."""


def match(
    gold: Sequence[Borders],
    predicted: Sequence[Borders],
    worth: Callable[[int, int], Worth | None],
    *,
    limit: int = EXACT_LIMIT,
) -> Match:
    """Pair the spans of the two sides so that the worth of all pairs together is the largest.

    Give both sides in sorted order: the answer is then a function of the two sets of spans.

    Args:
        gold: start and end (exclusive) of each span; spans of one side may overlap.
        predicted: the same for the other side.
        worth: of a pair of overlapping spans, by their indices: numbers >= 0, always as many, not
            all of them 0. None where the two must not be paired.
        limit: above it, a component's worth is not added up but maximised number by number: each
            number only among the spans that the ones before left over. It takes more than a
            hundred spans of either side in one component, some of one side overlapping.

    Returns:
        Pairs of indices, ascending.
    """
    pairs: Match = []
    for rows, columns in components(gold, predicted):
        edges = {
            pair: value
            for pair in _overlapping(gold, predicted, rows, columns)
            if (value := worth(*pair)) is not None
        }
        if len(edges) < 2:
            pairs.extend(edges)
        elif _disjoint(gold, rows) and _disjoint(predicted, columns):
            pairs.extend(match_chain(edges))
        else:
            pairs.extend(_assign(edges, rows, columns, limit))
    return sorted(pairs)


def components(
    gold: Sequence[Borders], predicted: Sequence[Borders]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the indices of gold and predicted spans that hang together by overlap.

    Components without a span of either side are left out.
    """
    spans = sorted(
        [(start, end, 0, i) for i, (start, end) in enumerate(gold)]
        + [(start, end, 1, i) for i, (start, end) in enumerate(predicted)]
    )
    sides: tuple[list[int], list[int]] = ([], [])
    reach = 0
    for start, end, side, index in spans:
        if start >= reach:
            if sides[0] and sides[1]:
                yield sides
            sides = ([], [])
        sides[side].append(index)
        reach = max(reach, end)
    if sides[0] and sides[1]:
        yield sides


def _overlapping(
    gold: Sequence[Borders],
    predicted: Sequence[Borders],
    rows: Sequence[int],
    columns: Sequence[int],
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a component that overlap, in sorted order of both sides."""
    starts = [predicted[column][0] for column in columns]
    reaches = list(accumulate((predicted[column][1] for column in columns), max))
    for row in rows:
        start, end = gold[row]
        for place in range(bisect_right(reaches, start), bisect_left(starts, end)):
            if predicted[columns[place]][1] > start:
                yield row, columns[place]


def _disjoint(spans: Sequence[Borders], indices: Sequence[int]) -> bool:
    """Whether these spans of one side, in sorted order, do not overlap each other."""
    return all(spans[i][1] <= spans[j][0] for i, j in pairwise(indices))


def match_chain(edges: Mapping[tuple[int, int], Worth]) -> Match:
    """Match a component where no two spans of one side overlap.

    Such a component is a chain: in sorted order, pairs that share a span stand side by side. The
    best worth of the pairs up to one is that without it, or with it and without its conflicts.
    Where two matchings are worth the same, the one whose pairs come first is taken.

    Args:
        edges: the pairs that may be taken, in sorted order, with their worth.
    """
    pairs = list(edges)
    best: list[Worth] = [tuple(0 for _ in edges[pairs[0]])]
    taken: list[int] = []  # of each pair: where to go on if it is taken, else -1
    first: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for place, (row, column) in enumerate(pairs):
        before = min(first[0].setdefault(row, place), first[1].setdefault(column, place))
        with_it = tuple(map(add, best[before], edges[row, column]))
        better = with_it > best[-1]
        taken.append(before if better else -1)
        best.append(with_it if better else best[-1])
    found: Match = []
    place = len(pairs)
    while place > 0:
        place -= 1
        if taken[place] >= 0:
            found.append(pairs[place])
            place = taken[place]
    return found[::-1]


def _assign(
    edges: dict[tuple[int, int], Worth], rows: Sequence[int], columns: Sequence[int], limit: int
) -> Match:
    """Match one component, whatever overlaps what."""
    most = min(len(rows), len(columns))
    unit, units = 1, []
    for level in reversed(list(zip(*edges.values(), strict=True))):
        units.append(unit)
        unit *= most * max(level) + 1
    if unit > limit:
        return _assign_by_level(edges, rows, columns)
    units.reverse()
    row_of, column_of = _positions(rows), _positions(columns)
    total = np.zeros((len(rows), len(columns)))
    for (row, column), value in edges.items():
        total[row_of[row], column_of[column]] = sum(
            u * v for u, v in zip(units, value, strict=True)
        )
    chosen = zip(*linear_sum_assignment(total, maximize=True), strict=True)
    found = ((rows[row], columns[column]) for row, column in chosen)
    return [pair for pair in found if pair in edges]


def _assign_by_level(
    edges: dict[tuple[int, int], Worth], rows: Sequence[int], columns: Sequence[int]
) -> Match:
    """Match the pairs that have the first number, then what is left by the second, and so on."""
    row_of, column_of = _positions(rows), _positions(columns)
    free_rows, free_columns = set(rows), set(columns)
    found: Match = []
    for level in range(len(next(iter(edges.values())))):
        open_edges = [
            (row_of[row], column_of[column])
            for (row, column), value in edges.items()
            if value[level] and row in free_rows and column in free_columns
        ]
        if not open_edges:
            continue
        at = tuple(np.array(open_edges).T)
        graph = csr_array((np.ones(len(open_edges)), at), shape=(len(rows), len(columns)))
        partner = maximum_bipartite_matching(graph, perm_type="column")
        pairs = [(rows[i], columns[j]) for i, j in enumerate(partner) if j >= 0]
        found.extend(pairs)
        free_rows.difference_update(row for row, _ in pairs)
        free_columns.difference_update(column for _, column in pairs)
    return found


def _positions(indices: Sequence[int]) -> dict[int, int]:
    return {index: position for position, index in enumerate(indices)}


def best_worth_reference(
    gold: Sequence[Borders],
    predicted: Sequence[Borders],
    worth: Callable[[int, int], Worth | None],
) -> Worth:
    """Give the worth of the best matching by trying every one. The definition; for small cases."""
    best: Worth = ()
    seats = [*range(len(predicted)), *([-1] * len(gold))]
    for seating in set(permutations(seats, len(gold))):
        values = [
            worth(row, column)
            for row, column in enumerate(seating)
            if column >= 0
            and gold[row][0] < predicted[column][1]
            and predicted[column][0] < gold[row][1]
        ]
        allowed = [value for value in values if value is not None]
        best = max(best, tuple(map(sum, zip(*allowed, strict=True))))
    return best

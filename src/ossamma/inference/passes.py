"""Which windows share a forward pass: the cheapest way, by padding and by number of passes.

A pass over n windows costs as much as `overhead` pieces, and n times its longest window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

PASS_OVERHEAD: Final = 80
"""What a forward pass of the default model costs on a CPU whatever is in it, in pieces."""


def plan_passes(lengths: Sequence[int], *, overhead: int) -> list[list[int]]:
    """Group item indices into the passes that cost least, the longest items first.

    Some best grouping is contiguous by length, so a shortest path over the distinct lengths finds
    it: time is quadratic in their number.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    runs = [list(run) for _, run in groupby(order, key=lambda index: lengths[index])]
    borders = [0]
    for run in runs:
        borders.append(borders[-1] + len(run))
    # cheapest[i]: cost of the first i runs, and where the last pass of them begins.
    cheapest: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(runs) + 1):
        costs = [
            (
                cheapest[start][0]
                + overhead
                + (borders[end] - borders[start]) * lengths[runs[start][0]],
                start,
            )
            for start in range(end)
        ]
        cheapest.append(min(costs))
    passes: list[list[int]] = []
    end = len(runs)
    while end:
        start = cheapest[end][1]
        passes.append(order[borders[start] : borders[end]])
        end = start
    return passes[::-1]


def cost_of(passes: Sequence[Sequence[int]], lengths: Sequence[int], *, overhead: int) -> int:
    """Return what these passes cost, in pieces."""
    return sum(overhead + len(each) * max(lengths[i] for i in each) for each in passes)


def least_cost_reference(lengths: Sequence[int], *, overhead: int) -> int:
    """Return the least cost of all groupings, each tried. The definition; never optimised."""
    groupings = _groupings(list(range(len(lengths))))
    return min(cost_of(each, lengths, overhead=overhead) for each in groupings)


def _groupings(items: list[int]) -> Iterator[list[list[int]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for grouping in _groupings(rest):
        yield [[first], *grouping]
        for number, group in enumerate(grouping):
            yield [*grouping[:number], [first, *group], *grouping[number + 1 :]]

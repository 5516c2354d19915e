"""A curve as one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(
    values: Sequence[float], width: int = 40, *, bounds: tuple[float, float] | None = None
) -> str:
    """Return at most `width` blocks, each the mean of its part of the values.

    The lowest block stands for the lower bound, the highest for the upper one; without bounds they
    are the least and the greatest of the means. Where both are the same the middle is drawn.
    """
    count = min(width, len(values))
    borders = [index * len(values) // count for index in range(count + 1)] if count else []
    parts = [values[start:end] for start, end in pairwise(borders)]
    means = [sum(part) / len(part) for part in parts]
    low, high = bounds or (min(means, default=0.0), max(means, default=0.0))
    if low == high:
        return _LEVELS[len(_LEVELS) // 2 - 1] * len(means)
    top = len(_LEVELS) - 1
    levels = (round((mean - low) / (high - low) * top) for mean in means)
    return "".join(_LEVELS[min(max(level, 0), top)] for level in levels)

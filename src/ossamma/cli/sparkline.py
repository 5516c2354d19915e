"""A curve as one line of text."""

from __future__ import annotations

from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return at most `width` blocks, each the mean of its part of the values.

    The lowest block is the least of these means, the highest the greatest; a curve that stands
    still is drawn in the middle.
    """
    parts = [
        values[index * len(values) // count : (index + 1) * len(values) // count]
        for count in [min(width, len(values))]
        for index in range(count)
    ]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means, default=0.0), max(means, default=0.0)
    if low == high:
        return _LEVELS[len(_LEVELS) // 2 - 1] * len(means)
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[round((mean - low) / (high - low) * steps)] for mean in means)

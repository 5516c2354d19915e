"""Intervals of shares: an interval as a value, and Wilson's interval of many shares at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ossamma.schema.errors import ConfigurationError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval [low, high]. [0, 1] of a share says that nothing is known of it."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:  # also refuses NaN
            raise ConfigurationError(
                f"an interval needs low <= high, got [{self.low}, {self.high}]"
            )

    @property
    def width(self) -> float:
        """How little is known."""
        return self.high - self.low

    def to_json(self) -> list[float]:
        """Both ends."""
        return [self.low, self.high]


def check_level(level: float) -> None:
    """Refuse what cannot be the level of an interval. Raises ConfigurationError."""
    if not 0.0 < level < 1.0:
        raise ConfigurationError(
            f"level must lie strictly between 0 and 1, got {level}; 0.95 is usual"
        )


def wilson(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> Floats:
    """Score intervals of shares of independent trials (Wilson 1927, JASA 22:209).

    Args:
        successes: numbers of successes, any shape.
        trials: numbers of trials, the same shape; without any trial the interval is [0, 1].
        level: share of such intervals that shall hold the true share.

    Returns:
        Low and high end in a last axis of length 2.
    """
    check_level(level)
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    z2 = float(ndtri((1.0 + level) / 2.0)) ** 2
    share = np.divide(k, n, out=np.full(np.broadcast(k, n).shape, 0.5), where=n > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (k + z2 / 2.0) / (n + z2)
        reach = np.sqrt(z2 * (n * share * (1.0 - share) + z2 / 4.0)) / (n + z2)
    ends = np.stack([centre - reach, centre + reach], axis=-1)
    # Rounding must not exclude what was observed: all right is compatible with a share of 1.
    ends[..., 0] = np.where(k <= 0, 0.0, ends[..., 0])
    ends[..., 1] = np.where(k >= n, 1.0, ends[..., 1])
    clipped: Floats = np.clip(ends, 0.0, 1.0)
    return clipped


def counted_intervals(counts_TC: ArrayLike, *, level: float = 0.95) -> Floats:
    """Intervals of precision, recall and F1 that counts alone give, as if all were independent.

    Precision is a share of the predictions, recall one of the gold entities. F1 = 2J / (1 + J)
    grows with J = tp / (tp + fp + fn), which is a share as well.

    Args:
        counts_TC: true positives, false positives and false negatives in the last axis.
        level: see `wilson`.

    Returns:
        (..., 3, 2): the three figures, their two ends.
    """
    counts = np.asarray(counts_TC, dtype=np.float64)
    found, invented, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    trials = np.stack([found + invented, found + missed, found + invented + missed], axis=-1)
    ends = wilson(np.broadcast_to(found[..., None], trials.shape), trials, level=level)
    ends[..., 2, :] = 2.0 * ends[..., 2, :] / (1.0 + ends[..., 2, :])
    return ends

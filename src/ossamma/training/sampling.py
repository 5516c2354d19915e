"""Batches of windows of like length, in an order that seed and epoch alone decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

_POOL_BATCHES = 32


class LengthBatchSampler(Sampler[list[int]]):
    """Yields batches of `batch_size` indices whose lengths are alike.

    Each epoch shuffles anew, sorts by length within pools of many batches, and shuffles the
    batches: little padding, and still a random order. The number of batches never changes.

    With `repeats`, a window comes so often in an epoch, on average over the epochs: systematic
    sampling (Madow and Madow 1944) gives each the whole number below or above, and every epoch as
    many windows.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        batch_size: int,
        seed: int,
        repeats: Sequence[float] | None = None,
    ) -> None:
        assert repeats is None or min(repeats, default=1.0) >= 1.0, "every window is read"
        self.lengths = np.asarray(lengths)
        self.ends = None if repeats is None else _ends(np.asarray(repeats))
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration belongs to."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of batches per epoch."""
        number = len(self.lengths) if self.ends is None else round(self.ends[-1])
        return math.ceil(number / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng((self.seed, self.epoch))
        order = generator.permutation(self._chosen(generator))
        pool_size = _POOL_BATCHES * self.batch_size
        pools = [order[start : start + pool_size] for start in range(0, len(order), pool_size)]
        # Only the last pool may end in a short batch, so the number of batches is constant.
        batches = [
            pool[start : start + self.batch_size]
            for pool in (pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools)
            for start in range(0, len(pool), self.batch_size)
        ]
        for index in generator.permutation(len(batches)):
            yield batches[index].tolist()

    def _chosen(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return the windows of an epoch, those that come more than once side by side."""
        if self.ends is None:
            return np.arange(len(self.lengths))
        marks = np.floor(np.concatenate([[0.0], self.ends]) + generator.random()).astype(np.int64)
        return np.repeat(np.arange(len(self.lengths)), np.diff(marks))


def _ends(repeats: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Lay windows end to end, each as long as it is often read; the whole is a whole number."""
    ends = repeats.cumsum()
    if len(ends):
        ends *= math.ceil(ends[-1]) / ends[-1]
        ends[-1] = round(ends[-1])
    return ends

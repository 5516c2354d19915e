"""Batches of windows of like length, in an order that seed and epoch alone decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

_POOL_BATCHES = 32


class LengthBatchSampler(Sampler[list[int]]):
    """Yields batches of `batch_size` indices whose lengths are alike.

    Each epoch shuffles anew, sorts by length within pools of many batches, and shuffles the
    batches: little padding, and still a random order. The number of batches never changes.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration belongs to."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return math.ceil(len(self.lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = np.random.default_rng((self.seed, self.epoch))
        order = generator.permutation(len(self.lengths))
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

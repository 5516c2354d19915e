"""The order of pre-training: batches of rows of like length from weighted sources, without end.

Everything follows from the seed and the position: a run that is resumed, on any number of
processes, goes on with the batch it would have had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from ossamma.schema.errors import ConfigurationError, DataError

IntArray = npt.NDArray[np.int64]
_POOL_BATCHES = 64


@dataclass(frozen=True, slots=True, eq=False)
class RowSource:
    """Rows of one corpus: their lengths in pieces, and how often one pass goes over them."""

    lengths: IntArray
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.weight < 1000.0:
            raise ConfigurationError(f"a source's weight must be in (0, 1000), got {self.weight}")


@dataclass(frozen=True, slots=True)
class RowPick:
    """A row to be read: of the corpora end to end, in a numbered pass over them."""

    visit: int
    row: int


class RowBatchSampler(Sampler[list[RowPick]]):
    """Yields the batches of one process.

    A pass goes over every source `weight` times: 0.5 takes half of its rows, and the next pass the
    other half. Batch number i of the whole order belongs to the process i modulo `world_size`, so
    one process that gathers gradients over two batches sees what two processes see.
    """

    def __init__(
        self,
        sources: Sequence[RowSource],
        *,
        batch_pieces: int,
        seed: int,
        num_batches: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Plan `num_batches` batches for this process.

        Args:
            sources: the corpora, in the order in which rows are numbered.
            batch_pieces: most pieces in a batch, padding included; a longer row stands alone.
            seed: decides the order.
            num_batches: batches of this process.
            rank: this process.
            world_size: number of processes.

        Raises:
            DataError: there is no row.
        """
        if not sum(len(source.lengths) for source in sources):
            raise DataError("expected at least one row of text to train on, got none")
        self._sources = tuple(sources)
        self._lengths = np.concatenate([source.lengths for source in sources])
        self._batch_pieces = batch_pieces
        self._seed = seed
        self._num_batches = num_batches
        self._rank = rank
        self._world_size = world_size

    def __len__(self) -> int:
        """Number of batches of this process."""
        return self._num_batches

    def __iter__(self) -> Iterator[list[RowPick]]:
        own = islice(self._all_batches(), self._rank, None, self._world_size)
        return islice(own, self._num_batches)

    def _all_batches(self) -> Iterator[list[RowPick]]:
        for visit in count():
            for rows in self._batches_of_pass(visit):
                yield [RowPick(visit, row) for row in rows]

    def _batches_of_pass(self, visit: int) -> Iterator[list[int]]:
        generator = np.random.default_rng((self._seed, visit))
        rows = generator.permutation(self._rows_of_pass(visit))
        # Sorted within pools of many batches: little padding, and still a random order.
        pool_pieces = _POOL_BATCHES * self._batch_pieces
        borders = np.flatnonzero(np.diff(np.cumsum(self._lengths[rows]) // pool_pieces)) + 1
        batches: list[IntArray] = []
        for pool in np.split(rows, borders):
            order = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += _cut(order, self._lengths[order], self._batch_pieces)
        for index in generator.permutation(len(batches)):
            yield batches[index].tolist()

    def _rows_of_pass(self, visit: int) -> IntArray:
        """The rows of all sources in this pass: places [visit * w * n, (visit + 1) * w * n).

        A source is an endless row of shuffled copies of itself, so that after any number of passes
        no row was seen more than once more often than another.
        """
        chosen: list[IntArray] = []
        first = 0
        for number, source in enumerate(self._sources):
            size = len(source.lengths)
            begin, end = (int(k * source.weight * size) for k in (visit, visit + 1))
            for copy in range(begin // size if size else 0, -(-end // size) if size else 0):
                order = np.random.default_rng((self._seed, number, copy, 1)).permutation(size)
                part = slice(max(begin - copy * size, 0), min(end - copy * size, size))
                chosen.append(order[part] + first)
            first += size
        return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def _cut(rows: IntArray, lengths: IntArray, batch_pieces: int) -> list[IntArray]:
    """Cut rows of ascending length into batches whose padded size stays within the budget."""
    batches = []
    end = len(rows)
    while end:
        start = max(end - max(batch_pieces // int(lengths[end - 1]), 1), 0)
        batches.append(rows[start:end])
        end = start
    return batches

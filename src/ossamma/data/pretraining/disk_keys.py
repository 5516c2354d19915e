"""Pairs of a key and a number on the disk, brought together by key: memory does not grow with them.

The pairs are cut by the highest bits of their keys into files, which are sorted one by one; a file
that is too large for that is cut again. Keys must be spread evenly, as hashes are.

N pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

KeyArray = npt.NDArray[np.uint64]
NumberArray = npt.NDArray[np.int64]

_PAIR: Final = np.dtype([("key", "<u8"), ("number", "<i8")])
_BITS: Final = 6
_FILES: Final = 1 << _BITS
_TOP: Final = 64 - _BITS
_BUFFER: Final = 2**18


class DiskKeys:
    """Takes pairs in, then gives them back sorted by key, and for a key in the order of adding."""

    def __init__(self, folder: Path, *, max_pairs: int = 2**20) -> None:
        """Begin in a new folder.

        Args:
            folder: gets 64 files of 16 bytes a pair; must not exist.
            max_pairs: most pairs sorted at once; 80 bytes of memory each.
        """
        folder.mkdir(parents=True)
        self._folder = folder
        self._max_pairs = max_pairs
        self._held: list[npt.NDArray[np.void]] = []
        self._num_held = 0

    def add(self, keys_N: KeyArray, numbers_N: NumberArray) -> None:
        """Take in pairs."""
        pairs_N = np.empty(len(keys_N), dtype=_PAIR)
        pairs_N["key"], pairs_N["number"] = keys_N, numbers_N
        self._held.append(pairs_N)
        self._num_held += len(pairs_N)
        if self._num_held >= _BUFFER:
            self._flush()

    def parts(self) -> Iterator[tuple[KeyArray, NumberArray]]:
        """Yield keys and numbers in parts; all pairs of one key stand in one part, together.

        What was yielded is gone from the disk. A part is larger than `max_pairs` only if the keys
        in it agree in their first 60 bits.
        """
        self._flush()
        for number in range(_FILES):
            yield from self._sorted(self._folder / f"{number:02x}", _TOP - _BITS)

    def _flush(self) -> None:
        if self._held:
            _cut(np.concatenate(self._held), _TOP, self._folder, "")
        self._held, self._num_held = [], 0

    def _sorted(self, path: Path, shift: int) -> Iterator[tuple[KeyArray, NumberArray]]:
        if not path.is_file():
            return
        num_pairs = path.stat().st_size // _PAIR.itemsize
        if num_pairs > self._max_pairs and shift >= 0:
            for start in range(0, num_pairs, _BUFFER):
                pairs_N = np.fromfile(path, _PAIR, _BUFFER, offset=start * _PAIR.itemsize)
                _cut(pairs_N, shift, self._folder, path.name)
            path.unlink()
            for number in range(_FILES):
                yield from self._sorted(path.with_name(f"{path.name}{number:02x}"), shift - _BITS)
            return
        pairs_N = np.fromfile(path, _PAIR)
        path.unlink()
        order = np.argsort(pairs_N["key"], kind="stable")
        yield pairs_N["key"][order], pairs_N["number"][order]


def _cut(pairs_N: npt.NDArray[np.void], shift: int, folder: Path, prefix: str) -> None:
    """Append pairs to files by the bits of their keys from `shift` on."""
    files_N = (pairs_N["key"] >> np.uint64(shift)).astype(np.int64) & (_FILES - 1)
    order = np.argsort(files_N, kind="stable")
    ends = np.cumsum(np.bincount(files_N, minlength=_FILES))
    for number, part in enumerate(np.split(pairs_N[order], ends[:-1])):
        if len(part):
            with (folder / f"{prefix}{number:02x}").open("ab") as file:
                part.tofile(file)


class Flags:
    """A set of numbers below a bound: one bit each."""

    def __init__(self, size: int) -> None:
        self._bits = np.zeros(-(-size // 8), dtype=np.uint8)

    def set(self, numbers_N: NumberArray) -> None:
        """Take numbers in."""
        bits_N = np.uint8(1) << (numbers_N & 7).astype(np.uint8)
        np.bitwise_or.at(self._bits, numbers_N >> 3, bits_N)

    def has(self, numbers_N: NumberArray) -> npt.NDArray[np.bool_]:
        """Tell of each number whether it is in the set."""
        found: npt.NDArray[np.bool_] = (
            self._bits[numbers_N >> 3] >> (numbers_N & 7).astype(np.uint8)
        ) & np.uint8(1) != 0
        return found

    def __contains__(self, number: int) -> bool:
        return bool(self._bits[number >> 3] >> (number & 7) & 1)

    def __len__(self) -> int:
        return int(np.bitwise_count(self._bits).sum())

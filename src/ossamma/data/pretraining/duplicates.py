"""Duplicates among the documents of many sources, found from their prints with bounded memory.

A document goes if it repeats an earlier one, exactly or nearly, whether that one stays or not: what
is kept does not depend on the order in which pairs are found. A line goes if enough earlier lines
have its words. Memory: the parts of `disk_keys.py`, and one bit for each document and line.

P pairs of sketches, K permutations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ossamma.data.minhash import choose_bands, normalise
from ossamma.data.near_index import NearIndex, NearSettings
from ossamma.data.pretraining.disk_keys import DiskKeys, Flags, KeyArray, NumberArray
from ossamma.data.pretraining.prints import DuplicateSettings, PrintFiles

_CHUNK: Final = 2**16


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Numbers of what repeats something earlier, counted through all sources in their order."""

    exact: Flags
    """Documents equal to an earlier one, by `minhash.normalise`."""
    near: Flags
    """Documents that are similar to an earlier one without being equal to any."""
    lines: Flags
    """Long lines (see `prints.long_lines`) of which there were enough before."""


def find_duplicates(
    sources: Sequence[PrintFiles], settings: DuplicateSettings, work: Path
) -> Duplicates:
    """Find the duplicates among the documents of sources; the earlier source has precedence.

    Args:
        sources: what `PrintWriter` wrote with the same settings.
        settings: what is a duplicate.
        work: a folder for temporary files, which are gone in the end: 16 bytes a document, 16 a
            long line, and 16 for each band of a sketch.
    """
    exact = Flags(sum(len(source.exact()) for source in sources))
    for keys_N, numbers_N in _sorted(_exact_keys(sources), work / "exact"):
        exact.set(numbers_N[1:][keys_N[1:] == keys_N[:-1]])
    near = Flags(sum(len(source.exact()) for source in sources))
    if settings.near is not None:
        _NearPairs(sources, settings.near, exact).flag(near, work / "near")
    lines = Flags(sum(len(source.lines()) for source in sources))
    copies = settings.line_copies
    if copies:
        for keys_N, numbers_N in _sorted(_line_keys(sources), work / "lines"):
            lines.set(numbers_N[copies:][keys_N[copies:] == keys_N[:-copies]])
    return Duplicates(exact, near, lines)


class _NearPairs:
    """The sketches of all sources, and the pairs among them that are similar enough."""

    def __init__(self, sources: Sequence[PrintFiles], settings: NearSettings, exact: Flags) -> None:
        self._settings = settings
        self._exact = exact
        self._bands = choose_bands(settings.threshold, settings.permutations, settings.recall)
        self._sources = sources
        self._sketches = [source.sketches(settings.permutations) for source in sources]
        self._owners = [source.owners() for source in sources]
        counts = [len(source.exact()) for source in sources]
        self._first_document = np.cumsum([0, *counts])
        self._first_sketch = np.cumsum([0, *map(len, self._sketches)])

    def flag(self, near: Flags, work: Path) -> None:
        """Flag each document that is similar to an earlier one with which it shares a band."""
        for keys_N, numbers_N in _sorted(self._band_keys(), work):
            # Pairs that stand side by side in a bucket, then those with one between them, ...
            for distance in range(1, self._settings.bucket_limit + 1):
                together = np.flatnonzero(keys_N[distance:] == keys_N[:-distance])
                if not len(together):
                    break
                for start in range(0, len(together), _CHUNK):
                    chosen = together[start : start + _CHUNK]
                    self._compare(numbers_N[chosen], numbers_N[chosen + distance], near)

    def _compare(self, earlier_P: NumberArray, later_P: NumberArray, near: Flags) -> None:
        documents_P = self._documents(later_P)
        # The bands of a document meet again and again: once found is enough.
        open_P = ~near.has(documents_P)
        earlier_P, later_P = earlier_P[open_P], later_P[open_P]
        equal_P = np.count_nonzero(self._values(earlier_P) == self._values(later_P), axis=1)
        # As `minhash.similarity`, which takes off the bytes that are equal by chance.
        similar_P = (equal_P / self._settings.permutations - 1 / 256) / (1 - 1 / 256)
        near.set(documents_P[open_P][similar_P >= self._settings.threshold])

    def _band_keys(self) -> Iterator[tuple[KeyArray, NumberArray]]:
        """Yield a key for each band of each sketch; its highest bits are the band's hash."""
        bands = np.arange(self._bands.count, dtype=np.uint64) << np.uint64(1)
        for number, source in enumerate(self._sources):
            buckets = source.buckets(self._bands.count)
            for start in range(0, len(buckets), _CHUNK):
                owners = np.array(self._owners[number][start : start + _CHUNK])
                # Equal documents are found already, and would fill buckets without end.
                is_new = ~self._exact.has((owners >> 1) + self._first_document[number])
                rows = buckets[start : start + _CHUNK][is_new].astype(np.uint64) << np.uint64(32)
                rows |= bands | (owners[is_new] & 1).astype(np.uint64)[:, None]
                sketches = np.flatnonzero(is_new) + start + self._first_sketch[number]
                yield rows.ravel(), np.repeat(sketches, self._bands.count)

    def _documents(self, sketches_P: NumberArray) -> NumberArray:
        """Return the numbers of the documents of sketches, through all sources."""
        documents_P = np.empty(len(sketches_P), dtype=np.int64)
        for number, is_its in self._by_source(sketches_P):
            rows = sketches_P[is_its] - self._first_sketch[number]
            documents_P[is_its] = (self._owners[number][rows] >> 1) + self._first_document[number]
        return documents_P

    def _values(self, sketches_P: NumberArray) -> npt.NDArray[np.uint8]:
        """Return the sketches of these numbers, shape (P, K)."""
        values_PK = np.empty((len(sketches_P), self._settings.permutations), dtype=np.uint8)
        for number, is_its in self._by_source(sketches_P):
            rows = sketches_P[is_its] - self._first_sketch[number]
            values_PK[is_its] = self._sketches[number][rows]
        return values_PK

    def _by_source(self, sketches_P: NumberArray) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
        sources_P = np.searchsorted(self._first_sketch, sketches_P, side="right") - 1
        for number in np.unique(sources_P).tolist():
            yield number, sources_P == number


def find_duplicates_reference(
    texts: Sequence[str], settings: DuplicateSettings
) -> tuple[set[int], set[int]]:
    """Look each text up among all before it: the documents that `find_duplicates` flags.

    Returns:
        The numbers of exact duplicates, and of near ones, where no bucket of a band overflows.
    """
    seen: dict[str, int] = {}
    exact: set[int] = set()
    near: set[int] = set()
    index = NearIndex(settings.near) if settings.near is not None else None
    for number, text in enumerate(texts):
        normalised = normalise(text)
        if normalised in seen:
            exact.add(number)
            continue
        seen[normalised] = number
        if index is not None:
            print_of_text = index.fingerprint(normalised)
            if index.neighbours(print_of_text):
                near.add(number)
            index.add(print_of_text, number)
    return exact, near


def _sorted(
    pairs: Iterator[tuple[KeyArray, NumberArray]], folder: Path
) -> Iterator[tuple[KeyArray, NumberArray]]:
    """Sort pairs on the disk; the folder is gone in the end."""
    keys = DiskKeys(folder)
    for keys_N, numbers_N in pairs:
        keys.add(keys_N, numbers_N)
    yield from keys.parts()
    folder.rmdir()


def _exact_keys(sources: Sequence[PrintFiles]) -> Iterator[tuple[KeyArray, NumberArray]]:
    return _numbered([source.exact() for source in sources])


def _line_keys(sources: Sequence[PrintFiles]) -> Iterator[tuple[KeyArray, NumberArray]]:
    return _numbered([source.lines() for source in sources])


def _numbered(columns: Sequence[KeyArray]) -> Iterator[tuple[KeyArray, NumberArray]]:
    """Number keys through all columns."""
    first = 0
    for column in columns:
        for start in range(0, len(column), _CHUNK):
            keys_N = np.array(column[start : start + _CHUNK])
            yield keys_N, np.arange(first + start, first + start + len(keys_N), dtype=np.int64)
        first += len(column)

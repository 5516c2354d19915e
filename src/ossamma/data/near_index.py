"""An index of texts in which near duplicates are found: banded MinHash in compact tables.

Memory for a text, with the default 18 bands of 7 bytes and 128 permutations: 128 bytes of sketch,
72 of links and 18 x 5 of table slots; tables double, so between one and two times that. A dict of
Python lists would take ten times as much.

Shapes: N texts, K permutations, B bands, R rows of a band, Z slots of a table.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ossamma.data.minhash import (
    Bands,
    ByteArray,
    MinHasher,
    choose_bands,
    shingle_hashes,
    similarity,
    word_bytes,
)
from ossamma.schema.errors import ConfigurationError

IndexArray = npt.NDArray[np.int32]
SlotArray = npt.NDArray[np.int64]

_FIRST_CAPACITY: Final = 1024
_MAX_BUCKET: Final = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class NearSettings:
    """What counts as a near duplicate, and how hard it is looked for."""

    threshold: float = 0.8
    """Least Jaccard similarity of two texts' shingles; 1.0 means equal words in equal order."""
    permutations: int = 128
    """Bytes of a sketch; the standard error at the threshold falls with the root of it."""
    recall: float = 0.95
    """Chance, at least, that a pair of exactly the threshold's similarity meets; others more."""
    long_words: int = 50
    """From so many words on, a text is compared by `long_shingle`, else by `short_shingle`. Texts
    within the threshold's factor of it are compared by both, so that no pair falls between."""
    short_shingle: int = 3
    """Words of a shingle of a short text. A shorter text has none: it has exact duplicates only."""
    long_shingle: int = 5
    """Words of a shingle of a long text."""
    bucket_limit: int = 64
    """Most texts in one bucket of a band; later ones stay out of it, which bounds the time for
    thousands of texts out of one template. The texts added first are always found."""
    seed: int = 0
    """Chooses the permutations."""

    def __post_init__(self) -> None:
        for name in ("threshold", "recall"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} must lie in (0, 1], got {getattr(self, name)}")
        for name in ("permutations", "long_words", "short_shingle", "long_shingle", "bucket_limit"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.bucket_limit > _MAX_BUCKET:
            raise ConfigurationError(
                f"bucket_limit must be at most {_MAX_BUCKET}, got {self.bucket_limit}"
            )


class BandIndex:
    """Sketches by number, and for a new sketch the numbers of all that share a band with it.

    A bucket is a chain: the table's slot has the newest text, and each text the one before it.
    Texts count from 1 inside the tables, 0 ends a chain.
    """

    def __init__(self, bands: Bands, num_permutations: int, bucket_limit: int) -> None:
        self._bands = bands
        self._bucket_limit = bucket_limit
        self._numbers_B = np.arange(bands.count)
        self._multipliers_R = np.array(
            [pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, bands.rows + 1)],
            dtype=np.uint64,
        )
        self._size = 0
        self._sketches_NK = np.zeros((_FIRST_CAPACITY + 1, num_permutations), dtype=np.uint8)
        self._before_NB = np.zeros((_FIRST_CAPACITY + 1, bands.count), dtype=np.int32)
        self._newest_BZ = np.zeros((bands.count, _FIRST_CAPACITY), dtype=np.int32)
        self._filled_BZ = np.zeros((bands.count, _FIRST_CAPACITY), dtype=np.uint8)

    def __len__(self) -> int:
        return self._size

    @property
    def num_bytes(self) -> int:
        """Memory of the tables."""
        return (
            self._sketches_NK.nbytes
            + self._before_NB.nbytes
            + self._newest_BZ.nbytes
            + self._filled_BZ.nbytes
        )

    def slots(self, sketch_K: ByteArray) -> SlotArray:
        """Return the slot of each band for a sketch, shape (B,). They change with the size."""
        used = self._bands.count * self._bands.rows
        return self._slots_of(sketch_K[:used].reshape(self._bands.count, self._bands.rows))

    def candidates(self, slots_B: SlotArray) -> IndexArray:
        """Return the numbers, from 0, of the texts in these buckets; one in several repeats."""
        current_B = self._newest_BZ[self._numbers_B, slots_B]
        met = []
        while current_B.any():
            met.append(current_B)
            current_B = self._before_NB[current_B, self._numbers_B]
        numbers = np.concatenate(met) if met else current_B
        return numbers[numbers > 0] - 1

    def neighbours(self, sketch_K: ByteArray, threshold: float) -> dict[int, float]:
        """Return the similarities of the texts that share a band and reach the threshold."""
        candidates = self.candidates(self.slots(sketch_K))
        if not len(candidates):
            return {}
        similarities = similarity(self._sketches_NK[candidates + 1], sketch_K)
        reach = similarities >= threshold
        if not reach.any():
            return {}
        return dict(zip(candidates[reach].tolist(), similarities[reach].tolist(), strict=True))

    def add(self, sketch_K: ByteArray) -> int:
        """Take a sketch in and return its number."""
        if self._size == self._newest_BZ.shape[1]:
            self._grow()
        self._size += 1
        self._sketches_NK[self._size] = sketch_K
        slots_B = self.slots(sketch_K)
        open_bands = self._numbers_B[self._filled_BZ[self._numbers_B, slots_B] < self._bucket_limit]
        places = (open_bands, slots_B[open_bands])
        self._before_NB[self._size, open_bands] = self._newest_BZ[places]
        self._newest_BZ[places] = self._size
        self._filled_BZ[places] += 1
        return self._size - 1

    def _slots_of(self, rows_NR: ByteArray) -> SlotArray:
        hashes = rows_NR.astype(np.uint64) @ self._multipliers_R
        hashes ^= hashes >> np.uint64(32)
        hashes *= np.uint64(0xD6E8FEB86659FD93)
        hashes >>= np.uint64(32)
        return (hashes & np.uint64(self._newest_BZ.shape[1] - 1)).astype(np.int64)

    def _grow(self) -> None:
        """Double every table and lay the chains anew, the oldest texts of a bucket first."""
        num_slots = 2 * self._newest_BZ.shape[1]
        self._sketches_NK = _taller(self._sketches_NK, num_slots + 1)
        self._before_NB = np.zeros((num_slots + 1, self._bands.count), dtype=np.int32)
        self._newest_BZ = np.zeros((self._bands.count, num_slots), dtype=np.int32)
        self._filled_BZ = np.zeros((self._bands.count, num_slots), dtype=np.uint8)
        rows = self._bands.rows
        for band in range(self._bands.count):
            columns = slice(band * rows, (band + 1) * rows)
            self._lay(band, self._slots_of(self._sketches_NK[1 : self._size + 1, columns]))

    def _lay(self, band: int, slots_N: SlotArray) -> None:
        order = np.argsort(slots_N, kind="stable")
        ordered = slots_N[order]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sizes = np.diff(np.append(first, len(ordered)))
        rank = np.arange(len(ordered)) - np.repeat(first, sizes)
        followers = np.flatnonzero((rank > 0) & (rank < self._bucket_limit))
        self._before_NB[order[followers] + 1, band] = order[followers - 1] + 1
        kept = np.minimum(sizes, self._bucket_limit)
        self._newest_BZ[band, ordered[first]] = order[first + kept - 1] + 1
        self._filled_BZ[band, ordered[first]] = kept


def _taller(table: ByteArray, num_rows: int) -> ByteArray:
    grown = np.zeros((num_rows, table.shape[1]), dtype=table.dtype)
    grown[: len(table)] = table
    return grown


Fingerprint = tuple[ByteArray | None, ByteArray | None]
"""A text's sketch by short and by long shingles; None where it is not compared by those."""


class NearIndex:
    """Texts under numbers of the caller's, and those of them that a new text nearly repeats."""

    def __init__(self, settings: NearSettings) -> None:
        self._settings = settings
        self._hasher = MinHasher(settings.permutations, settings.seed)
        self.bands = choose_bands(settings.threshold, settings.permutations, settings.recall)
        self._indexes = tuple(
            BandIndex(self.bands, settings.permutations, settings.bucket_limit) for _ in range(2)
        )
        self._numbers = (array("I"), array("I"))

    @property
    def num_bytes(self) -> int:
        """Memory of the tables."""
        numbers = sum(len(numbers) * numbers.itemsize for numbers in self._numbers)
        return numbers + sum(index.num_bytes for index in self._indexes)

    def fingerprint(self, normalised: str) -> Fingerprint:
        """Sketch a normalised text. Both None: it has too few words, only equality says anything.

        Every pair of texts whose numbers of words have a ratio of the threshold or more shares at
        least one kind of shingle.
        """
        settings = self._settings
        words = word_bytes(normalised)
        is_short = len(words) < settings.long_words / settings.threshold
        is_long = len(words) >= settings.long_words * settings.threshold
        return (
            self._sketch(words, settings.short_shingle) if is_short else None,
            self._sketch(words, settings.long_shingle) if is_long else None,
        )

    def neighbours(self, fingerprint: Fingerprint) -> list[tuple[int, float]]:
        """Return number and estimated similarity of the texts at or above the threshold.

        The most similar first, of equally similar ones the lowest number.
        """
        found: dict[int, float] = {}
        for sketch_K, index, numbers in zip(fingerprint, self._indexes, self._numbers, strict=True):
            if sketch_K is None:
                continue
            for place, value in index.neighbours(sketch_K, self._settings.threshold).items():
                found[numbers[place]] = max(value, found.get(numbers[place], 0.0))
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))

    def add(self, fingerprint: Fingerprint, number: int) -> None:
        """Take a text in under a number."""
        for sketch_K, index, numbers in zip(fingerprint, self._indexes, self._numbers, strict=True):
            if sketch_K is not None:
                index.add(sketch_K)
                numbers.append(number)

    def _sketch(self, words: list[bytes], width: int) -> ByteArray | None:
        shingles_S = shingle_hashes(words, width)
        return self._hasher.sketch(shingles_S) if len(shingles_S) else None

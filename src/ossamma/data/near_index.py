"""An index of texts in which near duplicates are found: banded MinHash in compact tables.

Memory for a text, with the default 18 bands of 7 bytes and 128 permutations: 128 bytes of sketch,
72 of links and 18 x 5 of table slots; the slots double, so between one and two times these. A dict
of Python lists would take ten times as much.

Sketches are made many at a time. Each then meets a dozen others, too few for NumPy to gain
anything: they are looked up and added one by one, without it.

Shapes: T texts, N texts of the index, S shingles, K permutations, B bands, R rows of a band.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ossamma.data.minhash import (
    Bands,
    ByteArray,
    HashArray,
    MinHasher,
    choose_bands,
    shingle_hashes,
    shingles_of_many,
    similarity,
    word_bytes,
)
from ossamma.schema.errors import ConfigurationError

WideArray = npt.NDArray[np.uint64]

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


class Sketch(NamedTuple):
    """The sketch of a text, and a hash of each band of it."""

    values: bytes
    """One byte for each permutation."""
    buckets: list[int]
    """One number below 2**32 for each band; a table's slot is its lowest bits."""


class BandIndex:
    """Sketches by number, and for a new sketch the numbers of all that share a band with it.

    A bucket is a chain: the table's slot has the newest text, and each text the one before it.
    Texts count from 1 inside the tables, 0 ends a chain.
    """

    def __init__(self, bands: Bands, num_permutations: int, bucket_limit: int) -> None:
        self._bands = bands
        self._num_permutations = num_permutations
        self._bucket_limit = bucket_limit
        self._multipliers = [pow(0x9E3779B97F4A7C15, n, 2**64) for n in range(1, bands.rows + 1)]
        self._size = 0
        self._sketches = bytearray()
        self._before = [array("I", [0]) for _ in range(bands.count)]
        self._newest = [array("I", bytes(4 * _FIRST_CAPACITY)) for _ in range(bands.count)]
        self._filled = [bytearray(_FIRST_CAPACITY) for _ in range(bands.count)]
        # Masks of a sketch as one number: the highest bit of each byte, and all other bits.
        self._high = int.from_bytes(b"\x80" * num_permutations, "little")
        self._low = int.from_bytes(b"\x7f" * num_permutations, "little")
        self._similarities = _similarities(num_permutations)

    def __len__(self) -> int:
        return self._size

    @property
    def num_bytes(self) -> int:
        """Memory of the tables."""
        slots, links = len(self._newest[0]), len(self._before[0])
        return len(self._sketches) + self._bands.count * (5 * slots + 4 * links)

    def sketches(self, values_TK: ByteArray) -> list[Sketch]:
        """Hash the bands of sketches, so that they can be looked up and added."""
        used = self._bands.count * self._bands.rows
        rows_TBR = values_TK[:, :used].reshape(-1, self._bands.count, self._bands.rows)
        buckets = self._hashes(rows_TBR).tolist()
        return [Sketch(v.tobytes(), b) for v, b in zip(values_TK, buckets, strict=True)]

    def candidates(self, sketch: Sketch) -> set[int]:
        """Return the numbers, from 0, of the texts that share a band with the sketch.

        Of a full bucket those that were added first.
        """
        mask, rows = len(self._newest[0]) - 1, self._bands.rows
        values, sketches = sketch.values, self._sketches
        met = set()
        for band, bucket in enumerate(sketch.buckets):
            number = self._newest[band][bucket & mask]
            if number:
                before, start = self._before[band], band * rows
                own = values[start : start + rows]
                start -= self._num_permutations
                while number:
                    # A slot has the texts of several buckets: most that stand there are strangers.
                    if sketches.startswith(own, start + self._num_permutations * number):
                        met.add(number - 1)
                    number = before[number]
        return met

    def neighbours(self, sketch: Sketch, threshold: float) -> dict[int, float]:
        """Return the similarities of the texts that share a band and reach the threshold."""
        found = {}
        own, width, low = int.from_bytes(sketch.values, "little"), self._num_permutations, self._low
        for number in self.candidates(sketch):
            other = self._sketches[width * number : width * (number + 1)]
            bits = own ^ int.from_bytes(other, "little")
            # The highest bit of each byte becomes whether the two differ there.
            num_different = ((((bits & low) + low) | bits) & self._high).bit_count()
            if self._similarities[num_different] >= threshold:
                found[number] = self._similarities[num_different]
        return found

    def neighbours_reference(self, sketch: Sketch, threshold: float) -> dict[int, float]:
        """Compare with every sketch, and keep the candidates: the definition of `neighbours`."""
        table_NK = np.frombuffer(bytes(self._sketches), dtype=np.uint8)
        values_N = similarity(
            table_NK.reshape(-1, self._num_permutations), np.frombuffer(sketch.values, np.uint8)
        ).tolist()
        return {n: values_N[n] for n in self.candidates(sketch) if values_N[n] >= threshold}

    def add(self, sketch: Sketch) -> int:
        """Take a sketch in and return its number."""
        if self._size == len(self._newest[0]):
            self._grow()
        self._size += 1
        self._sketches += sketch.values
        mask, limit = len(self._newest[0]) - 1, self._bucket_limit
        for newest, before, filled, bucket in zip(
            self._newest, self._before, self._filled, sketch.buckets, strict=True
        ):
            slot = bucket & mask
            is_open = filled[slot] < limit
            before.append(newest[slot] if is_open else 0)
            if is_open:
                newest[slot] = self._size
                filled[slot] += 1
        return self._size - 1

    def _hashes(self, rows: ByteArray) -> WideArray:
        """Hash rows of bytes, the last axis, to numbers below 2**32."""
        hashes = np.zeros(rows.shape[:-1], dtype=np.uint64)
        for row, multiplier in enumerate(self._multipliers):
            hashes += rows[..., row].astype(np.uint64) * np.uint64(multiplier)
        hashes ^= hashes >> np.uint64(32)
        hashes *= np.uint64(0xD6E8FEB86659FD93)
        hashes >>= np.uint64(32)
        return hashes

    def _grow(self) -> None:
        """Double every table and lay the chains anew, the oldest texts of a bucket first."""
        num_slots = 2 * len(self._newest[0])
        table_NK = np.frombuffer(self._sketches, dtype=np.uint8)
        table_NK = table_NK.reshape(-1, self._num_permutations)
        for band in range(self._bands.count):
            columns = slice(band * self._bands.rows, (band + 1) * self._bands.rows)
            hashes_N = self._hashes(table_NK[:, columns])
            slots_N = (hashes_N & np.uint64(num_slots - 1)).astype(np.int64)
            self._lay(band, slots_N, num_slots)

    def _lay(self, band: int, slots_N: npt.NDArray[np.int64], num_slots: int) -> None:
        order = np.argsort(slots_N, kind="stable")
        ordered = slots_N[order]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sizes = np.diff(np.append(first, len(ordered)))
        rank = np.arange(len(ordered)) - np.repeat(first, sizes)
        followers = np.flatnonzero((rank > 0) & (rank < self._bucket_limit))
        before = np.zeros(len(ordered) + 1, dtype=np.uint32)
        before[order[followers] + 1] = order[followers - 1] + 1
        kept = np.minimum(sizes, self._bucket_limit)
        newest = np.zeros(num_slots, dtype=np.uint32)
        newest[ordered[first]] = order[first + kept - 1] + 1
        filled = np.zeros(num_slots, dtype=np.uint8)
        filled[ordered[first]] = kept
        self._before[band] = array("I", before.tobytes())
        self._newest[band] = array("I", newest.tobytes())
        self._filled[band] = bytearray(filled.tobytes())


def _similarities(num_permutations: int) -> list[float]:
    """Return what `similarity` says of two sketches, by the number of bytes that differ."""
    num_different = np.arange(num_permutations + 1)
    sketches = (np.arange(num_permutations) < num_different[:, None]).astype(np.uint8)
    values: list[float] = similarity(sketches, np.zeros(num_permutations, np.uint8)).tolist()
    return values


Fingerprint = tuple[Sketch | None, Sketch | None]
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
        least one kind of shingle. The definition of `fingerprints`.
        """
        words = word_bytes(normalised)
        short, long = (
            self._sketch(words, width) if is_so else None
            for width, is_so in zip(self._widths, self._kinds(len(words)), strict=True)
        )
        return short, long

    def fingerprints(self, texts: Sequence[HashArray]) -> list[Fingerprint]:
        """Sketch many texts, each given by the hashes of its words; see `fingerprint`."""
        kinds = [self._kinds(len(words_W)) for words_W in texts]
        short, long = (
            self._sketches([kind[n] for kind in kinds], texts, n) for n in range(len(self._widths))
        )
        return list(zip(short, long, strict=True))

    def neighbours(self, fingerprint: Fingerprint) -> list[tuple[int, float]]:
        """Return number and estimated similarity of the texts at or above the threshold.

        The most similar first, of equally similar ones the lowest number.
        """
        found: dict[int, float] = {}
        for sketch, index, numbers in zip(fingerprint, self._indexes, self._numbers, strict=True):
            if sketch is None:
                continue
            for place, value in index.neighbours(sketch, self._settings.threshold).items():
                found[numbers[place]] = max(value, found.get(numbers[place], 0.0))
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))

    def add(self, fingerprint: Fingerprint, number: int) -> None:
        """Take a text in under a number."""
        for sketch, index, numbers in zip(fingerprint, self._indexes, self._numbers, strict=True):
            if sketch is not None:
                index.add(sketch)
                numbers.append(number)

    @property
    def _widths(self) -> tuple[int, int]:
        return self._settings.short_shingle, self._settings.long_shingle

    def _kinds(self, num_words: int) -> tuple[bool, bool]:
        """Whether a text is compared by short shingles, and by long ones."""
        settings = self._settings
        is_short = num_words < settings.long_words / settings.threshold
        is_long = num_words >= settings.long_words * settings.threshold
        return (
            is_short and num_words >= settings.short_shingle,
            is_long and num_words >= settings.long_shingle,
        )

    def _sketch(self, words: list[bytes], width: int) -> Sketch:
        values_K = self._hasher.sketch(shingle_hashes(words, width))
        return self._indexes[0].sketches(values_K[None])[0]

    def _sketches(
        self, wanted: list[bool], texts: Sequence[HashArray], kind: int
    ) -> list[Sketch | None]:
        """Sketch the wanted texts by one kind of shingle; None for the others."""
        sketches: list[Sketch | None] = [None] * len(texts)
        if any(wanted):
            numbers = [number for number, is_wanted in enumerate(wanted) if is_wanted]
            shingles_S, ends_T = shingles_of_many([texts[n] for n in numbers], self._widths[kind])
            found = self._indexes[kind].sketches(self._hasher.sketches(shingles_S, ends_T))
            for number, sketch in zip(numbers, found, strict=True):
                sketches[number] = sketch
        return sketches

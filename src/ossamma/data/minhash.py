"""MinHash sketches: short fingerprints of texts whose agreement estimates their Jaccard similarity.

A text is taken as the set of its shingles, runs of `width` words. Under a random permutation of
all shingles, two sets have the same smallest member with probability J = |A n B| / |A u B|
(Broder, 1997). A sketch keeps the smallest value under each of K permutations, one byte of it (Li
and Konig, 2010: "b-bit minwise hashing", section 3). For banding the K bytes are cut into bands of
`rows` bytes: texts that agree in a whole band meet (Leskovec, Rajaraman and Ullman, 2014, ch. 3).

No function here depends on PYTHONHASHSEED or on the version of a random generator.

Shapes: W words, S shingles, K permutations, T texts.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b, shake_128
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from ossamma.schema.errors import ConfigurationError

ByteArray = npt.NDArray[np.uint8]
HashArray = npt.NDArray[np.uint32]
IndexArray = npt.NDArray[np.int64]

_WORD: Final = re.compile(r"\w+")
# ASCII only: letters in small, digits and the underscore stay, all else becomes a space.
_ASCII_WORDS: Final = bytes(
    ord(chr(byte).lower()) if chr(byte).isalnum() or chr(byte) == "_" else 32 for byte in range(128)
).ljust(256)
_CHUNK: Final = 1024
"""Shingles hashed at once: the table of values stays in the processor's cache."""
_ODD: Final = 0x9E3779B97F4A7C15
_MASK64: Final = 2**64 - 1
_BYTE_MIX: Final = 0x9E3779B1


def normalise(text: str) -> str:
    """Bring a text to the form in which two texts are called equal.

    Unicode NFKC, case folded, white space squeezed to single spaces. Idempotent.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(unicodedata.normalize("NFKC", folded.casefold()).split())


def text_key(normalised: str) -> bytes:
    """Return 16 bytes that stand for a normalised text (blake2b-128)."""
    return blake2b(normalised.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def word_bytes(normalised: str) -> list[bytes]:
    r"""Return the words (`\w+`) of a normalised text, as UTF-8.

    Punctuation does not count: a corpus that splits it off and one that does not give one list.
    """
    if normalised.isascii():
        return normalised.encode().translate(_ASCII_WORDS).split()
    return [word.encode() for word in _WORD.findall(normalised)]


def word_hashes(words: Iterable[bytes]) -> HashArray:
    """Hash each word to 32 bits (CRC-32), shape (W,)."""
    return np.frombuffer(array("I", map(crc32, words)), dtype=np.uint32)


def shingle_hashes(words: Sequence[bytes], width: int) -> HashArray:
    """Hash each run of `width` words to 32 bits, shape (S,) with S = len(words) - width + 1.

    Empty where the text has fewer words than a shingle.
    """
    return shingles_of(word_hashes(words), width)


def shingles_of(words_W: HashArray, width: int) -> HashArray:
    """Hash each run of `width` words, given the hashes of words; see `shingle_hashes`."""
    num_shingles = len(words_W) - width + 1
    if num_shingles < 1:
        return np.zeros(0, dtype=np.uint32)
    wide_W = words_W.astype(np.uint64)
    total = wide_W[:num_shingles].copy()
    for offset in range(1, width):
        total *= np.uint64(_ODD)
        total += wide_W[offset : offset + num_shingles]
    # The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit comes to depend on all.
    total ^= total >> np.uint64(30)
    total *= np.uint64(0xBF58476D1CE4E5B9)
    total ^= total >> np.uint64(27)
    total *= np.uint64(0x94D049BB133111EB)
    return (total >> np.uint64(32)).astype(np.uint32)


def shingles_of_many(texts: Sequence[HashArray], width: int) -> tuple[HashArray, IndexArray]:
    """Hash the shingles of many texts, given the hashes of their words.

    Returns:
        The shingles, one text behind the other, and where those of each text end.
    """
    num_words_T = np.array([len(words_W) for words_W in texts], dtype=np.int64)
    ends_T = num_words_T.cumsum()
    shingles = shingles_of(np.concatenate([*texts, np.zeros(0, np.uint32)]), width)
    # The last width - 1 words of each text begin no shingle of it.
    is_inside = np.ones(int(num_words_T.sum()), dtype=bool)
    for offset in range(1, width):
        is_inside[(ends_T - offset)[num_words_T >= offset]] = False
    kept = np.maximum(num_words_T - (width - 1), 0)
    return shingles[is_inside[: len(shingles)]], kept.cumsum()


def shingle_hashes_reference(words: Sequence[bytes], width: int) -> list[int]:
    """Hash shingles one by one in plain integers: the definition of `shingle_hashes`."""
    hashes = []
    for start in range(len(words) - width + 1):
        total = 0
        for word in words[start : start + width]:
            total = (total * _ODD + crc32(word)) & _MASK64
        total ^= total >> 30
        total = total * 0xBF58476D1CE4E5B9 & _MASK64
        total ^= total >> 27
        hashes.append((total * 0x94D049BB133111EB & _MASK64) >> 32)
    return hashes


class MinHasher:
    """K random permutations of the 32-bit numbers, x -> a x + b with odd a, fixed by a seed."""

    def __init__(self, num_permutations: int, seed: int) -> None:
        stream = shake_128(f"minhash {seed}".encode()).digest(8 * num_permutations)
        factors_K, offsets_K = np.frombuffer(stream, dtype="<u4").reshape(2, -1)
        self.num_permutations = num_permutations
        self._factors_K = factors_K.astype(np.uint32) | np.uint32(1)
        self._offsets_K = offsets_K.astype(np.uint32)

    def minima(self, shingles_S: HashArray) -> HashArray:
        """Return the smallest value under each permutation, shape (K,); S must not be 0."""
        minima_K = np.full(self.num_permutations, 2**32 - 1, dtype=np.uint32)
        for start in range(0, len(shingles_S), _CHUNK):
            values_SK = shingles_S[start : start + _CHUNK, None] * self._factors_K
            values_SK += self._offsets_K
            np.minimum(minima_K, values_SK.min(axis=0), out=minima_K)
        return minima_K

    def minima_reference(self, shingles: Sequence[int]) -> list[int]:
        """Go through permutations and shingles one by one: the definition of `minima`."""
        return [
            min((factor * shingle + offset) % 2**32 for shingle in shingles)
            for factor, offset in zip(
                self._factors_K.tolist(), self._offsets_K.tolist(), strict=True
            )
        ]

    def minima_of_many(self, shingles_S: HashArray, ends_T: IndexArray) -> HashArray:
        """Return what `minima` returns for each of many texts, shape (T, K).

        Args:
            shingles_S: the shingles of all texts, one text behind the other.
            ends_T: where the shingles of each text end, ascending: no text is without any.
        """
        starts_T = np.concatenate(([0], ends_T[:-1]))
        minima_KT = np.full((self.num_permutations, len(ends_T)), 2**32 - 1, dtype=np.uint32)
        for start in range(0, len(shingles_S), _CHUNK):
            end = min(start + _CHUNK, len(shingles_S))
            values_KS = self._factors_K[:, None] * shingles_S[start:end]
            values_KS += self._offsets_K[:, None]
            # The texts of which a part stands in the chunk; all but the outer two are whole.
            first = int(np.searchsorted(ends_T, start, side="right"))
            last = int(np.searchsorted(starts_T, end, side="left"))
            parts = np.maximum(starts_T[first:last], start) - start
            found = np.minimum.reduceat(values_KS, parts, axis=1)
            np.minimum(minima_KT[:, first:last], found, out=minima_KT[:, first:last])
        return np.ascontiguousarray(minima_KT.T)

    def sketch(self, shingles_S: HashArray) -> ByteArray:
        """Return one byte of each minimum, shape (K,); S must not be 0."""
        return _mixed(self.minima(shingles_S))

    def sketches(self, shingles_S: HashArray, ends_T: IndexArray) -> ByteArray:
        """Return the sketch of each of many texts, shape (T, K); see `minima_of_many`."""
        return _mixed(self.minima_of_many(shingles_S, ends_T))


def _mixed(minima: HashArray) -> ByteArray:
    """Return a byte of each minimum.

    The minima of long texts are all small, so that their high bits say nothing and their low bits
    are those of few shingles: the byte is mixed from all of them.
    """
    return (minima * np.uint32(_BYTE_MIX) >> np.uint32(24)).astype(np.uint8)


def similarity(sketches: ByteArray, sketch_K: ByteArray) -> npt.NDArray[np.float64]:
    """Estimate the Jaccard similarity of each of (N, K) sketches to one, shape (N,).

    Different minima have the same byte once in 256; that share is taken off. The standard error is
    sqrt(J (1 - J) / K): 0.035 for J = 0.8 and K = 128.
    """
    equal = np.count_nonzero(sketches == sketch_K, axis=1) / sketch_K.shape[0]
    estimate: npt.NDArray[np.float64] = np.maximum((equal - 1 / 256) / (1 - 1 / 256), 0.0)
    return estimate


def jaccard_reference(left: Sequence[bytes], right: Sequence[bytes], width: int) -> float:
    """Return the true Jaccard similarity of two texts' shingles, which sketches estimate.

    Two texts without a shingle have 0: they are compared as wholes only.
    """
    sets = [
        {tuple(words[start : start + width]) for start in range(len(words) - width + 1)}
        for words in (left, right)
    ]
    union = sets[0] | sets[1]
    return len(sets[0] & sets[1]) / len(union) if union else 0.0


@dataclass(frozen=True, slots=True)
class Bands:
    """How a sketch is cut: `count` bands of `rows` bytes; bytes beyond them only estimate."""

    count: int
    rows: int

    def chance_to_meet(self, jaccard: float) -> float:
        """Return the probability that two texts of this similarity agree in at least one band."""
        return float(1 - (1 - jaccard**self.rows) ** self.count)


def choose_bands(threshold: float, num_permutations: int, recall: float) -> Bands:
    """Choose the longest bands with which pairs at the threshold still meet with this chance.

    The longer the bands, the fewer dissimilar texts meet in vain.

    Raises:
        ConfigurationError: no cut of so few permutations finds that many pairs.
    """
    for rows in range(num_permutations, 0, -1):
        bands = Bands(num_permutations // rows, rows)
        if bands.chance_to_meet(threshold) >= recall:
            return bands
    raise ConfigurationError(
        f"{num_permutations} permutations cannot find {recall:.0%} of the pairs of similarity "
        f"{threshold}; take more permutations, a higher threshold or a lower recall"
    )

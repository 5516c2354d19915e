"""Hashed word features: lower-case form, prefixes, suffixes, shape and characters.

They give a model without pre-training what its pieces do not show: how a word is written. Hashes
are CRC-32, so they are the same on every machine and in every process.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ossamma.schema.errors import ConfigurationError

FEATURE_NAMES = ("lower", "prefix1", "prefix2", "prefix3", "suffix2", "suffix3", "suffix4", "shape")
_CACHE_LIMIT = 200_000
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One hashed feature: its name and the number of rows of its embedding table, at least 2."""

    name: str
    rows: int

    def __post_init__(self) -> None:
        if self.name not in FEATURE_NAMES:
            raise ConfigurationError(
                f"unknown word feature {self.name!r}; expected one of {', '.join(FEATURE_NAMES)}"
            )
        if type(self.rows) is not int or self.rows < 2:
            raise ConfigurationError(
                f"word feature {self.name!r} needs a whole number of rows from 2 on, "
                f"got {self.rows!r}"
            )


class WordFeatures:
    """Words to feature rows, with a cache. Row 0 is kept for positions that are not in a word."""

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        self._cache: dict[str, npt.NDArray[np.int64]] = {}

    def encode_words(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return rows of shape (words, features), each in [1, rows)."""
        if not words:
            return np.zeros((0, len(self.specs)), dtype=np.int64)
        return np.stack([self._encode(word) for word in words])

    def _encode(self, word: str) -> npt.NDArray[np.int64]:
        row = self._cache.get(word)
        if row is None:
            row = np.array(
                [1 + _hash(s.name, word_feature(s.name, word)) % (s.rows - 1) for s in self.specs],
                dtype=np.int64,
            )
            if len(self._cache) < _CACHE_LIMIT:
                self._cache[word] = row
        return row


def word_feature(name: str, word: str) -> str:
    """Return the value of one feature, such as suffix3("Berliner") = "ner"."""
    if name == "shape":
        return word_shape(word)
    lower = _DIGIT.sub("0", unicodedata.normalize("NFKC", word).lower())
    if name == "lower":
        return lower
    length = int(name[-1])
    return lower[:length] if name.startswith("prefix") else lower[-length:]


def word_shape(word: str) -> str:
    """Write letters as X or x, digits as d, others as they are; runs are cut at three.

    "Apollo-11" becomes "Xxxx-dd".
    """
    shape: list[str] = []
    for character in word[:60]:
        if character.isalpha():
            mark = "X" if character.isupper() else "x"
        elif character.isdigit():
            mark = "d"
        else:
            mark = character
        if shape[-3:] != [mark] * 3:
            shape.append(mark)
    return "".join(shape)


def _hash(name: str, value: str) -> int:
    return zlib.crc32(f"{name}\0{value}".encode("utf-8", "surrogatepass"))

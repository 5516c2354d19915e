"""Rules by which whole documents are unfit for pre-training, each with a name and a threshold."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from ossamma.data.minhash import shingle_hashes, word_bytes
from ossamma.schema.errors import ConfigurationError

RUN_WORDS: Final = 5
"""Words of a run whose repetition is counted."""
_ASCII_LETTERS: Final = string.ascii_letters.encode()
_ASCII_SPACE: Final = string.whitespace.encode() + b"\x1c\x1d\x1e\x1f"  # as `str.isspace` has it
_ASCII: Final = re.compile("[\x00-\x7f]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class QualitySettings:
    """Thresholds of the rules; 0 (or 1.0 for a greatest share) switches one off."""

    min_words: int = 12
    """`too short`: fewer words than these."""
    min_letters: float = 0.6
    """`too few letters`: a smaller share of the visible characters are letters."""
    max_word_characters: float = 15.0
    """`words too long`: a greater mean length of what stands between spaces; 0: no bound."""
    max_repeated_runs: float = 0.5
    """`repetitive`: a greater share of the runs of five words has occurred before in the text."""
    max_replacements: float = 0.001
    """`broken encoding`: a greater share of replacement characters (U+FFFD)."""

    def __post_init__(self) -> None:
        for name in ("min_letters", "max_repeated_runs", "max_replacements"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigurationError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("min_words", "max_word_characters"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")


class TextFacts:
    """What the rules ask of a text, found when first asked."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def num_words(self) -> int:
        """What stands between white space."""
        return len(self._text.split())

    @cached_property
    def num_visible(self) -> int:
        """Characters that are no white space."""
        ascii_bytes, others = self._parts
        visible = ascii_bytes.translate(None, delete=_ASCII_SPACE)
        return len(visible) + sum(not character.isspace() for character in others)

    @cached_property
    def letter_share(self) -> float:
        """Letters among the visible characters; marks of letters count as letters."""
        ascii_bytes, others = self._parts
        rest = len(ascii_bytes) - len(ascii_bytes.translate(None, delete=_ASCII_LETTERS))
        return (rest + sum(map(str.isalpha, others))) / max(self.num_visible, 1)

    @cached_property
    def word_characters(self) -> float:
        """Mean length of a word."""
        return self.num_visible / max(self.num_words, 1)

    @cached_property
    def replacement_share(self) -> float:
        """Characters that stand for bytes that someone could not read."""
        return self._text.count("\ufffd") / max(len(self._text), 1)

    @cached_property
    def repeated_runs(self) -> float:
        """Share of the runs of words that occurred before in the text; 0 for very short texts."""
        runs = shingle_hashes(word_bytes(self._text.lower()), RUN_WORDS)
        return 1.0 - len(np.unique(runs)) / len(runs) if len(runs) else 0.0

    @cached_property
    def _parts(self) -> tuple[bytes, str]:
        """The ASCII characters as bytes, and all others."""
        if self._text.isascii():
            return self._text.encode(), ""
        others = _ASCII.sub("", self._text)
        return self._text.encode("ascii", "ignore"), others


def fault_of(text: str, settings: QualitySettings) -> str | None:
    """Return the name of the first rule that a text breaks, None if it breaks none."""
    facts = TextFacts(text)
    if facts.num_words < settings.min_words:
        return "too short"
    if facts.replacement_share > settings.max_replacements:
        return "broken encoding"
    if facts.letter_share < settings.min_letters:
        return "too few letters"
    if 0 < settings.max_word_characters < facts.word_characters:
        return "words too long"
    if settings.max_repeated_runs < 1.0 and facts.repeated_runs > settings.max_repeated_runs:
        return "repetitive"
    return None


def letter_share_reference(text: str) -> float:
    """Look at every character: the definition of `TextFacts.letter_share`."""
    visible = [character for character in text if not character.isspace()]
    return sum(map(str.isalpha, visible)) / max(len(visible), 1)

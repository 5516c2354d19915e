"""Words near a place in a text: what an ambiguous name needs beside it before it is a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ossamma.schema.errors import ConfigurationError

_WORD: Final = re.compile(r"\w+")
_REACH: Final = 16
"""Characters looked at for each word of the window; longer words shorten the window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A window of words on both sides of a place, and the words that count in it."""

    words: frozenset[str]
    """The words, folded, one of which must stand in the window."""
    before: int = 5
    """How many words to the left are looked at."""
    after: int = 5
    """How many words to the right are looked at."""

    def __post_init__(self) -> None:
        if not self.words:
            raise ConfigurationError("a context needs at least one word")
        for word in sorted(self.words):
            if _WORD.fullmatch(word) is None or word != word.casefold():
                raise ConfigurationError(
                    f"a word of a context must be one word in lower case, got {word!r}"
                )
        if self.before < 0 or self.after < 0 or not self.before + self.after:
            raise ConfigurationError(
                f"a context must look at some words, got {self.before} before and "
                f"{self.after} after"
            )

    def holds(self, folded: str, start: int, end: int) -> bool:
        """Whether one of the words stands near the range [start, end) of a folded text."""
        left = _WORD.findall(folded, max(0, start - _REACH * self.before), start)
        right = _WORD.findall(folded, end, end + _REACH * self.after)
        near = left[-self.before :] if self.before else []
        return not self.words.isdisjoint(near) or not self.words.isdisjoint(right[: self.after])

"""Where a name may begin and end: whole words, possessives, hyphens, no parts of longer tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ossamma.data.autolabel.folding import APOSTROPHES, HYPHENS, is_word_character

_GLUE: Final = frozenset(".@\\&+=#~%$*")
"""Between two characters of words these make one token: `net.exe`, `user@host`, `R&D`."""
_LONGEST_JOINED: Final = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundaryRules:
    """Which words may be joined to a name by a hyphen without becoming a part of it."""

    prefixes: frozenset[str] = frozenset()
    """Words before the hyphen, folded: `non` allows "non-Windows"."""
    suffixes: frozenset[str] = frozenset()
    """Words behind the hyphen, folded: `based` allows "Linux-based"."""

    def allow(self, text: str, start: int, end: int) -> bool:
        """Whether text[start:end] stands on its own. The range must not be empty."""
        before = text[start - 1] if start else " "
        behind = text[end] if end < len(text) else " "
        return (before == " " or self._begins(text, start)) and (
            behind == " " or self._ends(text, end)
        )

    def _begins(self, text: str, start: int) -> bool:
        if start == 0:
            return True
        before = text[start - 1]
        if is_word_character(before):
            return False
        if start == 1 or not is_word_character(text[start - 2]):
            return True
        if before in HYPHENS:
            return _word_before(text, start - 1).casefold() in self.prefixes
        return before not in _GLUE and before not in APOSTROPHES

    def _ends(self, text: str, end: int) -> bool:
        if end == len(text):
            return True
        behind = text[end]
        if is_word_character(behind):
            return False
        if end + 1 == len(text) or not is_word_character(text[end + 1]):
            return True
        if behind in HYPHENS:
            return _word_behind(text, end + 1).casefold() in self.suffixes
        if behind in APOSTROPHES:
            return _word_behind(text, end + 1) in {"s", "S"}
        return behind not in _GLUE


def _word_before(text: str, end: int) -> str:
    start = end
    while start > max(0, end - _LONGEST_JOINED) and is_word_character(text[start - 1]):
        start -= 1
    return text[start:end]


def _word_behind(text: str, start: int) -> str:
    end = start
    while end < min(len(text), start + _LONGEST_JOINED) and is_word_character(text[end]):
        end += 1
    return text[start:end]

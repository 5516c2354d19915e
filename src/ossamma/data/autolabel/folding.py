"""Case folding that keeps the offsets of the original, and what counts as a character of a word."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

_SPACED_ASCII: Final = {
    code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")
}
_APOSTROPHES: Final = "'\u2019\u2018\u0060\u00b4"
HYPHENS: Final = "-\u2010\u2011\u2012\u2013\u2212"
"""Characters that join two words into one; the long dash separates them and is not among them."""
APOSTROPHES: Final = frozenset(_APOSTROPHES)
_CANONICAL: Final = str.maketrans(
    dict.fromkeys("\t\n\u00a0\u202f" + HYPHENS, " ") | dict.fromkeys(_APOSTROPHES, "'")
)
_LETTER_I_WITH_DOT: Final = "\u0130"


def is_word_character(character: str) -> bool:
    """Whether a character belongs to a word: a letter, digit, underscore or combining mark."""
    return character.isalnum() or character == "_" or unicodedata.combining(character) > 0


@dataclass(frozen=True, slots=True)
class Folded:
    """A text with its case folded.

    Folding may lengthen a text ("ß" becomes "ss"). `origins[i]` is the original's offset of the
    folded character i, and its last item is the original's length. None: both run side by side.
    """

    text: str
    origins: tuple[int, ...] | None = None

    def original(self, start: int, end: int) -> tuple[int, int] | None:
        """Return a folded range, not empty, in offsets of the original.

        None if it begins or ends inside of what was one character: half of "ß" is no letter.
        """
        if self.origins is None:
            return start, end
        begin, stop = self.origins[start], self.origins[end]
        begins_inside = start > 0 and self.origins[start - 1] == begin
        ends_inside = self.origins[end - 1] == stop
        return None if begins_inside or ends_inside else (begin, stop)


def fold(text: str) -> Folded:
    """Fold the case of a text (Unicode's full case folding)."""
    folded = text.casefold()
    # No character folds to nothing, so an equal length means one for one.
    if len(folded) == len(text):
        return Folded(folded)
    origins = [i for i, character in enumerate(text) for _ in character.casefold()]
    return Folded(folded, (*origins, len(text)))


def lower(text: str) -> str:
    """Return a text in lower case, one character for one, so that offsets stay those of the text.

    Only one character would grow: the capital I with a dot, which becomes a plain one.
    """
    return text.replace(_LETTER_I_WITH_DOT, "i").lower()


def spaced(text: str) -> str:
    """Return a text with a space for every character that is not of a word; same length."""
    if text.isascii():
        return text.translate(_SPACED_ASCII)
    # One replacement for each kind of character is many times as fast as a table of all of them.
    for character in set(text):
        if character != " " and not is_word_character(character):
            text = text.replace(character, " ")
    return text


def canonical(text: str) -> str:
    """Return a text with one form for all that may join words, and for all apostrophes.

    A space, a line break and any hyphen stand for each other: "spear phishing", "spear-phishing".
    """
    return text.translate(_CANONICAL)

"""Contextual rules as data: under what conditions a label of several candidates means fewer.

A rule says where to look (the marked text, its words, the words beside it) and what must stand
there: a word of a list, or a regular expression. Expressions are bounded, so that no text can make
one run for long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ossamma.schema.candidates import Candidates, check_candidates
from ossamma.schema.errors import ProfileError
from ossamma.schema.near_names import near

MAX_PATTERN_LENGTH: Final = 300
MAX_REPEATS: Final = 400
"""The most repetitions that a bounded quantifier may ask for."""

_RULE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_PUNCTUATION: Final = "'\"`.,;:!?()[]\u2018\u2019\u201c\u201d"
# An escape, a class of characters, a quantifier, or any other character, one at a time.
_PIECE: Final = re.compile(
    r"(?P<escape>\\.)"
    r"|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<bounded>\{(?P<low>\d*)(?:,(?P<high>\d*))?\})"
    r"|(?P<other>.)",
    re.DOTALL,
)

# Python warns of these, because a later version may read them as operations on sets.
_SET_IN_SET: Final = re.compile(r"(?<!\\)\[|--|&&|\|\||~~")


class Place(StrEnum):
    """Where a condition looks."""

    SURFACE = "surface"
    """The marked text as a whole."""
    FIRST_WORD = "first_word"
    LAST_WORD = "last_word"
    ANY_WORD = "any_word"
    """Some word of the marked text; white space and hyphens part words."""
    ALL_WORDS = "all_words"
    """Every word of the marked text."""
    BEFORE = "before"
    """What stands before the marked text on its line, up to white space; empty at the start."""
    AFTER = "after"
    """What stands after the marked text on its line, up to white space; empty at the end."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of a marked text in its place: a word of `words`, or the whole matches `pattern`.

    Words are compared without regard to case and to punctuation at their ends (see `plain`);
    a pattern sees the text as it is. Exactly one of the two is given.
    """

    place: Place
    words: frozenset[str] = frozenset()
    pattern: str = ""

    def __post_init__(self) -> None:
        if bool(self.words) == bool(self.pattern):
            raise ProfileError(
                f"a condition on {self.place} needs either words or a pattern, got "
                f"{len(self.words)} words and the pattern {self.pattern!r}"
            )
        if self.pattern:
            check_bounded(self.pattern)
        unlike = sorted(word for word in self.words if word != plain(word))
        if unlike:
            raise ProfileError(
                f"a condition on {self.place}: words must be plain (lower case, no punctuation "
                f"at the ends), got {', '.join(map(repr, unlike[:5]))}"
            )

    @classmethod
    def of_words(cls, place: Place, words: Iterable[str]) -> Condition:
        """A condition on words in any spelling."""
        return cls(place, frozenset(plain(word) for word in words) - {""})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Where all of `when` and none of `unless` hold, `label` means only `types`, or nothing.

    A rule without conditions always holds: it says what is meant where no earlier rule holds.
    `name` is unique in its table; what the rule decides is counted under it.
    """

    name: str
    label: str
    types: Candidates
    when: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not _RULE_NAME.fullmatch(self.name):
            raise ProfileError(f"a rule's name must match {_RULE_NAME.pattern}, got {self.name!r}")
        check_candidates(self.types, f"rule {self.name!r}")


def plain(text: str) -> str:
    """Return a text as words are compared: folded case, single spaces, no punctuation at ends.

    A text of nothing but punctuation stays as it is.
    """
    folded = " ".join(text.casefold().split())
    return folded.strip(_PUNCTUATION + " ") or folded


def place_named(name: str) -> Place:
    """Return the place of this name. Raises ProfileError for any other name."""
    places = [place.value for place in Place]
    if name not in places:
        raise ProfileError(
            f"a condition looks at one of {', '.join(places)}, got {name!r}" + near(name, places)
        )
    return Place(name)


def check_bounded(pattern: str) -> None:
    r"""Raise ProfileError unless the pattern is valid and bounded.

    Bounded means: no `*`, `+` or `{n,}`; no number above `MAX_REPEATS`; a group may be optional
    but not repeated; no references back; no set inside a set. `\*` and `[*]` are plain characters.
    """
    problem = _unbounded(pattern)
    if not problem:
        try:
            re.compile(pattern)
        except re.error as error:
            problem = str(error)
    if problem:
        raise ProfileError(f"the pattern {pattern!r} must be valid and bounded: {problem}")


def _unbounded(pattern: str) -> str:
    """Return what makes a pattern unbounded; empty if nothing does."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        return f"it has {len(pattern)} characters, {MAX_PATTERN_LENGTH} are allowed"
    previous = ""
    for piece in _PIECE.finditer(pattern):
        text = piece[0]
        if problem := _fault(piece, previous):
            return f"{problem} at character {piece.start()}"
        previous = text
    return ""


def _fault(piece: re.Match[str], previous: str) -> str:
    text = piece[0]
    if text == "[" or (piece["set"] and _SET_IN_SET.search(text, 1)):
        return "a set that does not end, or that holds another"
    if piece["bounded"]:
        high = piece["low"] if piece["high"] is None else piece["high"]
        if previous == ")":
            return "a group is repeated"
        return "" if high and int(high) <= MAX_REPEATS else f"{text} has no small upper bound"
    if piece["other"] and text in "*+":
        return f"{text!r} repeats without bound; write {{0,n}} or {{1,n}}"
    if piece["escape"] and (text[1].isdigit() or text[1] == "g"):
        return "a reference back"
    return "a named reference" if previous == "?" and text == "P" else ""

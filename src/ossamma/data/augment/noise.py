"""Noise: case, typing errors and white space as careless writers leave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from random import Random
from types import MappingProxyType
from typing import Final

from ossamma.data.augment.casing import lower, title, upper
from ossamma.data.augment.draws import choose
from ossamma.data.augment.rewriting import Edit, rewrite, with_text
from ossamma.data.augment.units import Standing, Unit, units_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

_NEIGHBOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a": "qwsz",
        "b": "vghn",
        "c": "xdfv",
        "d": "serfcx",
        "e": "wsdr",
        "f": "drtgvc",
        "g": "ftyhbv",
        "h": "gyujnb",
        "i": "ujko",
        "j": "huikmn",
        "k": "jiolm",
        "l": "kop",
        "m": "njk",
        "n": "bhjm",
        "o": "iklp",
        "p": "ol",
        "q": "wa",
        "r": "edft",
        "s": "awedxz",
        "t": "rfgy",
        "u": "yhji",
        "v": "cfgb",
        "w": "qase",
        "x": "zsdc",
        "y": "tghu",
        "z": "asx",
    }
)
"""Keys that touch a key on a QWERTY keyboard."""
_LEAST_LETTERS: Final = 4
_CLOSING: Final = frozenset(",;:!?")
CASINGS: Final = ("lower", "upper", "title", "random")
"""The ways in which `change_case` can write a text."""


def change_case(
    document: Document, rng: Random, *, probability: float, casings: tuple[str, ...] = CASINGS
) -> Document:
    """Write the whole text, with this probability, in one of `casings`, drawn with equal chance.

    "lower" and "upper" write all of it so, "title" begins every word with a capital, "random"
    draws the case of each letter. Mentions are changed like the rest, as in a headline; no offset
    moves.

    Raises:
        ConfigurationError: `casings` is empty or has an unknown member.
    """
    if not casings or not set(casings) <= set(CASINGS):
        raise ConfigurationError(
            f"casings must be one or more of {', '.join(CASINGS)}, got {casings!r}"
        )
    if rng.random() >= probability:
        return document
    return with_text(document, _recased(document, rng.choice(casings), rng), "case")


def add_typos(
    document: Document, rng: Random, *, rate: float, inside_mentions: bool = False
) -> Document:
    """Mistype this share of the words, each in one place (`mistype`).

    Words of four letters or more and of nothing but letters are taken, and only outside
    annotations unless `inside_mentions`. Words that the border of an annotation cuts stay.
    """
    words = [
        unit
        for unit in (units_of(document) if rate > 0.0 else ())
        if unit.text.isalpha()
        and len(unit.text) >= _LEAST_LETTERS
        and _may_change(unit, inside_mentions=inside_mentions)
    ]
    edits = [Edit(u.start, u.end, mistype(u.text, rng)) for u in choose(words, rate, rng)]
    return rewrite(document, edits, "typos")


def mistype(word: str, rng: Random) -> str:
    """Swap two letters, drop one, double one or hit a neighbouring key; never at the beginning.

    The word must have at least three letters. The result always differs from it.
    """
    kinds = [_swap, _drop, _double, _miss]
    rng.shuffle(kinds)
    mistyped = (kind(word, rng) for kind in kinds)
    return next(new for new in mistyped if new != word)


def change_spaces(
    document: Document, rng: Random, *, rate: float, inside_mentions: bool = False
) -> Document:
    """Change the white space at this share of the places where it can be changed.

    A single space is doubled; one before a comma, colon, semicolon, question or exclamation mark
    may be left out instead; where there is none between a word and such a mark, one is put in.
    Words stay what they are: no two are joined, none is parted. Line breaks and tabs stay. Places
    beside or inside an annotation stay, unless `inside_mentions` allows doubling there as well.
    """
    if rate <= 0.0:
        return document
    places = list(_places(document, inside_mentions=inside_mentions))
    edits = [
        Edit(start, end, rng.choice(options)) for start, end, options in choose(places, rate, rng)
    ]
    return rewrite(document, edits, "spaces")


def _recased(document: Document, casing: str, rng: Random) -> str:
    text = document.text
    if casing == "lower":
        return lower(text)
    if casing == "upper":
        return upper(text)
    if casing == "random":
        return "".join(rng.choice((lower, upper))(character) for character in text)
    characters = list(text)
    for unit in units_of(document):
        characters[unit.start : unit.end] = title(unit.text)
    return "".join(characters)


def _may_change(unit: Unit, *, inside_mentions: bool) -> bool:
    if unit.standing is Standing.MENTION:
        return inside_mentions
    return unit.standing is Standing.FREE


def _places(
    document: Document, *, inside_mentions: bool
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield the gaps [start, end) that may change, and what may stand there instead."""
    text = document.text
    for left, right in pairwise(units_of(document)):
        are_free = left.standing is right.standing is Standing.FREE
        if not are_free and not inside_mentions:
            continue
        gap = text[left.end : right.start]
        # Behind a letter such a mark is a word by itself for every splitter; "3,5" is not touched.
        may_close = are_free and right.text in _CLOSING and left.text.isalpha()
        if gap == " ":
            yield left.end, right.start, ("  ", "") if may_close else ("  ",)
        elif not gap and may_close:
            yield left.end, right.start, (" ",)


def _swap(word: str, rng: Random) -> str:
    places = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    if not places:
        return word
    at = rng.choice(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _drop(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


def _double(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at] + word[at:]


def _miss(word: str, rng: Random) -> str:
    places = [i for i in range(1, len(word)) if word[i].lower() in _NEIGHBOURS]
    if not places:
        return word
    at = rng.choice(places)
    key = rng.choice(_NEIGHBOURS[word[at].lower()])
    return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]

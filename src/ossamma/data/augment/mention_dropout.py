"""Mention dropout: the words of an entity become nonsense, so that only the context tells its type.

A fixed mask would never be met outside training, and a model cannot be told through a document to
hide a word's features. So each letter becomes another of its kind, a capital for a capital, a vowel
for a vowel, and each digit another digit: "Ada Lovelace" becomes "Ogi Rupizuma". The word has the
same shape and length and is one that no model knows.

Nonsense must not itself become the mark of an entity. Therefore words outside all annotations turn
into nonsense too (decoys), as many of them as words of mentions.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from random import Random
from typing import Final

from ossamma.data.augment.casing import has_upper
from ossamma.data.augment.draws import choose
from ossamma.data.augment.rewriting import with_text
from ossamma.data.augment.units import Standing, Unit, units_of
from ossamma.schema.spans import Document

_VOWELS: Final = "aeiouy"
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxz"
_DIGITS: Final = "0123456789"
_LONG: Final = 4


def drop_mentions(
    document: Document,
    rng: Random,
    *,
    probability: float,
    decoys: float = 1.0,
    spare: frozenset[str] = frozenset(),
) -> Document:
    """Turn each mention with this probability into nonsense of the same shape.

    No offset changes. Short words without a capital or digit ("of", "'s") stay, unless a mention
    has no others. Annotations with a candidate type in `spare` are left alone.

    Args:
        document: any document.
        rng: decides everything.
        probability: of each annotation.
        decoys: words outside annotations to change for each word changed inside them. Only
            words of four letters or more are taken, so there may be fewer.
        spare: types whose form is what they mean, such as measures.
    """
    marks = [
        mark
        for mark in document.annotations or ()
        if spare.isdisjoint(mark.labels) and rng.random() < probability
    ]
    if not marks:
        return document
    units = units_of(document)
    mentioned = [unit for unit in units if unit.standing is Standing.MENTION]
    dropped: set[Unit] = set()
    for mark in marks:
        first = bisect_left(mentioned, mark.start, key=_start)
        end = bisect_left(mentioned, mark.end, key=_start)
        inside = [unit for unit in mentioned[first:end] if unit.end <= mark.end]
        dropped.update([unit for unit in inside if _carries_meaning(unit)] or inside)
    candidates = [
        unit
        for unit in units
        if unit.standing is Standing.FREE and unit.text.isalpha() and len(unit.text) >= _LONG
    ]
    share = min(1.0, decoys * len(dropped) / len(candidates)) if candidates else 0.0
    chosen = [*sorted(dropped, key=_start), *choose(candidates, share, rng)]
    return with_text(document, _obscure(document.text, chosen, rng), "drop")


def pseudo_word(word: str, rng: Random) -> str:
    """Write a word of the same shape in which every letter and digit is another one."""
    return "".join(_another(character, rng) for character in word)


def _another(character: str, rng: Random) -> str:
    if character.isalpha():
        base = unicodedata.normalize("NFD", character)[0].lower()
        alphabet = _VOWELS if base in _VOWELS else _CONSONANTS
        letter = rng.choice(alphabet.replace(character.lower(), ""))
        return letter.upper() if character.isupper() else letter
    if character.isdigit():
        return rng.choice(_DIGITS.replace(character, ""))
    return character


def _start(unit: Unit) -> int:
    return unit.start


def _carries_meaning(unit: Unit) -> bool:
    has_digit = any(character.isdigit() for character in unit.text)
    return has_digit or has_upper(unit.text) or len(unit.text) >= _LONG


def _obscure(text: str, units: Iterable[Unit], rng: Random) -> str:
    characters = list(text)
    for unit in units:
        characters[unit.start : unit.end] = pseudo_word(unit.text, rng)
    return "".join(characters)

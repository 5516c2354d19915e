"""Changes of case that keep every character in its place."""

from __future__ import annotations

from collections.abc import Callable


def lower(text: str) -> str:
    """Write in small letters; a character whose small form is longer than itself stays."""
    return _in_place(text, str.lower)


def upper(text: str) -> str:
    """Write in capitals; a character whose capital is longer than itself stays."""
    return _in_place(text, str.upper)


def title(word: str) -> str:
    """Write the first character as a capital and the others in small letters."""
    return upper(word[:1]) + lower(word[1:])


def has_upper(text: str) -> bool:
    """Whether any letter is a capital."""
    return any(character.isupper() for character in text)


def has_lower(text: str) -> bool:
    """Whether any letter is a small one."""
    return any(character.islower() for character in text)


def like(word: str, pattern: str) -> str | None:
    """Write a small-letter word in the case of another; None if that has no plain case.

    `pattern` is in small letters, in capitals (two at least) or begins with the only capital.
    """
    for cased in (lower, upper, title):
        if cased(pattern) == pattern:
            return title(word) if cased is upper and len(pattern) == 1 else cased(word)
    return None


def _in_place(text: str, change: Callable[[str], str]) -> str:
    changed = change(text)
    if len(changed) == len(text):  # no character ever becomes none, so each became one
        return changed
    return "".join(new if len(new := change(old)) == 1 else old for old in text)

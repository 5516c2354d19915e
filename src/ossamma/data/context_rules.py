"""Contextual rules applied: which rule of a table holds for a marked text in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ossamma.schema.label_rules import Condition, Place, Rule, plain

MAX_SURFACE: Final = 200
"""Characters of a marked text beyond which no pattern is tried on it; it is no name then."""
MAX_NEIGHBOUR: Final = 60
"""Characters of the line that are read on either side of a marked text."""

_GAPS: Final = re.compile(r"[\s/\u2010-\u2015-]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A marked text with what the conditions of a rule may look at.

    `words` are those of `surface`, parted by white space, hyphens and strokes. `before` and
    `after` reach to the next white space and not beyond the line.
    """

    surface: str
    words: tuple[str, ...]
    before: str
    after: str


def mention_at(text: str, start: int, end: int) -> Mention:
    """Return the mention that is marked at `[start, end)` of a text."""
    surface = text[start:end]
    left = text[max(0, start - MAX_NEIGHBOUR) : start].rpartition("\n")[2].split()
    right = text[end : end + MAX_NEIGHBOUR].partition("\n")[0].split()
    words = tuple(word for word in _GAPS.split(surface) if word)
    return Mention(surface, words, left[-1] if left else "", right[0] if right else "")


def holds(condition: Condition, mention: Mention) -> bool:
    """Whether a condition holds for a mention."""
    return _AT[condition.place](mention, lambda text: _passes(condition, text))


def first_rule(rules: Iterable[Rule], mention: Mention) -> Rule | None:
    """Return the first rule that holds: all of its `when`, none of its `unless`."""
    for rule in rules:
        if all(holds(condition, mention) for condition in rule.when) and not any(
            holds(condition, mention) for condition in rule.unless
        ):
            return rule
    return None


def _passes(condition: Condition, text: str) -> bool:
    if condition.words:
        return plain(text) in condition.words
    return len(text) <= MAX_SURFACE and re.fullmatch(condition.pattern, text) is not None


_Test = Callable[[str], bool]
_AT: Final[Mapping[Place, Callable[[Mention, _Test], bool]]] = {
    Place.SURFACE: lambda mention, test: test(mention.surface),
    Place.FIRST_WORD: lambda mention, test: any(map(test, mention.words[:1])),
    Place.LAST_WORD: lambda mention, test: any(map(test, mention.words[-1:])),
    Place.ANY_WORD: lambda mention, test: any(map(test, mention.words)),
    Place.ALL_WORDS: lambda mention, test: bool(mention.words) and all(map(test, mention.words)),
    Place.BEFORE: lambda mention, test: test(mention.before),
    Place.AFTER: lambda mention, test: test(mention.after),
}

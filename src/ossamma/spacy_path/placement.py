"""Entities in characters to entities in spaCy's tokens, and a count of what does not fit.

spaCy's entities are made of whole tokens and never share one. An entity whose borders lie inside a
token is widened to the whole token; one that would share a token is left out. Both are told.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ossamma.schema.spans import Entity


class Reason(StrEnum):
    """Why an entity has no place in the document."""

    NOWHERE = "no token"
    """No token lies there."""
    OVERLAP = "overlap"
    """A more confident entity of the same call has one of its tokens."""
    TAKEN = "taken"
    """An entity that was there before has one of its tokens."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An entity on the tokens [first, end)."""

    entity: Entity
    first: int
    end: int
    is_widened: bool
    """A border lay inside a token: the tokens say more than the entity's text."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entity without a place."""

    entity: Entity
    reason: Reason


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of the entities of one text; each is either placed or left out."""

    placed: tuple[Placed, ...]
    """In the order of the text."""
    left_out: tuple[LeftOut, ...]

    @property
    def num_widened(self) -> int:
        """How many entities got more text than they had."""
        return sum(placed.is_widened for placed in self.placed)


def place(
    entities: Sequence[Entity],
    starts: Sequence[int],
    ends: Sequence[int],
    *,
    taken: frozenset[int] = frozenset(),
) -> Placement:
    """Give entities their tokens; where two want the same one, the more confident has it.

    Args:
        entities: in characters of the text.
        starts: first character of each token, ascending.
        ends: character after each token, without the white space that follows it.
        taken: tokens that no entity may have.
    """
    placed: list[Placed] = []
    left_out: list[LeftOut] = []
    owned: set[int] = set()
    for entity in sorted(entities, key=lambda e: (-e.confidence, e)):
        first, end = token_range(starts, ends, entity.start, entity.end)
        if first >= end:
            left_out.append(LeftOut(entity, Reason.NOWHERE))
        elif not taken.isdisjoint(range(first, end)):
            left_out.append(LeftOut(entity, Reason.TAKEN))
        elif not owned.isdisjoint(range(first, end)):
            left_out.append(LeftOut(entity, Reason.OVERLAP))
        else:
            owned.update(range(first, end))
            is_widened = starts[first] < entity.start or entity.end < ends[end - 1]
            placed.append(Placed(entity, first, end, is_widened))
    placed.sort(key=lambda p: p.first)
    left_out.sort(key=lambda item: item.entity)
    return Placement(tuple(placed), tuple(left_out))


def token_range(
    starts: Sequence[int], ends: Sequence[int], start: int, end: int
) -> tuple[int, int]:
    """Return the tokens [first, last) that share a character with [start, end)."""
    return bisect_right(ends, start), bisect_left(starts, end)


def token_range_reference(
    starts: Sequence[int], ends: Sequence[int], start: int, end: int
) -> tuple[int, int]:
    """The same by looking at every token: the definition, slow and obvious."""
    touched = [
        index
        for index, (token_start, token_end) in enumerate(zip(starts, ends, strict=True))
        if token_start < end and start < token_end
    ]
    return (touched[0], touched[-1] + 1) if touched else (0, 0)

"""Which entities are one: SAME_AS edges and decisions, strongest first, never across a parting.

Nothing is merged: the answer is a mapping from each entity to the one that stands for it. Taking
back an edge or a decision and asking again gives the graph as if it had never been.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ossamma.graph.values import Decision, DecisionKind, Edge, EntityNode


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds of all that was ever decided: the last word about each entity or pair."""

    apart: frozenset[tuple[str, str]] = frozenset()
    same: tuple[tuple[str, str], ...] = ()
    suppressed: frozenset[str] = frozenset()


def decided(decisions: Iterable[Decision]) -> Decided:
    """Return what holds; later decisions overrule earlier ones about the same entities."""
    last: dict[tuple[str, str], Decision] = {}
    for decision in sorted(decisions, key=lambda one: (one.time, one.id)):
        last[decision.first, decision.second] = decision
    pairs = {key: one for key, one in last.items() if one.second}
    return Decided(
        apart=frozenset(key for key, one in pairs.items() if one.kind is DecisionKind.APART),
        same=tuple(sorted(key for key, one in pairs.items() if one.kind is DecisionKind.SAME)),
        suppressed=frozenset(
            key[0] for key, one in last.items() if one.kind is DecisionKind.SUPPRESS
        ),
    )


def canonical_keys(
    entities: Sequence[EntityNode], same_as: Iterable[Edge], decisions: Iterable[Decision]
) -> dict[str, str]:
    """Return for each entity the key of the one that stands for it.

    That is a known one if there is any, and the one of the smallest key among them. What a person
    said to be the same goes first, then the edges by falling score. Two that are to stay apart
    never come together, also not by way of a third.
    """
    held = decided(decisions)
    parents = {entity.id: entity.id for entity in entities}
    foes: dict[str, set[str]] = {entity.id: set() for entity in entities}
    for one, other in held.apart:
        if one in foes and other in foes:
            foes[one].add(other)
            foes[other].add(one)
    for one, other in _links(parents, same_as, held):
        _unite(parents, foes, (one, other))
    groups: dict[str, list[EntityNode]] = {}
    for entity in entities:
        groups.setdefault(_root(parents, entity.id), []).append(entity)
    return {
        entity.id: min(group, key=lambda one: (not one.known, one.id)).id
        for group in groups.values()
        for entity in group
    }


def canonical_keys_slowly(
    entities: Sequence[EntityNode], same_as: Iterable[Edge], decisions: Iterable[Decision]
) -> dict[str, str]:
    """Do what `canonical_keys` does with sets alone: the definition."""
    held = decided(decisions)
    groups = [frozenset({entity.id}) for entity in entities]
    there = frozenset(entity.id for entity in entities)
    for one, other in _links(dict.fromkeys(there, ""), same_as, held):
        a = next(group for group in groups if one in group)
        b = next(group for group in groups if other in group)
        joined = a | b
        if any(x in joined and y in joined for x, y in held.apart):
            continue
        groups = [group for group in groups if group not in (a, b)] + [joined]
    by_key = {entity.id: entity for entity in entities}
    return {
        key: min(group, key=lambda one: (not by_key[one].known, one))
        for group in groups
        for key in group
    }


def _links(
    there: Mapping[str, str], same_as: Iterable[Edge], held: Decided
) -> list[tuple[str, str]]:
    """Return the pairs to unite in their order, those of unknown entities left out."""
    ordered = sorted(same_as, key=lambda edge: (-edge.score, edge.id))
    pairs = [*held.same, *((edge.source, edge.target) for edge in ordered)]
    gone = held.suppressed
    return [
        (one, other)
        for one, other in pairs
        if one in there and other in there and one not in gone and other not in gone
    ]


def _root(parents: dict[str, str], key: str) -> str:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _unite(parents: dict[str, str], foes: dict[str, set[str]], pair: tuple[str, str]) -> None:
    one, other = (_root(parents, key) for key in pair)
    if one == other or any(_root(parents, foe) == other for foe in foes[one]):
        return
    if len(foes[one]) < len(foes[other]):
        one, other = other, one
    parents[other] = one
    foes[one] |= foes.pop(other)

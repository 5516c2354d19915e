"""What people ask of a graph: who is this, how are two related, and why is that edge there."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ossamma.graph.clusters import decided
from ossamma.graph.identity import normal_name
from ossamma.graph.store import GraphStore
from ossamma.graph.values import (
    Decision,
    DecisionKind,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
)
from ossamma.schema.errors import GraphError

RELATIONS = tuple(kind for kind in EdgeType if kind.is_typed or kind is EdgeType.CO_OCCURS_WITH)
"""Edges between things, not those of the record or of sameness."""


@dataclass(frozen=True, slots=True)
class Thing:
    """All entities that are one: `key` is the canonical one's, `members` has them all."""

    key: str
    members: tuple[EntityNode, ...]

    @property
    def head(self) -> EntityNode:
        """The entity that stands for it."""
        return next((one for one in self.members if one.id == self.key), self.members[0])

    @property
    def name(self) -> str:
        """A name to show."""
        return self.head.name

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all its entities."""
        return frozenset(one.id for one in self.members)


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason for an edge: a sentence of a document, or what a source says."""

    edge: Edge
    reason: str
    score: float
    quote: str
    source: str
    start: int = 0
    stop: int = 0


class GraphView:
    """Answers questions about a graph; suppressed entities are not shown."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._suppressed = decided(store.scan(Decision)).suppressed

    def find(self, text: str) -> list[Thing]:
        """Return the things of a key, an identifier (`attack:G0007`, `G0007`) or a name."""
        name = normal_name(text)
        keys = {
            one.canonical
            for one in self._store.scan(EntityNode)
            if one.id not in self._suppressed
            and (
                text in (one.id, one.identity, one.identity.partition(":")[2])
                or one.identity == f"name:{name}"
            )
        }
        return self.things(keys)

    def the(self, text: str) -> Thing:
        """Return the one thing meant. Raises GraphError where there is none, or several."""
        found = self.find(text)
        if len(found) == 1:
            return found[0]
        some = ", ".join(f"{one.name} ({one.head.label}, {one.key})" for one in found)
        raise GraphError(
            f"expected the name, identifier or key of one entity, got {text!r}, which is "
            + (f"that of several: {some}; give a key" if found else "that of none in the graph")
        )

    def things(self, keys: Collection[str]) -> list[Thing]:
        """Return the things with these canonical keys."""
        members: dict[str, list[EntityNode]] = {}
        for one in self._store.members(keys):
            if one.id not in self._suppressed:
                members.setdefault(one.canonical, []).append(one)
        return [Thing(key, tuple(members[key])) for key in sorted(members)]

    def relations(self, thing: Thing) -> list[tuple[Edge, Thing]]:
        """Return the edges to other things, each with the thing at its other end."""
        edges = self._store.edges(RELATIONS, touching=thing.keys)
        ends = {end for edge in edges for end in (edge.source, edge.target)} - thing.keys
        canonical = {one.id: one.canonical for one in self._store.fetch(EntityNode, ends)}
        others = {one.key: one for one in self.things(set(canonical.values()))}
        found: list[tuple[Edge, Thing]] = []
        for edge in edges:
            other = edge.target if edge.source in thing.keys else edge.source
            there = others.get(canonical.get(other, ""))
            if there is not None and other in there.keys:
                found.append((edge, there))
        return found

    def path(self, source: Thing, target: Thing, *, most: int = 6) -> list[tuple[Edge, Thing]]:
        """Return a shortest way by relations, as edges and the things they lead to.

        Empty where there is none of at most `most` edges. Typed edges are tried first.
        """
        way: dict[str, tuple[str, Edge, Thing]] = {}
        waiting = deque([(source, 0)])
        seen = {source.key}
        while waiting and target.key not in seen:
            thing, length = waiting.popleft()
            if length == most:
                break
            steps = sorted(self.relations(thing), key=lambda step: not step[0].type.is_typed)
            for edge, other in steps:
                if other.key not in seen:
                    seen.add(other.key)
                    way[other.key] = (thing.key, edge, other)
                    waiting.append((other, length + 1))
        return list(reversed(list(_back(way, target.key))))

    def evidence(self, edges: Collection[Edge]) -> list[Ground]:
        """Return every reason for edges: sentences in full, and statements of sources."""
        by_key = {edge.id: edge for edge in edges}
        found = self._store.evidence(by_key)
        texts = self._texts({one.document for one in found if one.document})
        grounds = [_ground(by_key[one.edge], one, texts) for one in found]
        return grounds + list(self._of_record(edges))

    def without_evidence(self) -> list[Edge]:
        """Return the edges between entities that nothing vouches for; there should be none."""
        kinds = (EdgeType.SAME_AS, *RELATIONS)
        edges = self._store.edges(kinds)
        there = {one.edge for one in self._store.scan(Evidence)}
        return [edge for edge in edges if edge.id not in there]

    def _of_record(self, edges: Collection[Edge]) -> Iterator[Ground]:
        """Yield the mentions behind edges of the record."""
        kinds = (EdgeType.FOUND_IN, EdgeType.REFERS_TO, EdgeType.MENTIONS)
        own = [edge for edge in edges if edge.type in kinds]
        documents = {edge.source for edge in own if edge.type is EdgeType.MENTIONS}
        mentions = {one.id: one for one in self._store.mentions(documents)}
        named = self._store.edges([EdgeType.REFERS_TO], touching=list(mentions))
        for edge in own:
            keys = [edge.source]
            if edge.type is EdgeType.MENTIONS:
                keys = [one.source for one in named if one.target == edge.target]
            for one in self._store.fetch(Mention, keys):
                text = self._texts({one.document})[one.document]
                start, stop = _line(text, one.start, one.stop)
                yield Ground(edge, f"{one.text!r} at {one.start}", one.confidence,
                             text.text[start:stop], _named(text), start, stop)  # fmt: skip

    def _texts(self, keys: Collection[str]) -> dict[str, DocumentNode]:
        return {one.id: one for one in self._store.fetch(DocumentNode, keys)}


def edges_by_key(store: GraphStore, key: str) -> list[Edge]:
    """Return the edge of a key. Empty where there is none."""
    return [edge for edge in store.edges() if edge.id == key]


def decide(
    store: GraphStore, kind: DecisionKind, keys: tuple[str, str], *, time: str, reason: str = ""
) -> Decision:
    """Return what a person decided about one entity (`second` empty) or two, as it is kept.

    Raises:
        GraphError: an entity is not in the graph.
    """
    wanted = {key for key in keys if key}
    missing = wanted - {one.id for one in store.fetch(EntityNode, wanted)}
    if missing:
        raise GraphError(f"expected the key of an entity, got {min(missing)!r}")
    return Decision(kind, keys[0], keys[1], time, reason)


def _back(way: dict[str, tuple[str, Edge, Thing]], key: str) -> Iterator[tuple[Edge, Thing]]:
    while key in way:
        key, edge, thing = way[key]
        yield edge, thing


def _ground(edge: Edge, one: Evidence, texts: dict[str, DocumentNode]) -> Ground:
    if not one.document:
        return Ground(edge, one.reason, one.score, one.quote, one.source)
    text = texts[one.document]
    quote = text.text[one.start : one.stop]
    return Ground(edge, one.reason, one.score, quote, _named(text), one.start, one.stop)


def _named(document: DocumentNode) -> str:
    return document.names[0] if document.names else document.id


def _line(document: DocumentNode, start: int, stop: int) -> tuple[int, int]:
    end = document.text.find("\n", stop)
    return document.text.rfind("\n", 0, start) + 1, len(document.text) if end < 0 else end

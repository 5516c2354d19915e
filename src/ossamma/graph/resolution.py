"""Which known thing the names of a document mean: identifiers, then aliases, then near names.

Every answer is an edge with a score and a reason; no node is changed or deleted for it. It depends
on the document and on what is known, never on what the graph holds already: so the order in which
documents come does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ossamma.graph.fuzzy import Candidate, FuzzyNames, FuzzySettings
from ossamma.graph.identity import NAME, normal_name
from ossamma.graph.knowledge import Entry, Knowledge
from ossamma.graph.values import Edge, EdgeType, EntityNode, Evidence, Node

ALIAS_SCORE = 0.99
"""How sure it is that a source's other name means its thing."""
OTHER_LABEL_SCORE = 0.9
"""The same, where the recogniser gave a label that is only compatible."""
CONTEXT_SCORE = 0.9
"""How sure it is that an ambiguous name means the one thing that its document speaks of."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the entities of one document mean.

    `values` are edges and evidence to write, `things` the known things that they lead to. `meant`
    gives, for an ambiguous entity, the key of the entity that this document means by it, with score
    and reason.
    """

    values: tuple[Node | Edge, ...]
    things: frozenset[str]
    meant: dict[str, tuple[str, float, str]]


class Resolver:
    """Finds what names mean, document by document."""

    def __init__(self, knowledge: Knowledge, settings: FuzzySettings | None = None) -> None:
        self._knowledge = knowledge
        self._fuzzy = FuzzyNames(knowledge, settings)
        self._things: dict[str, tuple[Node | Edge, ...]] = {}
        self._own_edges: dict[str, frozenset[str]] = {}

    def resolve(self, entities: Sequence[EntityNode], document: str) -> Resolved:
        """Return what the entities of a document (by its key) mean."""
        sure = {entity.id: self._sure(entity) for entity in entities}
        named = {candidate.thing for candidate in sure.values() if candidate is not None}
        values: list[Node | Edge] = []
        things: set[str] = set()
        meant: dict[str, tuple[str, float, str]] = {}
        for entity in entities:
            candidate = sure[entity.id]
            if candidate is None and not entity.identifiers:
                chosen = self._by_context(entity, named)
                if chosen:
                    things.add(chosen)
                    key = self._first(chosen).node().id
                    meant[entity.id] = (key, CONTEXT_SCORE, "context: the only one spoken of")
                    continue
                candidate = self._nearly(entity, named)
            if candidate is not None:
                things.add(candidate.thing)
                values += self._same(entity, candidate, document)
        return Resolved(tuple(values), frozenset(things), meant)

    def thing(self, thing: str) -> tuple[Node | Edge, ...]:
        """Return a known thing with all names that are its own, and what joins them."""
        if thing not in self._things:
            self._things[thing] = tuple(self._made(thing))
        return self._things[thing]

    def everything(self) -> Iterable[tuple[Node | Edge, ...]]:
        """Yield every known thing."""
        for thing in sorted({self._knowledge.thing(e.identifier) or "" for e in
                             self._knowledge.entries}):  # fmt: skip
            yield self.thing(thing)

    def _sure(self, entity: EntityNode) -> Candidate | None:
        """Return what an identifier, or a name that only one thing has, means."""
        for identifier in entity.identifiers:
            thing = self._knowledge.thing(identifier)
            if thing is not None:
                return Candidate(thing, 1.0, "identifier")
        if entity.identifiers:
            return None
        things = self._named(entity)
        if len(things) != 1:
            return None
        own = any(entry.label == entity.label for entry in self._knowledge.entries_of(things[0]))
        return Candidate(things[0], ALIAS_SCORE if own else OTHER_LABEL_SCORE, "alias")

    def _by_context(self, entity: EntityNode, named: set[str]) -> str | None:
        """Return the one thing among several of a name that the document speaks of otherwise."""
        things = self._named(entity)
        spoken = [thing for thing in things if self._is_spoken_of(thing, named)]
        return spoken[0] if len(things) > 1 and len(spoken) == 1 else None

    def _nearly(self, entity: EntityNode, named: set[str]) -> Candidate | None:
        if self._named(entity):
            return None  # ambiguous: homonyms stay apart
        candidate = self._fuzzy.candidate(_value(entity), entity.label)
        if candidate is None or not candidate.needs_context:
            return candidate
        return candidate if self._is_spoken_of(candidate.thing, named) else None

    def _named(self, entity: EntityNode) -> tuple[str, ...]:
        return self._knowledge.things_named(_value(entity), entity.label, entity.types)

    def _is_spoken_of(self, thing: str, named: set[str]) -> bool:
        return thing in named or not named.isdisjoint(self._knowledge.neighbours(thing))

    def _same(self, entity: EntityNode, candidate: Candidate, document: str) -> list[Node | Edge]:
        """Return the edge from an entity to the thing that it is, unless it is the thing's own."""
        first = self._first(candidate.thing).node()
        if entity.id == first.id:
            return []
        edge = Edge(EdgeType.SAME_AS, entity.id, first.id, candidate.score, candidate.reason)
        if edge.id in self._edges_of(candidate.thing):
            return []
        reason = candidate.reason
        by_source = Evidence(
            edge.id, reason, candidate.score, source=self._first(candidate.thing).source
        )
        if not candidate.needs_context:
            return [edge, by_source]
        return [edge, Evidence(edge.id, reason, candidate.score, document=document)]

    def _edges_of(self, thing: str) -> frozenset[str]:
        if thing not in self._own_edges:
            edges = (value.id for value in self.thing(thing) if isinstance(value, Edge))
            self._own_edges[thing] = frozenset(edges)
        return self._own_edges[thing]

    def _first(self, thing: str) -> Entry:
        return self._knowledge.entries_of(thing)[0]

    def _made(self, thing: str) -> Iterable[Node | Edge]:
        entries = self._knowledge.entries_of(thing)
        first = entries[0].node()
        yield first
        for entry in entries:
            node = entry.node()
            yield node
            if node.id != first.id:
                yield from _linked(node, first, entry, "two sources have its main name")
            for name in entry.names:
                if self._knowledge.things_named(name, entry.label) == (thing,):
                    alias = EntityNode(
                        entry.label, f"{NAME}:{normal_name(name)}", (name,), (entry.type,)
                    )
                    yield alias
                    yield from _linked(alias, first, entry, "alias")


def _linked(node: EntityNode, first: EntityNode, entry: Entry, reason: str) -> list[Node | Edge]:
    edge = Edge(EdgeType.SAME_AS, node.id, first.id, ALIAS_SCORE, reason)
    statement = f"{entry.source} {entry.identifier}"
    quote = ", ".join(entry.names)
    return [edge, Evidence(edge.id, reason, ALIAS_SCORE, source=statement, quote=quote)]


def _value(entity: EntityNode) -> str:
    return entity.identity.partition(":")[2]

"""One document and what was found in it, as values of a graph: every edge with its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from ossamma.data.sentences import sentences_of
from ossamma.graph.identity import entity_of
from ossamma.graph.keys import storable
from ossamma.graph.knowledge import Knowledge, Relation
from ossamma.graph.resolution import Resolver
from ossamma.graph.statements_in_text import STATED_SCORE, Named, stated
from ossamma.graph.values import (
    DocumentNode,
    Edge,
    EdgeType,
    Evidence,
    Mention,
    Node,
)
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.hierarchy import Hierarchy
from ossamma.schema.spans import Document, Entity

FOUND = "its text"
"""Why a mention is in its document, where the recogniser cannot say more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSettings:
    """What of a document becomes edges."""

    max_in_sentence: int = 12
    """A sentence that names more entities than this is a list: they do not occur together."""

    def __post_init__(self) -> None:
        if self.max_in_sentence < 2:
            raise ConfigurationError(
                f"max_in_sentence must be at least 2, got {self.max_in_sentence}"
            )


@dataclass(frozen=True, slots=True)
class _Found:
    """A mention, the key of the entity that it names, and that entity's graph label."""

    mention: Mention
    entity: str
    label: str


@dataclass(frozen=True, slots=True)
class RecordedDocument:
    """What a document says: values of its own, and the known things that they lead to."""

    values: tuple[Node | Edge, ...]
    things: frozenset[str]


class Recorder:
    """Makes values of documents. The same document gives the same values, whatever came before."""

    def __init__(
        self,
        knowledge: Knowledge,
        hierarchy: Hierarchy,
        *,
        bundle: str,
        settings: RecordSettings | None = None,
    ) -> None:
        self._knowledge = knowledge
        self._hierarchy = hierarchy
        self._bundle = bundle
        self._settings = settings or RecordSettings()
        self._resolver = Resolver(knowledge)
        self._relations: dict[str, list[Relation]] = defaultdict(list)
        for relation in knowledge.relations:
            for end in (relation.source, relation.target):
                thing = knowledge.thing(end)
                if thing is not None:
                    self._relations[thing].append(relation)
        self._known: dict[str, tuple[Node | Edge, ...]] = {}
        self._entries = {entry.identifier: entry for entry in knowledge.entries}

    def values(
        self, name: str, text: str, entities: Sequence[Entity], *, time: str
    ) -> list[Node | Edge]:
        """Return all that a document says, and all that is known of what it names.

        Nodes, edges, and evidence of the edges; every end of an edge is among them. `entities` are
        in order and disjoint. Raises ProfileError for a type that the hierarchy does not have.
        """
        recorded = self.record(name, text, entities, time=time)
        known = (value for thing in sorted(recorded.things) for value in self.known(thing))
        return [*recorded.values, *known]

    def known(self, thing: str) -> tuple[Node | Edge, ...]:
        """Return what the sources say of a thing: always the same, so that once is enough."""
        if thing not in self._known:
            self._known[thing] = (*self._resolver.thing(thing), *self._related(thing))
        return self._known[thing]

    def record(
        self, name: str, text: str, entities: Sequence[Entity], *, time: str
    ) -> RecordedDocument:
        """Return what a document itself says, and which known things it names."""
        document = DocumentNode(storable(text), (storable(name),))
        named = [entity_of(storable(one.text), one.label, self._hierarchy) for one in entities]
        resolved = self._resolver.resolve(named, document.id)
        values: list[Node | Edge] = [document, *resolved.values]
        found: list[_Found] = []
        for one, entity in zip(entities, named, strict=True):
            mention = Mention(document.id, one.start, one.end, storable(one.text), one.label,
                              one.confidence, self._bundle, time)  # fmt: skip
            meant = resolved.meant.get(entity.id)
            key, score, reason = meant or (entity.id, 1.0, "its own name")
            if meant is None:
                values.append(entity)
            found.append(_Found(mention, key, entity.label))
            values += [
                mention,
                Edge(EdgeType.FOUND_IN, mention.id, document.id, reason=one.origin or FOUND),
                Edge(EdgeType.REFERS_TO, mention.id, key, score, reason),
                Edge(EdgeType.MENTIONS, document.id, key, one.confidence, "a mention in it"),
            ]
        values += self._in_sentences(document, found)
        return RecordedDocument(tuple(values), resolved.things)

    def _in_sentences(self, document: DocumentNode, found: list[_Found]) -> Iterator[Node | Edge]:
        rest = iter(sorted(found, key=lambda one: one.mention.start))
        one = next(rest, None)
        for span in sentences_of(Document(id=document.id, text=document.text)):
            inside: list[_Found] = []
            while one is not None and one.mention.start < span.end:
                if one.mention.start >= span.start and one.mention.stop <= span.end:
                    inside.append(one)
                one = next(rest, None)
            place = (document.id, span.start, span.end)
            yield from self._together(place, inside)
            yield from _stated(document.text, place, inside)

    def _together(
        self, place: tuple[str, int, int], inside: Sequence[_Found]
    ) -> Iterator[Node | Edge]:
        surest: dict[str, float] = {}
        for one in inside:
            surest[one.entity] = max(surest.get(one.entity, 0.0), one.mention.confidence)
        if len(surest) > self._settings.max_in_sentence:
            return
        for source, target in combinations(sorted(surest), 2):
            score = min(surest[source], surest[target])
            edge = Edge(EdgeType.CO_OCCURS_WITH, source, target, score, "one sentence")
            yield edge
            yield Evidence(edge.id, "one sentence", score, *place)

    def _related(self, thing: str) -> Iterator[Node | Edge]:
        """Yield what the sources relate to a known thing, with the things at the other ends."""
        for relation in self._relations.get(thing, ()):
            yield from self._relation(relation)

    def _relation(self, relation: Relation) -> Iterator[Node | Edge]:
        ends = [self._entries.get(key) for key in (relation.source, relation.target)]
        source, target = (entry.node() if entry else None for entry in ends)
        if source is None or target is None or source.id == target.id:
            return
        for entry in ends:
            thing = self._knowledge.thing(entry.identifier) if entry else None
            yield from self._resolver.thing(thing) if thing else ()
        edge = Edge(relation.type, source.id, target.id, 1.0, "a source's own link")
        yield from (source, target, edge)
        yield Evidence(
            edge.id, "a source's own link", 1.0, source=relation.statement, quote=relation.quote
        )


def _stated(
    text: str, place: tuple[str, int, int], inside: Sequence[_Found]
) -> Iterator[Node | Edge]:
    named = [Named(one.mention.start, one.mention.stop, one.label) for one in inside]
    for relation in stated(text, named):
        source, target = inside[relation.source], inside[relation.target]
        if source.entity == target.entity:
            continue
        sure = min(source.mention.confidence, target.mention.confidence)
        score = round(STATED_SCORE * sure, 4)
        reason = f"pattern {relation.pattern}"
        edge = Edge(relation.type, source.entity, target.entity, score, reason)
        yield edge
        yield Evidence(edge.id, reason, score, *place)

"""The graph in dictionaries: the obvious store that says what every other one must do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ossamma.graph.batch import GraphBatch
from ossamma.graph.store import Counts, NodeT, Row
from ossamma.graph.values import (
    Decision,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
    Node,
)
from ossamma.schema.errors import GraphError


class MemoryStore:
    """A graph that is gone with its process: for tests, and as the definition of a store."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._edges: dict[str, Edge] = {}

    def write(self, batch: GraphBatch) -> Counts:
        """Join a batch into the graph (see `GraphStore.write`)."""
        before = self.counts()
        nodes = dict(self._nodes)
        for value in (value for kind in batch.nodes for value in kind):
            _put(nodes, value)
        edges = dict(self._edges)
        for edge in batch.edges:
            for key in (edge.source, edge.target):
                if key not in nodes:
                    raise GraphError(f"an edge {edge.type} ends at {key}, which is no node")
            known = edges.get(edge.id)
            edges[edge.id] = edge if known is None else known.joined(edge)
        self._nodes, self._edges = nodes, edges
        return self.counts().minus(before)

    def scan(self, kind: type[NodeT]) -> Iterator[NodeT]:
        """Yield all nodes of a kind."""
        found = [node for node in self._nodes.values() if isinstance(node, kind)]
        yield from sorted(found, key=lambda node: node.id)

    def fetch(self, kind: type[NodeT], keys: Collection[str]) -> list[NodeT]:
        """Return the nodes with these keys."""
        return [node for node in self.scan(kind) if node.id in set(keys)]

    def edges(
        self,
        types: Collection[EdgeType] = tuple(EdgeType),
        *,
        touching: Collection[str] | None = None,
    ) -> list[Edge]:
        """Return the edges of these types; with `touching`, those with an end among the keys."""
        ends = None if touching is None else set(touching)
        return _sorted(
            edge
            for edge in self._edges.values()
            if edge.type in types and (ends is None or ends & {edge.source, edge.target})
        )

    def evidence(self, edges: Collection[str]) -> list[Evidence]:
        """Return the evidence of edges between entities."""
        return [one for one in self.scan(Evidence) if one.edge in set(edges)]

    def mentions(self, documents: Collection[str]) -> list[Mention]:
        """Return the mentions in documents."""
        return [one for one in self.scan(Mention) if one.document in set(documents)]

    def members(self, canonical: Collection[str]) -> list[EntityNode]:
        """Return the entities whose canonical key is one of these."""
        return [one for one in self.scan(EntityNode) if one.canonical in set(canonical)]

    def set_canonical(self, canonical: Mapping[str, str]) -> None:
        """Write the canonical key of entities."""
        for entity in self.fetch(EntityNode, canonical):
            self._nodes[entity.id] = replace(entity, canonical=canonical[entity.id])

    def counts(self) -> Counts:
        """Count what there is."""

        def of(kind: type[Node]) -> int:
            return sum(isinstance(node, kind) for node in self._nodes.values())

        return Counts(
            documents=of(DocumentNode),
            mentions=of(Mention),
            entities=of(EntityNode),
            evidence=of(Evidence),
            decisions=of(Decision),
            edges={
                kind: sum(edge.type is kind for edge in self._edges.values()) for kind in EdgeType
            },
        )

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Refuse: dictionaries know no Cypher."""
        del parameters
        raise GraphError(f"a graph in memory answers no Cypher, got {statement[:60]!r}")

    def close(self) -> None:
        """Do nothing."""


def _put(nodes: dict[str, Node], value: Node) -> None:
    known = nodes.get(value.id)
    if known is None:
        nodes[value.id] = value
    else:
        assert type(known) is type(value)  # the kind is part of the key
        nodes[value.id] = known.joined(value)  # type: ignore[arg-type]


def _sorted(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=lambda edge: (edge.type, edge.id))

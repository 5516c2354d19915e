"""A graph as an export sees it: entities and documents that are shown, and edges between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ossamma.graph.clusters import decided
from ossamma.graph.store import GraphStore
from ossamma.graph.values import Decision, DocumentNode, Edge, EdgeType, EntityNode
from ossamma.graph.view import RELATIONS

EXPORTED = (EdgeType.MENTIONS, EdgeType.SAME_AS, *RELATIONS)
"""What goes out: not each mention, whose place stands in the evidence."""


@dataclass(frozen=True, slots=True)
class ExportRows:
    """Nodes and edges in the order of their keys; every end of an edge is among the nodes."""

    documents: tuple[DocumentNode, ...]
    entities: tuple[EntityNode, ...]
    edges: tuple[Edge, ...]

    @property
    def nodes(self) -> tuple[DocumentNode | EntityNode, ...]:
        """Documents, then entities."""
        return (*self.documents, *self.entities)


def export_rows(store: GraphStore) -> ExportRows:
    """Return what of a graph goes out: all but what was suppressed."""
    hidden = decided(store.scan(Decision)).suppressed
    documents = tuple(store.scan(DocumentNode))
    entities = tuple(one for one in store.scan(EntityNode) if one.id not in hidden)
    there = {one.id for one in documents} | {one.id for one in entities}
    edges = (edge for edge in store.edges(EXPORTED) if {edge.source, edge.target} <= there)
    return ExportRows(documents, entities, tuple(edges))


def properties(node: DocumentNode | EntityNode) -> Iterator[tuple[str, str]]:
    """Yield the properties of a node as texts: lists have `;` between their parts."""
    if isinstance(node, DocumentNode):
        yield "name", node.names[0] if node.names else node.id
        yield "length", str(node.length)
        return
    yield "name", node.name
    yield "identity", node.identity
    yield "names", ";".join(node.names)
    yield "types", ";".join(node.types)
    yield "identifiers", ";".join(node.identifiers)
    yield "canonical", node.canonical


def label(node: DocumentNode | EntityNode) -> str:
    """Return the label of a node."""
    return "Document" if isinstance(node, DocumentNode) else node.label

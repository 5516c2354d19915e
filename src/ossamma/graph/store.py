"""What every store of a graph does, whichever database is below."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ossamma.graph.batch import GraphBatch
from ossamma.graph.values import (
    Decision,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
)

NodeT = TypeVar("NodeT", DocumentNode, Mention, EntityNode, Evidence, Decision)
Row = Mapping[str, Any]
"""One row of an answer, by the names of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much a graph holds."""

    documents: int
    mentions: int
    entities: int
    evidence: int
    decisions: int
    edges: Mapping[EdgeType, int]

    def minus(self, other: Counts) -> Counts:
        """Return by how much this is more."""
        return Counts(
            documents=self.documents - other.documents,
            mentions=self.mentions - other.mentions,
            entities=self.entities - other.entities,
            evidence=self.evidence - other.evidence,
            decisions=self.decisions - other.decisions,
            edges={kind: self.edges[kind] - other.edges[kind] for kind in EdgeType},
        )


class GraphStore(Protocol):
    """A graph that stays.

    One store is written by one process at a time. The order of what is returned is that of keys,
    so equal graphs give equal answers.
    """

    def write(self, batch: GraphBatch) -> Counts:
        """Join a batch into the graph, all of it or nothing; return what is new.

        What is there already is joined with what comes (see `values`). When this returns, the
        batch is on the disk.

        Raises:
            GraphError: an end of an edge is neither in the graph nor in the batch, or the counts
                afterwards are not what was written; the graph is then as it was before.
        """
        ...

    def scan(self, kind: type[NodeT]) -> Iterator[NodeT]:
        """Yield all nodes of a kind."""
        ...

    def fetch(self, kind: type[NodeT], keys: Collection[str]) -> list[NodeT]:
        """Return the nodes with these keys; a key that is not there gives none."""
        ...

    def edges(
        self,
        types: Collection[EdgeType] = tuple(EdgeType),
        *,
        touching: Collection[str] | None = None,
    ) -> list[Edge]:
        """Return the edges of these types; with `touching`, those with an end among the keys."""
        ...

    def evidence(self, edges: Collection[str]) -> list[Evidence]:
        """Return the evidence of edges between entities, by the edges' keys."""
        ...

    def mentions(self, documents: Collection[str]) -> list[Mention]:
        """Return the mentions in documents."""
        ...

    def members(self, canonical: Collection[str]) -> list[EntityNode]:
        """Return the entities whose canonical key is one of these."""
        ...

    def set_canonical(self, canonical: Mapping[str, str]) -> None:
        """Write the canonical key of entities, all or none. Unknown entities are left out."""
        ...

    def counts(self) -> Counts:
        """Count what there is."""
        ...

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Answer a Cypher statement that only reads. Raises GraphError where it cannot."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...

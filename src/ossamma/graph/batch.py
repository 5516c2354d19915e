"""What is written together: values without repetition, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from ossamma.graph.values import (
    Decision,
    DocumentNode,
    Edge,
    EntityNode,
    Evidence,
    Mention,
    Node,
)

_T = TypeVar("_T", DocumentNode, Mention, EntityNode, Evidence, Decision, Edge)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphBatch:
    """Values to write, no key twice, in the order of their keys. Make one with `batch_of`."""

    documents: tuple[DocumentNode, ...] = ()
    mentions: tuple[Mention, ...] = ()
    entities: tuple[EntityNode, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    decisions: tuple[Decision, ...] = ()
    edges: tuple[Edge, ...] = ()

    @property
    def nodes(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes by kind, in the order in which they are written."""
        return (self.documents, self.mentions, self.entities, self.evidence, self.decisions)


def batch_of(values: Iterable[Node | Edge]) -> GraphBatch:
    """Return the batch of these values; those of one key become one by their join.

    Databases answer wrongly, or not at all, when one key stands twice in a batch.
    """
    kinds: dict[type, list[Node | Edge]] = {}
    for value in values:
        kinds.setdefault(type(value), []).append(value)

    def of(kind: type[_T]) -> tuple[_T, ...]:
        return _joined([value for value in kinds.get(kind, ()) if isinstance(value, kind)])

    return GraphBatch(
        documents=of(DocumentNode),
        mentions=of(Mention),
        entities=of(EntityNode),
        evidence=of(Evidence),
        decisions=of(Decision),
        edges=of(Edge),
    )


def _joined(values: Iterable[_T]) -> tuple[_T, ...]:
    found: dict[str, _T] = {}
    for value in values:
        known = found.setdefault(value.id, value)
        if known != value:
            found[value.id] = known.joined(value)
    return tuple(found[key] for key in sorted(found))

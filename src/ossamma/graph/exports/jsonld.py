"""A graph as JSON-LD 1.1: linked data for whoever speaks RDF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ossamma.graph.exports.rows import export_rows, label
from ossamma.graph.store import GraphStore
from ossamma.graph.values import DocumentNode, Edge, EntityNode
from ossamma.schema.atomic import atomic_write

_VOCABULARY: Final = "urn:ossamma:vocabulary:"
_CONTEXT: Final = {
    "@vocab": _VOCABULARY,
    "name": "http://schema.org/name",
    "names": {"@id": "http://schema.org/alternateName", "@container": "@set"},
    "identifiers": {"@id": "http://schema.org/identifier", "@container": "@set"},
    "source": {"@type": "@id"},
    "target": {"@type": "@id"},
    "canonical": {"@type": "@id"},
}


def export(store: GraphStore, out: Path) -> None:
    """Write one file: nodes, and edges as nodes of their own, since they carry score and reason."""
    rows = export_rows(store)
    graph = [_node(node) for node in rows.nodes]
    graph += [_edge(edge) for edge in rows.edges]
    with atomic_write(out) as file:
        json.dump({"@context": _CONTEXT, "@graph": graph}, file, ensure_ascii=False, indent=1)


def _node(node: DocumentNode | EntityNode) -> dict[str, Any]:
    content: dict[str, Any] = {"@id": f"urn:ossamma:{node.id}", "@type": label(node)}
    if isinstance(node, DocumentNode):
        return content | {"names": list(node.names), "length": node.length}
    return content | {
        "name": node.name,
        "names": list(node.names),
        "types": list(node.types),
        "identifiers": list(node.identifiers),
        "canonical": f"urn:ossamma:{node.canonical}",
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "@id": f"urn:ossamma:{edge.id}",
        "@type": edge.type.value,
        "source": f"urn:ossamma:{edge.source}",
        "target": f"urn:ossamma:{edge.target}",
        "score": edge.score,
        "reason": edge.reason,
    }

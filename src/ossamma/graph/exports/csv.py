"""A graph as CSV files for `neo4j-admin database import`."""

from __future__ import annotations

import csv
from pathlib import Path

from ossamma.graph.exports.rows import export_rows, label, properties
from ossamma.graph.store import GraphStore
from ossamma.schema.atomic import atomic_write

DOCUMENTS = "documents.csv"
ENTITIES = "entities.csv"
EDGES = "edges.csv"
"""The files in the folder, for `--nodes`, `--nodes` and `--relationships`."""


def export(store: GraphStore, out: Path) -> None:
    """Write three files into a folder, which is made if it is not there."""
    rows = export_rows(store)
    out.mkdir(parents=True, exist_ok=True)
    for name, nodes in ((DOCUMENTS, rows.documents), (ENTITIES, rows.entities)):
        with atomic_write(out / name) as file:
            writer = csv.writer(file, lineterminator="\n")
            columns = [key for key, _ in properties(nodes[0])] if nodes else []
            typed = [f"{key}:string[]" if key in _LISTS else key for key in columns]
            writer.writerow(["id:ID", ":LABEL", *typed])
            for node in nodes:
                writer.writerow([node.id, label(node), *(text for _, text in properties(node))])
    with atomic_write(out / EDGES) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([":START_ID", ":END_ID", ":TYPE", "id", "score:double", "reason"])
        for edge in rows.edges:
            ends = (edge.source, edge.target, edge.type.value)
            writer.writerow([*ends, edge.id, repr(edge.score), edge.reason])


_LISTS = frozenset({"names", "types", "identifiers"})

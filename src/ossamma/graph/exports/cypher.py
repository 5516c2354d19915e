"""A graph as a Cypher script: MERGE on stable keys, so that running it twice changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ossamma.graph.exports.rows import export_rows, label, properties
from ossamma.graph.store import GraphStore
from ossamma.schema.atomic import atomic_write

_ESCAPES: Final = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def export(store: GraphStore, out: Path) -> None:
    """Write a script with a statement on each line. Raises DataError where it cannot."""
    rows = export_rows(store)
    with atomic_write(out) as file:
        file.write(
            "CREATE CONSTRAINT node_key IF NOT EXISTS FOR (n:Node) REQUIRE n.id IS UNIQUE;\n"
        )
        for node in rows.nodes:
            own = ", ".join(f"n.{name} = {quoted(text)}" for name, text in properties(node))
            file.write(
                f"MERGE (n:Node {{id: {quoted(node.id)}}}) SET n:{name_of(label(node))}, {own};\n"
            )
        for edge in rows.edges:
            source, target = quoted(edge.source), quoted(edge.target)
            file.write(
                f"MATCH (a:Node {{id: {source}}}), (b:Node {{id: {target}}}) "
                f"MERGE (a)-[e:{edge.type} {{id: {quoted(edge.id)}}}]->(b) "
                f"SET e.score = {edge.score!r}, e.reason = {quoted(edge.reason)};\n"
            )


def quoted(text: str) -> str:
    """Return a text as a literal of Cypher, whatever stands in it, on one line."""
    return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"


def name_of(text: str) -> str:
    """Return a label as it is written in a statement: letters alone need no quotes."""
    plain = "".join(character for character in text if character.isalnum())
    return f"`{plain}`"

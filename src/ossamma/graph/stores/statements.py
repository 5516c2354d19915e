"""The Cypher of a server's store: made of our own names alone; every value is a parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ossamma.graph.stores.columns import EDGE_COLUMNS, ENDS, TABLES, Table
from ossamma.graph.values import EdgeType

_INDEXES: Final = (
    ("Mention", "document"),
    ("Entity", "label"),
    ("Entity", "canonical"),
    ("Evidence", "edge"),
)


def schema_statements() -> tuple[str, ...]:
    """Return what makes keys unique and look-ups fast; running them again changes nothing."""
    constraints = [
        f"CREATE CONSTRAINT {table.name.lower()}_id IF NOT EXISTS "
        f"FOR (n:{table.name}) REQUIRE n.id IS UNIQUE"
        for table in TABLES
    ]
    indexes = [
        f"CREATE INDEX {name.lower()}_{column} IF NOT EXISTS FOR (n:{name}) ON (n.{column})"
        for name, column in _INDEXES
    ]
    return (*constraints, *indexes)


def known_nodes(table: Table) -> str:
    """Return the rows that are there already, by `$rows`.

    Writing a property to itself takes the lock before the row is read: no other writer can come
    between the reading and the writing of a join. The property is a number or a truth value: the
    embedded engine loses texts and lists that are written to themselves.
    """
    plain = [name for name, kind in table.columns.items() if kind in {"INT64", "BOOLEAN"}]
    lock = f"SET n.{plain[0]} = n.{plain[0]} " if table.changing else ""
    return (
        f"UNWIND $rows AS r MATCH (n:{table.name} {{id: r.id}}) {lock}"
        f"RETURN {columns_of('n', table.columns)}"
    )


def new_nodes(table: Table) -> str:
    """Create the rows of `$rows`."""
    own = _assignments("n", (name for name in table.columns if name != "id"))
    return (
        f"UNWIND $rows AS r MERGE (n:{table.name} {{id: r.id}}) ON CREATE SET {own} "
        "RETURN count(*) AS n"
    )


def changed_nodes(table: Table) -> str:
    """Write what a join changed in the rows of `$rows`."""
    return (
        f"UNWIND $rows AS r MATCH (n:{table.name} {{id: r.id}}) "
        f"SET {_assignments('n', table.changing)} RETURN count(*) AS n"
    )


def labelled_entities(label: str) -> str:
    """Give the entities of `$rows` their graph label as a label of the node as well."""
    if not label.isascii() or not label.isalpha():
        raise ValueError(f"a graph label is made of letters alone, got {label!r}")
    return f"UNWIND $rows AS r MATCH (n:Entity {{id: r.id}}) SET n:{label}"


def known_edges(kind: EdgeType) -> str:
    """Return the edges that are there already, by `$rows`, with a lock on each."""
    return f"{_matched(kind)} SET e.score = e.score RETURN {columns_of('e', EDGE_COLUMNS)}"


def new_edges(kind: EdgeType) -> str:
    """Create the edges of `$rows`; the count tells whether all their ends are there."""
    source, target = ENDS[kind]
    return (
        f"UNWIND $rows AS r MATCH (a:{source} {{id: r.source}}) "
        f"WITH r, a MATCH (b:{target} {{id: r.target}}) MERGE (a)-[e:{kind}]->(b) "
        f"ON CREATE SET {_assignments('e', EDGE_COLUMNS)} RETURN count(*) AS n"
    )


def changed_edges(kind: EdgeType) -> str:
    """Write what a join changed in the edges of `$rows`."""
    return f"{_matched(kind)} SET {_assignments('e', ('score', 'reason'))} RETURN count(*) AS n"


def edges_of(kind: EdgeType, *, touching: str = "") -> str:
    """Return all edges of a type; with `touching` (`a` or `b`), those whose end is in `$rows`."""
    source, target = ENDS[kind]
    match = f"MATCH (a:{source})-[e:{kind}]->(b:{target})"
    only = f"UNWIND $rows AS r {match} WHERE {touching}.id = r.id" if touching else match
    ends = "a.id AS source, b.id AS target"
    return f"{only} RETURN {ends}, {columns_of('e', EDGE_COLUMNS)}"


def nodes_by(table: Table, column: str) -> str:
    """Return the nodes whose column is among the ids of `$rows`."""
    return (
        f"UNWIND $rows AS r MATCH (n:{table.name}) WHERE n.{column} = r.id "
        f"RETURN {columns_of('n', table.columns)}"
    )


def all_nodes(table: Table) -> str:
    """Return all nodes of a table in the order of their keys."""
    return f"MATCH (n:{table.name}) RETURN {columns_of('n', table.columns)} ORDER BY n.id"


CANONICAL: Final = "UNWIND $rows AS r MATCH (n:Entity {id: r.id}) SET n.canonical = r.canonical"
"""Write the canonical keys of `$rows`."""


def columns_of(name: str, columns: Iterable[str]) -> str:
    """Return the columns of a node or edge under their own names."""
    return ", ".join(f"{name}.{column} AS {column}" for column in columns)


def _matched(kind: EdgeType) -> str:
    source, target = ENDS[kind]
    ends = f"(a:{source} {{id: r.source}})-[e:{kind}]->(b:{target} {{id: r.target}})"
    return f"UNWIND $rows AS r MATCH {ends}"


def _assignments(name: str, columns: Iterable[str]) -> str:
    return ", ".join(f"{name}.{column} = r.{column}" for column in columns)

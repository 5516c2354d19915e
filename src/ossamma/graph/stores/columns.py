"""The values of a graph as rows: which columns a kind has, and what may change in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from ossamma.graph.store import NodeT
from ossamma.graph.values import (
    Decision,
    DecisionKind,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
    Node,
)

_TYPES: Final = MappingProxyType(
    {
        "str": "STRING",
        "DecisionKind": "STRING",
        "int": "INT64",
        "float": "DOUBLE",
        "bool": "BOOLEAN",
        "tuple[str, ...]": "STRING[]",
    }
)
EDGE_COLUMNS: Final = MappingProxyType({"id": "STRING", "score": "DOUBLE", "reason": "STRING"})
"""The columns of an edge beside its ends."""


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a kind of node. `columns` gives each its database type; the first is the key.

    `changing` are the columns that a join may change; none: rows are never changed.
    """

    name: str
    kind: type[Node]
    columns: Mapping[str, str]
    changing: tuple[str, ...] = ()


def _table(name: str, kind: type[Node], *changing: str) -> Table:
    columns = {field.name: _TYPES[str(field.type)] for field in fields(kind) if field.name != "id"}
    return Table(name, kind, MappingProxyType({"id": "STRING"} | columns), changing)


TABLES: Final = (
    _table("Document", DocumentNode, "names"),
    _table("Mention", Mention),
    _table("Entity", EntityNode, "names", "types", "identifiers", "known"),
    _table("Evidence", Evidence),
    _table("Decision", Decision),
)
"""One table for each kind of node, in the order in which they are written."""
_NAMES: Final[Mapping[type, tuple[str, ...]]] = MappingProxyType(
    {
        kind: tuple(field.name for field in fields(kind))
        for kind in (*(table.kind for table in TABLES), Edge)
    }
)
ENDS: Final[Mapping[EdgeType, tuple[str, str]]] = MappingProxyType(
    dict.fromkeys(EdgeType, ("Entity", "Entity"))
    | {
        EdgeType.FOUND_IN: ("Mention", "Document"),
        EdgeType.REFERS_TO: ("Mention", "Entity"),
        EdgeType.MENTIONS: ("Document", "Entity"),
    }
)
"""The tables at the two ends of each type of edge."""


def table_of(kind: type[Node]) -> Table:
    """Return the table of a kind of node."""
    return next(table for table in TABLES if table.kind is kind)


def row_of(value: Node | Edge) -> dict[str, Any]:
    """Return a value as a row: tuples as lists, members of enumerations as their text."""
    row: dict[str, Any] = {}
    for name in _NAMES[type(value)]:
        content = getattr(value, name)
        if isinstance(content, tuple):
            content = list(content)
        elif isinstance(content, (EdgeType, DecisionKind)):
            content = content.value
        row[name] = content
    return row


def joined_row(node: Node, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what is to be written where a node joins a row of its key; None: nothing changes."""
    kind: Any = type(node)
    known = node_of(kind, row)
    joined = known.joined(node)
    return None if joined == known else row_of(joined)


def node_of(kind: type[NodeT], row: Mapping[str, Any]) -> NodeT:
    """Return the node that a row holds."""
    values: dict[str, Any] = {
        name: tuple(sorted(value)) if isinstance(value, list) else value
        for name, value in row.items()
    }
    if kind is Decision:
        values["kind"] = DecisionKind(values["kind"])
    return kind(**values)

"""The graph in a file: an embedded database with Cypher, for one writing process.

Rows go in as Arrow tables by LOAD, which is several times as fast as UNWIND over parameters; no
value ever becomes part of a statement. COPY would be no faster, and keeps 5 MB of the buffer pool
for good each time. What the other statements keep is given back by opening the file again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import ladybug
import pyarrow as pa

from ossamma.graph.batch import GraphBatch
from ossamma.graph.store import Counts, NodeT, Row
from ossamma.graph.stores.columns import (
    EDGE_COLUMNS,
    ENDS,
    TABLES,
    Table,
    joined_row,
    node_of,
    row_of,
    table_of,
)
from ossamma.graph.values import Edge, EdgeType, EntityNode, Evidence, Mention, Node
from ossamma.schema.errors import ConfigurationError, GraphError

_ARROW: Final = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "STRING[]": pa.list_(pa.string()),
}
_ENDS_COLUMNS: Final = {"source": "STRING", "target": "STRING"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """How the embedded database uses its machine."""

    memory_bytes: int = 1 << 30
    """Size of the buffer pool. The database's own default is most of the machine's memory."""
    max_bytes: int = 1 << 40
    """The largest size of the file: a power of two. That much address space is reserved."""
    threads: int = 0
    """Threads of a query; 0: as many as there are cores."""
    read_only: bool = False
    """Several processes may read at once, and none can write."""

    def __post_init__(self) -> None:
        if self.memory_bytes < 1 << 26 or self.threads < 0:
            raise ConfigurationError(
                "the embedded store needs memory_bytes >= 64 MiB and threads >= 0, got "
                f"{self.memory_bytes} and {self.threads}"
            )


class EmbeddedStore:
    """A graph in one file (and its write-ahead log beside it)."""

    def __init__(self, path: Path, settings: EmbeddedSettings | None = None) -> None:
        """Open a graph, or begin one where there is none. Raises GraphError if it cannot."""
        settings = settings or EmbeddedSettings()
        if settings.read_only and not path.exists():
            raise GraphError(f"there is no graph at {path}; make one with `ossamma ingest`")
        self._path = path
        self._settings = settings
        self._open()
        if not settings.read_only:
            self._create_tables()

    def _open(self) -> None:
        settings = self._settings
        with _faults(f"cannot open the graph {self._path}"):
            self._database = ladybug.Database(
                self._path,
                buffer_pool_size=settings.memory_bytes,
                max_db_size=settings.max_bytes,
                max_num_threads=settings.threads,
                read_only=settings.read_only,
            )
            self._connection = ladybug.Connection(self._database)

    def write(self, batch: GraphBatch) -> Counts:
        """Join a batch into the graph (see `GraphStore.write`)."""
        if self._rows("CALL bm_info() RETURN *")[0]["mem_usage"] > self._settings.memory_bytes // 2:
            self.close()
            self._open()
        with self._transaction():
            before = self.counts()
            fresh: set[str] = set()
            for table, nodes in zip(TABLES, batch.nodes, strict=True):
                fresh |= self._write_nodes(table, nodes)
            of_kind: dict[EdgeType, list[Edge]] = {kind: [] for kind in EdgeType}
            for edge in batch.edges:
                of_kind[edge.type].append(edge)
            new_edges = {
                kind: self._write_edges(kind, edges, fresh) for kind, edges in of_kind.items()
            }
            new = self.counts().minus(before)
            if new.edges != new_edges:
                raise GraphError(
                    f"the store wrote {dict(new.edges)} edges where {new_edges} were new; nothing "
                    "of this batch is kept"
                )
        return new

    def scan(self, kind: type[NodeT]) -> Iterator[NodeT]:
        """Yield all nodes of a kind."""
        table = table_of(kind)
        statement = f"MATCH (n:{table.name}) RETURN {_columns('n', table.columns)} ORDER BY n.id"
        for row in self._rows(statement):
            yield node_of(kind, row)

    def fetch(self, kind: type[NodeT], keys: Collection[str]) -> list[NodeT]:
        """Return the nodes with these keys."""
        return [node_of(kind, row) for row in self._found(table_of(kind), "id", keys)]

    def edges(
        self,
        types: Collection[EdgeType] = tuple(EdgeType),
        *,
        touching: Collection[str] | None = None,
    ) -> list[Edge]:
        """Return the edges of these types; with `touching`, those with an end among the keys."""
        found = [edge for kind in sorted(set(types)) for edge in self._edges_of(kind, touching)]
        return sorted(found, key=lambda edge: (edge.type, edge.id))

    def evidence(self, edges: Collection[str]) -> list[Evidence]:
        """Return the evidence of edges between entities."""
        rows = self._found(table_of(Evidence), "edge", edges)
        return [node_of(Evidence, row) for row in rows]

    def mentions(self, documents: Collection[str]) -> list[Mention]:
        """Return the mentions in documents."""
        rows = self._found(table_of(Mention), "document", documents)
        return [node_of(Mention, row) for row in rows]

    def members(self, canonical: Collection[str]) -> list[EntityNode]:
        """Return the entities whose canonical key is one of these."""
        rows = self._found(table_of(EntityNode), "canonical", canonical)
        return [node_of(EntityNode, row) for row in rows]

    def set_canonical(self, canonical: Mapping[str, str]) -> None:
        """Write the canonical key of entities."""
        rows = [{"id": key, "canonical": canonical[key]} for key in sorted(canonical)]
        with self._transaction():
            self._load(
                "WITH id AS k, canonical AS c MATCH (n:Entity {id: k}) SET n.canonical = c",
                {"id": "STRING", "canonical": "STRING"},
                rows,
            )

    def counts(self) -> Counts:
        """Count what there is."""
        nodes = {table.name: self._count(f"MATCH (n:{table.name})") for table in TABLES}
        return Counts(
            documents=nodes["Document"],
            mentions=nodes["Mention"],
            entities=nodes["Entity"],
            evidence=nodes["Evidence"],
            decisions=nodes["Decision"],
            edges={kind: self._count(f"MATCH ()-[e:{kind}]->()") for kind in EdgeType},
        )

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Answer a Cypher statement; only a store opened `read_only` refuses to write by it."""
        with _faults("the query failed"):
            return self._rows(statement, dict(parameters or {}))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        self._database.close()

    def _create_tables(self) -> None:
        with self._transaction():
            for table in TABLES:
                columns = ", ".join(
                    f"{name} {kind}{' PRIMARY KEY' * (name == 'id')}"
                    for name, kind in table.columns.items()
                )
                self._rows(f"CREATE NODE TABLE IF NOT EXISTS {table.name}({columns})")
            own = ", ".join(f"{name} {kind}" for name, kind in EDGE_COLUMNS.items())
            for edge, (source, target) in ENDS.items():
                ends = f"FROM {source} TO {target}"
                self._rows(f"CREATE REL TABLE IF NOT EXISTS {edge}({ends}, {own})")

    def _write_nodes(self, table: Table, nodes: Sequence[Node]) -> set[str]:
        """Write nodes of one kind; return the keys of those that are new."""
        there = {row["id"]: row for row in self._found(table, "id", [one.id for one in nodes])}
        new = [row_of(node) for node in nodes if node.id not in there]
        self._load(_creation(table), table.columns, new)
        fresh = {str(row["id"]) for row in new}
        if not table.changing:
            return fresh
        joined = [joined_row(node, there[node.id]) for node in nodes if node.id in there]
        changed = [row for row in joined if row is not None]
        columns = {name: table.columns[name] for name in ("id", *table.changing)}
        names = ", ".join(f"{name} AS new_{name}" for name in columns)
        sets = ", ".join(f"n.{name} = new_{name}" for name in table.changing)
        statement = f"WITH {names} MATCH (n:{table.name} {{id: new_id}}) SET {sets}"
        self._load(statement, columns, [{name: row[name] for name in columns} for row in changed])
        return fresh

    def _write_edges(self, kind: EdgeType, edges: Sequence[Edge], fresh: Set[str]) -> int:
        """Write edges of one type; return how many are new: all those of nodes that are `fresh`."""
        source, target = ENDS[kind]
        columns = _ENDS_COLUMNS | dict(EDGE_COLUMNS)
        rows = [row_of(edge) for edge in edges]
        match = (
            f"WITH source AS a, id AS k, score AS s, reason AS r MATCH (x:{source} {{id: a}}) "
            f"MATCH (x)-[e:{kind}]->(y:{target}) WHERE e.id = k"
        )
        old = [row for row in rows if row["source"] not in fresh and row["target"] not in fresh]
        found = self._load(f"{match} RETURN e.id AS id, e.score AS score, e.reason AS reason",
                           columns, old)  # fmt: skip
        there = {row["id"]: (row["score"], row["reason"]) for row in found}
        new = [row for row in rows if row["id"] not in there]
        changed = [
            row for row in old if (row["score"], row["reason"]) > there.get(row["id"], (2.0, ""))
        ]
        self._load(
            "WITH source AS a, target AS b, id AS k, score AS s, reason AS r "
            f"MATCH (x:{source} {{id: a}}) WITH x, b, k, s, r MATCH (y:{target} {{id: b}}) "
            f"CREATE (x)-[:{kind} {{id: k, score: s, reason: r}}]->(y)",
            columns,
            new,
        )
        self._load(f"{match} SET e.score = s, e.reason = r", columns, changed)
        return len(new)

    def _edges_of(self, kind: EdgeType, touching: Collection[str] | None) -> Iterator[Edge]:
        source, target = ENDS[kind]
        shown = "x.id AS source, y.id AS target, e.score AS score, e.reason AS reason, e.id AS id"
        pattern = f"MATCH (x:{source})-[e:{kind}]->(y:{target})"
        if touching is None:
            found = [self._rows(f"{pattern} RETURN {shown}")]
        else:
            keys = [{"key": key} for key in sorted(set(touching))]
            found = [
                self._load(
                    f"WITH key AS k MATCH ({end} {{id: k}}) {pattern} RETURN {shown}",
                    {"key": "STRING"},
                    keys,
                )
                for end in (f"x:{source}", f"y:{target}")
            ]
        rows = {row["id"]: row for rows in found for row in rows}
        for row in rows.values():
            yield Edge(kind, **row)

    def _found(self, table: Table, column: str, keys: Iterable[str]) -> list[dict[str, Any]]:
        """Return the rows of a table whose column holds one of these keys."""
        rows = [{"key": key} for key in sorted(set(keys))]
        statement = (
            f"WITH key AS k MATCH (n:{table.name}) WHERE n.{column} = k "
            f"RETURN {_columns('n', table.columns)}"
        )
        found = self._load(statement, {"key": "STRING"}, rows)
        return sorted(found, key=lambda row: str(row["id"]))

    def _load(
        self, statement: str, columns: Mapping[str, str], content: Sequence[Row]
    ) -> list[dict[str, Any]]:
        """Run a statement over rows."""
        if not content:
            return []
        rows = _arrow(columns, content)
        assert rows.num_rows == len(content)  # the database finds `rows` by its name
        return _listed(self._connection.execute(f"LOAD FROM rows {statement}"))

    def _rows(
        self, statement: str, parameters: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        return _listed(self._connection.execute(statement, parameters or {}))

    def _count(self, match: str) -> int:
        return int(self._rows(f"{match} RETURN count(*) AS n")[0]["n"])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing of it."""
        with _faults("nothing of this batch was written"):
            self._rows("BEGIN TRANSACTION")
            try:
                yield
            except BaseException:
                self._roll_back()
                raise
            self._rows("COMMIT")

    def _roll_back(self) -> None:
        try:
            self._rows("ROLLBACK")
        except RuntimeError:
            # A statement that failed has ended its transaction itself.
            return


def _creation(table: Table) -> str:
    names = ", ".join(f"{name} AS new_{name}" for name in table.columns)
    values = ", ".join(f"{name}: new_{name}" for name in table.columns)
    return f"WITH {names} CREATE (:{table.name} {{{values}}})"


def _columns(node: str, columns: Iterable[str]) -> str:
    return ", ".join(f"{node}.{name} AS {name}" for name in columns)


def _arrow(columns: Mapping[str, str], content: Sequence[Row]) -> pa.Table:
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    return pa.Table.from_pylist(list(content), schema=schema)


def _listed(result: Any) -> list[dict[str, Any]]:  # noqa: ANN401  the library has no types for it
    """Return an answer's rows. A statement list gives the answer of its last statement."""
    result = result[-1] if isinstance(result, list) else result
    names = result.get_column_names()
    return [dict(zip(names, row, strict=True)) for row in result.get_all()]


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turn the library's only kind of error into ours."""
    try:
        yield
    except (RuntimeError, pa.ArrowInvalid, UnicodeError) as error:
        raise GraphError(f"{what}: {error}") from error

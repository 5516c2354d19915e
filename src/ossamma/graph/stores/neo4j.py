"""The graph on a Neo4j server, through the official driver.

Every write is one managed transaction, which the driver repeats after a transient error; keys are
unique by constraint, so that a repetition changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from ossamma.graph.batch import GraphBatch
from ossamma.graph.store import Counts, NodeT, Row
from ossamma.graph.stores import statements
from ossamma.graph.stores.columns import TABLES, Table, joined_row, node_of, row_of, table_of
from ossamma.graph.values import Edge, EdgeType, EntityNode, Evidence, Mention, Node
from ossamma.schema.errors import ConfigurationError, GraphError

_T = TypeVar("_T")
Rows = list[dict[str, Any]]


class Answer(Protocol):
    """The part of the driver's result that is used."""

    def data(self) -> Rows:
        """Return all rows."""
        ...


class Work(Protocol):
    """The part of the driver's transaction that is used."""

    def run(self, query: str, parameters: dict[str, Any] | None = None) -> Answer:
        """Run a statement."""
        ...


class Session(Protocol):
    """The part of the driver's session that is used."""

    def execute_write(self, work: Callable[[Work], _T]) -> _T:
        """Run the work in a transaction; again, after a transient error."""
        ...

    def execute_read(self, work: Callable[[Work], _T]) -> _T:
        """Run the work in a transaction that cannot write."""
        ...


class Driver(Protocol):
    """The part of the driver that is used."""

    def session(
        self, *, database: str | None, default_access_mode: str
    ) -> AbstractContextManager[Session]:
        """Open a session."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server is. The password shows in no message and no log."""

    url: str
    """`neo4j://host:7687`, or with bolt, and `+s` for TLS. It must not hold credentials."""
    user: str = "neo4j"
    """The user's name."""
    password: str = field(repr=False)
    """The user's password."""
    database: str = ""
    """The database on the server; empty: the user's own."""
    rows: int = 5_000
    """Rows of a statement."""
    retry_seconds: float = 30.0
    """How long a transaction is repeated after transient errors."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme.partition("+")[0] not in {"neo4j", "bolt"} or not parts.hostname:
            raise ConfigurationError("a server's URL is like neo4j://host:7687 or bolt+s://host")
        if parts.username or parts.password:
            raise ConfigurationError(
                "the server's URL must not hold a user or password, which logs would show; set "
                "NEO4J_USERNAME and NEO4J_PASSWORD"
            )
        if self.rows < 1:
            raise ConfigurationError(f"rows must be at least 1, got {self.rows}")


def connect(settings: ServerSettings) -> Neo4jStore:
    """Open the graph on a server. Raises GraphError if it does not answer."""
    with _faults(f"no graph at {settings.url}"):
        driver = neo4j.GraphDatabase.driver(
            settings.url,
            auth=(settings.user, settings.password),
            max_transaction_retry_time=settings.retry_seconds,
        )
        driver.verify_connectivity()
    return Neo4jStore(cast("Driver", driver), database=settings.database, rows=settings.rows)


class Neo4jStore:
    """A graph on a server that speaks Cypher."""

    def __init__(self, driver: Driver, *, database: str = "", rows: int = 5_000) -> None:
        self._driver = driver
        self._database = database or None
        self._num_rows = rows
        for statement in statements.schema_statements():
            self._write(lambda work, text=statement: _run(work, text))  # type: ignore[misc]

    def write(self, batch: GraphBatch) -> Counts:
        """Join a batch into the graph (see `GraphStore.write`)."""

        def work(one: Work) -> Counts:
            nodes = [
                self._write_nodes(one, table, values)
                for table, values in zip(TABLES, batch.nodes, strict=True)
            ]
            self._write_labels(one, batch.entities)
            edges = {
                kind: self._write_edges(one, kind, [e for e in batch.edges if e.type is kind])
                for kind in EdgeType
            }
            documents, mentions, entities, evidence, decisions = nodes
            return Counts(
                documents=documents,
                mentions=mentions,
                entities=entities,
                evidence=evidence,
                decisions=decisions,
                edges=edges,
            )

        return self._write(work)

    def scan(self, kind: type[NodeT]) -> Iterator[NodeT]:
        """Yield all nodes of a kind."""
        for row in self._read(statements.all_nodes(table_of(kind))):
            yield node_of(kind, row)

    def fetch(self, kind: type[NodeT], keys: Collection[str]) -> list[NodeT]:
        """Return the nodes with these keys."""
        return self._by(kind, "id", keys)

    def edges(
        self,
        types: Collection[EdgeType] = tuple(EdgeType),
        *,
        touching: Collection[str] | None = None,
    ) -> list[Edge]:
        """Return the edges of these types; with `touching`, those with an end among the keys."""
        found: dict[str, Edge] = {}
        for kind in set(types):
            if touching is None:
                rows = self._read(statements.edges_of(kind))
            else:
                rows = [
                    row
                    for end in "ab"
                    for row in self._read_by(statements.edges_of(kind, touching=end), touching)
                ]
            found |= {row["id"]: Edge(kind, **row) for row in rows}
        return sorted(found.values(), key=lambda edge: (edge.type, edge.id))

    def evidence(self, edges: Collection[str]) -> list[Evidence]:
        """Return the evidence of edges between entities."""
        return self._by(Evidence, "edge", edges)

    def mentions(self, documents: Collection[str]) -> list[Mention]:
        """Return the mentions in documents."""
        return self._by(Mention, "document", documents)

    def members(self, canonical: Collection[str]) -> list[EntityNode]:
        """Return the entities whose canonical key is one of these."""
        return self._by(EntityNode, "canonical", canonical)

    def set_canonical(self, canonical: Mapping[str, str]) -> None:
        """Write the canonical key of entities."""
        rows = [{"id": key, "canonical": canonical[key]} for key in sorted(canonical)]
        self._write(lambda work: self._in_parts(work, statements.CANONICAL, rows))

    def counts(self) -> Counts:
        """Count what there is."""

        def count(match: str) -> int:
            return int(self._read(f"MATCH {match} RETURN count(*) AS n")[0]["n"])

        nodes = [count(f"(n:{table.name})") for table in TABLES]
        documents, mentions, entities, evidence, decisions = nodes
        return Counts(
            documents=documents,
            mentions=mentions,
            entities=entities,
            evidence=evidence,
            decisions=decisions,
            edges={kind: count(f"()-[e:{kind}]->()") for kind in EdgeType},
        )

    def query(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Answer a Cypher statement in a transaction that cannot write."""
        return self._read(statement, dict(parameters or {}))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def _write_nodes(self, work: Work, table: Table, nodes: Sequence[Node]) -> int:
        """Write the nodes of one table; return how many are new."""
        rows = [row_of(node) for node in nodes]
        keys = [{"id": row["id"]} for row in rows]
        there = {
            row["id"]: row for row in self._in_parts(work, statements.known_nodes(table), keys)
        }
        new = [row for row in rows if row["id"] not in there]
        self._all(work, statements.new_nodes(table), new)
        if table.changing:
            joined = [joined_row(node, there[node.id]) for node in nodes if node.id in there]
            changed = [row for row in joined if row is not None]
            self._all(work, statements.changed_nodes(table), changed)
        return len(new)

    def _write_labels(self, work: Work, entities: Sequence[EntityNode]) -> None:
        ordered = sorted(entities, key=lambda entity: entity.label)
        for label, group in groupby(ordered, key=lambda entity: entity.label):
            rows = [{"id": entity.id} for entity in group]
            self._in_parts(work, statements.labelled_entities(label), rows)

    def _write_edges(self, work: Work, kind: EdgeType, edges: Sequence[Edge]) -> int:
        """Write edges of one type; return how many are new."""
        rows = [row_of(edge) for edge in edges]
        found = self._in_parts(work, statements.known_edges(kind), rows)
        there = {row["id"]: (row["score"], row["reason"]) for row in found}
        new = [row for row in rows if row["id"] not in there]
        changed = [
            row
            for row in rows
            if row["id"] in there and (row["score"], row["reason"]) > there[row["id"]]
        ]
        self._all(work, statements.new_edges(kind), new)
        self._all(work, statements.changed_edges(kind), changed)
        return len(new)

    def _all(self, work: Work, statement: str, rows: Rows) -> None:
        """Run a statement that counts what it wrote; anything less than all is an error."""
        written = sum(row["n"] for row in self._in_parts(work, statement, rows))
        if written != len(rows):
            raise GraphError(
                f"the server wrote {written} of {len(rows)} rows, so an end of an edge is missing; "
                "nothing of this batch is kept"
            )

    def _in_parts(self, work: Work, statement: str, rows: Rows) -> Rows:
        found: Rows = []
        for start in range(0, len(rows), self._num_rows):
            found += _run(work, statement, {"rows": rows[start : start + self._num_rows]})
        return found

    def _by(self, kind: type[NodeT], column: str, keys: Iterable[str]) -> list[NodeT]:
        rows = self._read_by(statements.nodes_by(table_of(kind), column), keys)
        return sorted((node_of(kind, row) for row in rows), key=lambda node: node.id)

    def _read_by(self, statement: str, keys: Iterable[str]) -> Rows:
        rows = [{"id": key} for key in sorted(set(keys))]
        return self._read_work(lambda work: self._in_parts(work, statement, rows))

    def _read(self, statement: str, parameters: dict[str, Any] | None = None) -> Rows:
        return self._read_work(lambda work: _run(work, statement, parameters))

    def _read_work(self, work: Callable[[Work], Rows]) -> Rows:
        with self._session(neo4j.READ_ACCESS) as session:
            return session.execute_read(work)

    def _write(self, work: Callable[[Work], _T]) -> _T:
        with self._session(neo4j.WRITE_ACCESS) as session:
            return session.execute_write(work)

    @contextmanager
    def _session(self, mode: str) -> Iterator[Session]:
        with (
            _faults("the server refused"),
            self._driver.session(database=self._database, default_access_mode=mode) as session,
        ):
            yield session


def _run(work: Work, statement: str, parameters: dict[str, Any] | None = None) -> Rows:
    return work.run(statement, parameters or {}).data()


@contextmanager
def _faults(what: str) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except (Neo4jError, DriverError) as error:
        raise GraphError(f"{what}: {error}") from error

"""A stand-in for a Neo4j server: the driver's few calls over an embedded Cypher engine.

It runs the statements for real, transaction by transaction. It has its tables beforehand instead of
constraints and indexes, and records the statements that the engine has no notion of: those for the
schema, and labels beside a node's table.
"""

from __future__ import annotations

import re
from contextlib import contextmanager

import ladybug
import neo4j
from neo4j.exceptions import ClientError, TransientError

from ossamma.graph.stores.embedded import EmbeddedSettings, EmbeddedStore

UNKNOWN = re.compile(r"^CREATE (CONSTRAINT|INDEX) |SET n:[A-Za-z]+$")
WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE)\b")


class Answer:
    def __init__(self, rows):
        self._rows = rows

    def data(self):
        return self._rows


class Server:
    """What `neo4j.GraphDatabase.driver` returns, as far as the store goes."""

    def __init__(self, folder, transient=0):
        EmbeddedStore(folder / "server", EmbeddedSettings(max_bytes=1 << 28, threads=1)).close()
        self._database = ladybug.Database(
            folder / "server", buffer_pool_size=1 << 26, max_db_size=1 << 28, max_num_threads=1
        )
        self.connection = ladybug.Connection(self._database)
        self.recorded = []
        self.parameters = []
        self.transient = transient
        self.closed = False

    @contextmanager
    def session(self, *, database, default_access_mode):
        del database
        yield Session(self, reads_only=default_access_mode == neo4j.READ_ACCESS)

    def fail_now_and_then(self):
        if self.transient:
            self.transient -= 1
            raise TransientError("try again")

    def close(self):
        self.connection.close()
        self._database.close()
        self.closed = True


class Session:
    def __init__(self, server, *, reads_only):
        self._server = server
        self._reads_only = reads_only

    def execute_read(self, work):
        return work(self)

    def execute_write(self, work):
        """Repeats the work after a transient error, as the driver does."""
        while True:
            self._server.connection.execute("BEGIN TRANSACTION")
            try:
                found = work(self)
                self._server.fail_now_and_then()
            except TransientError:
                self._server.connection.execute("ROLLBACK")
                continue
            except BaseException:
                self._server.connection.execute("ROLLBACK")
                raise
            self._server.connection.execute("COMMIT")
            return found

    def run(self, query, parameters=None):
        self._server.parameters.append(parameters)
        if UNKNOWN.search(query):
            self._server.recorded.append(query)
            return Answer([])
        if self._reads_only and WRITES.search(query):
            raise ClientError("Writing in read access mode not allowed")
        try:
            result = self._server.connection.execute(query, parameters)
        except RuntimeError as error:
            raise ClientError(str(error)) from error
        names = result.get_column_names()
        return Answer([dict(zip(names, row, strict=True)) for row in result.get_all()])

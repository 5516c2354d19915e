"""One door to all stores: a path is a file, a URL is a server."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from ossamma.graph.store import GraphStore
from ossamma.schema.errors import ConfigurationError


def open_store(
    place: str, *, environment: Mapping[str, str], read_only: bool = False
) -> GraphStore:
    """Open the graph at a path, or on the server at a URL.

    `environment` gives a server's credentials: NEO4J_USERNAME (`neo4j` if missing), NEO4J_PASSWORD
    and NEO4J_DATABASE. `read_only` is for a path: several processes may then read at once.

    Raises:
        GraphError: it cannot be opened.
        ConfigurationError: a URL of another kind, or without a password.
        ModuleNotFoundError: the store's library is not installed.
    """
    # Each store's library is an extra; who uses the one does not need the other.
    if "://" not in place:
        embedded = import_module("ossamma.graph.stores.embedded")
        settings = embedded.EmbeddedSettings(read_only=read_only)
        return _a_store(embedded.EmbeddedStore(Path(place), settings))
    if not environment.get("NEO4J_PASSWORD"):
        raise ConfigurationError(
            "a graph on a server needs its password in the environment variable NEO4J_PASSWORD"
        )
    server = import_module("ossamma.graph.stores.neo4j")
    at = server.ServerSettings(
        url=place,
        user=environment.get("NEO4J_USERNAME") or "neo4j",
        password=environment["NEO4J_PASSWORD"],
        database=environment.get("NEO4J_DATABASE", ""),
    )
    return _a_store(server.connect(at))


def _a_store(store: GraphStore) -> GraphStore:
    return store

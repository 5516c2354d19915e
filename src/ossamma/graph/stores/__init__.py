"""Where a graph is kept: in memory, in an embedded database, or on a Neo4j server."""

"""A graph as metrics: how much it holds, and what of it is doubtful."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from ossamma.graph.census import GraphCensus


class GraphGauges:
    """Gauges of graphs, one set for each sink, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._nodes = Gauge(
            "ner_graph_nodes", "Nodes of a graph.", ["sink", "kind"], registry=registry
        )
        self._edges = Gauge(
            "ner_graph_edges", "Edges of a graph.", ["sink", "type"], registry=registry
        )
        self._guessed = Gauge(
            "ner_graph_guessed_merges",
            "Merges by likeness or context alone that nobody has decided on.",
            ["sink"], registry=registry,
        )  # fmt: skip
        self._bare = Gauge(
            "ner_graph_edges_without_evidence", "Edges between entities that nothing vouches for.",
            ["sink"], registry=registry,
        )  # fmt: skip

    def show(self, sink: str, census: GraphCensus) -> None:
        """Show a graph as it is now."""
        counts = census.counts
        for kind in ("documents", "mentions", "entities", "evidence", "decisions"):
            self._nodes.labels(sink, kind).set(getattr(counts, kind))
        for edge, number in counts.edges.items():
            self._edges.labels(sink, edge.value).set(number)
        self._guessed.labels(sink).set(census.guessed)
        if census.bare is not None:
            self._bare.labels(sink).set(census.bare)

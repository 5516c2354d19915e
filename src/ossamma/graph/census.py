"""How a graph is, in a few numbers that somebody should watch."""

from __future__ import annotations

from dataclasses import dataclass

from ossamma.graph.clusters import decided
from ossamma.graph.resolution import ALIAS_SCORE
from ossamma.graph.store import Counts, GraphStore
from ossamma.graph.values import Decision, EdgeType
from ossamma.graph.view import GraphView


@dataclass(frozen=True, slots=True)
class GraphCensus:
    """What a graph holds, and what of it is doubtful.

    `guessed` counts merges that no source and no identifier vouches for, and that nobody has
    decided on: hypothesised duplicates. `bare` counts edges between entities without evidence;
    None: not counted.
    """

    counts: Counts
    guessed: int
    bare: int | None = None


def census(store: GraphStore, *, is_thorough: bool = False) -> GraphCensus:
    """Count. Edges without evidence are looked for, which reads all evidence, if `is_thorough`."""
    held = decided(store.scan(Decision))
    settled = {*held.apart, *held.same}
    guessed = sum(
        edge.score < ALIAS_SCORE
        and (edge.source, edge.target) not in settled
        and held.suppressed.isdisjoint((edge.source, edge.target))
        for edge in store.edges([EdgeType.SAME_AS])
    )
    bare = len(GraphView(store).without_evidence()) if is_thorough else None
    return GraphCensus(store.counts(), guessed, bare)

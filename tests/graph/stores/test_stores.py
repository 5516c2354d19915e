"""The conformance suite: every store obeys the same laws, and is equal to dictionaries."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ossamma.graph.batch import batch_of
from ossamma.graph.stores.embedded import EmbeddedSettings, EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.graph.stores.neo4j import Neo4jStore
from ossamma.graph.values import (
    Decision,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
)
from ossamma.schema.errors import GraphError
from tests.graph import strategies
from tests.graph.cypher_server import Server

KINDS = (DocumentNode, Mention, EntityNode, Evidence, Decision)
SMALL = EmbeddedSettings(memory_bytes=1 << 26, max_bytes=1 << 28, threads=1)


def embedded(folder):
    return EmbeddedStore(folder / "graph.lbug", SMALL)


def server(folder):
    return Neo4jStore(Server(folder), rows=3)


STORES = {"memory": lambda folder: MemoryStore(), "embedded": embedded, "neo4j": server}


@pytest.fixture(params=sorted(STORES))
def make(request, tmp_path_factory):
    """Makes empty stores of one kind, and closes them all."""
    made = []

    def new():
        made.append(STORES[request.param](tmp_path_factory.mktemp("store")))
        return made[-1]

    yield new
    for store in made:
        store.close()


def content(store):
    """Everything that a store holds."""
    return [*(list(store.scan(kind)) for kind in KINDS), store.edges()]


def reference(*batches):
    store = MemoryStore()
    for values in batches:
        store.write(batch_of(values))
    return content(store)


def laws(function):
    """Runs a law on a few graphs: a database on the disk is slow to begin."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    # Making a failing graph smaller would take minutes, and the graphs are small.
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    return settings(max_examples=4, suppress_health_check=health, phases=phases)(function)


batches = st.lists(st.lists(strategies.values, max_size=12), max_size=4)


@laws
@given(batches)
def test_a_store_is_equal_to_dictionaries(make, drawn):
    store = make()
    for values in (strategies.GROUND, *drawn):
        store.write(batch_of(values))
    assert content(store) == reference(strategies.GROUND, *drawn)


@laws
@given(batches)
def test_writing_twice_changes_nothing(make, drawn):
    store = make()
    for values in (strategies.GROUND, *drawn):
        store.write(batch_of(values))
    before = content(store)
    for values in (strategies.GROUND, *drawn):
        new = store.write(batch_of(values))
        assert not any([new.documents, new.mentions, new.entities, *new.edges.values()])
        assert not any([new.evidence, new.decisions])
    assert content(store) == before


@laws
@given(st.lists(strategies.values, max_size=15), st.randoms(use_true_random=False))
def test_order_and_size_of_batches_do_not_matter(make, values, chance):
    shuffled = list(values)
    chance.shuffle(shuffled)
    together, single = make(), make()
    together.write(batch_of([*values, *strategies.GROUND]))
    single.write(batch_of(strategies.GROUND))
    for value in shuffled:
        single.write(batch_of([value]))
    assert content(together) == content(single)


def test_what_is_new_is_counted(make):
    store = make()
    new = store.write(batch_of(strategies.GROUND))
    assert (new.documents, new.mentions, new.entities) == (3, 6, 6)
    one, other, third = sorted(strategies.keys)[:3]
    first = [Edge(EdgeType.USES, one, other), Edge(EdgeType.SAME_AS, one, other)]
    assert store.write(batch_of(first)).edges[EdgeType.USES] == 1
    more = store.write(batch_of([*first, Edge(EdgeType.USES, other, third)]))
    assert more.edges[EdgeType.USES] == 1
    assert more.edges[EdgeType.SAME_AS] == 0
    assert store.counts().edges[EdgeType.USES] == 2


def test_an_edge_without_an_end_is_refused_and_nothing_of_its_batch_stays(make):
    store = make()
    store.write(batch_of(strategies.GROUND))
    before = content(store)
    lost = EntityNode("Malware", "name:lost")
    extra = EntityNode("Malware", "name:extra", ("Extra",))
    with pytest.raises(GraphError):
        store.write(batch_of([extra, Edge(EdgeType.USES, strategies.keys[0], lost.id)]))
    assert content(store) == before
    store.write(batch_of([extra]))  # the store goes on
    assert store.fetch(EntityNode, [extra.id]) == [extra]


def test_what_is_asked_for_by_key_is_what_comes(make):
    store = make()
    store.write(batch_of(strategies.GROUND))
    wanted = [strategies.ENTITIES[2].id, strategies.ENTITIES[0].id, "nothing"]
    assert {e.id for e in store.fetch(EntityNode, wanted)} == set(wanted[:2])
    assert store.fetch(EntityNode, []) == []
    document = strategies.MENTIONS[0].document
    assert store.mentions([document]) == sorted(
        (m for m in strategies.MENTIONS if m.document == document), key=lambda m: m.id
    )


@laws
@given(st.lists(strategies.entity_edges, max_size=15), st.sampled_from(strategies.keys))
def test_the_edges_at_a_node_are_those_that_touch_it(make, edges, key):
    store = make()
    store.write(batch_of([*strategies.GROUND, *edges]))
    touching = [edge for edge in store.edges() if key in (edge.source, edge.target)]
    assert store.edges(touching=[key]) == touching
    uses = [edge for edge in touching if edge.type is EdgeType.USES]
    assert store.edges([EdgeType.USES], touching=[key]) == uses
    assert store.edges(touching=[]) == []


def test_evidence_is_found_by_its_edge(make):
    store = make()
    edges = [Edge(EdgeType.USES, *pair) for pair in pairwise(strategies.keys)]
    found = [Evidence(edge.id, "why", 0.5, source=f"file {n}") for n, edge in enumerate(edges)]
    store.write(batch_of([*strategies.GROUND, *edges, *found]))
    assert store.evidence([edges[1].id]) == [found[1]]
    assert len(store.evidence([edge.id for edge in edges])) == len(edges)


def test_canonical_keys_are_a_view_that_writing_does_not_undo(make):
    store = make()
    store.write(batch_of(strategies.GROUND))
    one, other, *_ = strategies.ENTITIES
    store.set_canonical({other.id: one.id, "nobody": one.id})
    store.write(batch_of([replace(other, names=("New",))]))
    [found] = store.fetch(EntityNode, [other.id])
    assert (found.canonical, found.names) == (one.id, ("New",))
    assert {entity.id for entity in store.members([one.id])} == {one.id, other.id}


def test_a_closed_file_opens_with_everything_in_it(tmp_path):
    values = list(strategies.GROUND)
    values += [Edge(EdgeType.USES, *pair) for pair in pairwise(strategies.keys)]
    store = embedded(tmp_path)
    store.write(batch_of(values))
    before = content(store)
    store.close()
    again = EmbeddedStore(tmp_path / "graph.lbug", replace(SMALL, read_only=True))
    assert content(again) == before
    with pytest.raises(GraphError):
        again.write(batch_of([EntityNode("Malware", "name:new")]))
    with pytest.raises(GraphError):
        again.query("MATCH (n:Entity) DETACH DELETE n")
    assert again.query("MATCH (n:Entity) RETURN count(*) AS n")[0]["n"] == 6
    again.close()


def test_text_that_looks_like_a_statement_is_text(make):
    store = make()
    random.Random(1).shuffle(strategies.NASTY)
    entity = EntityNode("Malware", "name:x", tuple(sorted(strategies.NASTY)))
    document = DocumentNode("".join(strategies.NASTY), ("'; DROP TABLE Entity",))
    store.write(batch_of([entity, document]))
    assert list(store.scan(EntityNode)) == [entity]
    assert list(store.scan(DocumentNode)) == [document]

"""A document becomes values: every edge has evidence, order does not matter, text stays text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ossamma.graph.batch import batch_of
from ossamma.graph.clusters import canonical_keys_slowly
from ossamma.graph.keys import text_key
from ossamma.graph.recording import FOUND, Recorder, RecordSettings
from ossamma.graph.stores.memory import MemoryStore
from ossamma.graph.values import (
    Decision,
    DecisionKind,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
)
from ossamma.graph.view import GraphView, decide
from ossamma.ingestion.sinks import GraphSink, ReadText, refresh
from ossamma.schema.errors import ConfigurationError, GraphError
from ossamma.schema.spans import Entity
from tests.graph import cyber
from tests.graph.stores.test_stores import content


def recorded(texts=cyber.TEXTS):
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words")
    store = MemoryStore()
    for text in texts:
        [entities] = cyber.WordRecogniser().recognise([text])
        store.write(batch_of(recorder.values("a", text, entities, time="2026")))
    refresh(store)
    return store


def test_every_edge_between_entities_has_evidence():
    store = recorded()
    assert GraphView(store).without_evidence() == []
    edges = [e for e in store.edges() if e.type.is_typed or e.type.is_symmetric]
    assert len({one.edge for one in store.scan(Evidence)}) == len(edges) > 5


def test_every_edge_of_the_record_leads_to_its_words():
    store = recorded()
    view = GraphView(store)
    for edge in store.edges([EdgeType.FOUND_IN, EdgeType.REFERS_TO, EdgeType.MENTIONS]):
        grounds = view.evidence([edge])
        assert grounds
        assert all(ground.quote for ground in grounds)


def test_the_order_of_documents_does_not_matter():
    assert content(recorded()) == content(recorded(cyber.TEXTS[::-1]))


def test_evidence_is_the_sentence():
    store = recorded()
    view = GraphView(store)
    apt, zebrocy = view.the("APT28"), view.the("Zebrocy")
    [uses] = [e for e, other in view.relations(apt)
              if e.type is EdgeType.USES and other == zebrocy]  # fmt: skip
    [ground] = view.evidence([uses])
    assert ground.quote == "APT28 has used X-Agent and Zebrocy."
    assert ground.reason == "pattern uses"


def test_aliases_are_one_thing_and_a_source_s_link_is_its_own_evidence():
    store = recorded()
    view = GraphView(store)
    assert view.the("Fancy Bear").key == view.the("G0007").key == view.the("APT28").key
    kinds = {(e.type, e.reason) for e, _ in view.relations(view.the("G0007"))}
    assert (EdgeType.USES, "a source's own link") in kinds


def test_a_sentence_that_lists_many_joins_none():
    recorder = Recorder(
        cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="b", settings=RecordSettings(max_in_sentence=2)
    )
    text = "APT28, X-Agent, Zebrocy.\n"
    [entities] = cyber.WordRecogniser().recognise([text])
    values = recorder.values("a", text, entities, time="")
    assert not [v for v in values if getattr(v, "type", "") is EdgeType.CO_OCCURS_WITH]
    with pytest.raises(ConfigurationError):
        RecordSettings(max_in_sentence=1)


def test_a_statement_as_the_text_of_an_entity_is_a_name():
    store = recorded()
    [thing] = GraphView(store).find("'}) DETACH DELETE n //")
    assert "DETACH DELETE n" in thing.name


def test_what_was_taken_apart_stays_apart_when_it_is_written_again():
    store = recorded()
    view = GraphView(store)
    bear = next(e for e in view.the("G0007").members if e.identity == "name:fancy bear")
    head = view.the("G0007").key
    with pytest.raises(GraphError):
        decide(store, DecisionKind.APART, (bear.id, "nobody"), time="2026")
    store.write(batch_of([decide(store, DecisionKind.APART, (bear.id, head), time="2026")]))
    assert refresh(store) == 1
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words")
    [entities] = cyber.WordRecogniser().recognise([cyber.TEXTS[1]])
    store.write(batch_of(recorder.values("a", cyber.TEXTS[1], entities, time="later")))
    assert refresh(store) == 0
    view = GraphView(store)
    assert view.the("Fancy Bear").key != view.the("G0007").key


def test_a_suppressed_entity_is_seen_nowhere():
    store = recorded()
    view = GraphView(store)
    thing = view.the("Zebrocy")
    store.write(batch_of([Decision(DecisionKind.SUPPRESS, thing.key, "", "2026")]))
    view = GraphView(store)
    assert view.find("Zebrocy") == []
    assert thing.key not in {other.key for _, other in view.relations(view.the("APT28"))}


def test_a_path_is_made_of_edges_that_are_there():
    store = recorded()
    view = GraphView(store)
    steps = view.path(view.the("CHOPSTICK"), view.the("Berlin"))
    assert steps[-1][1].name == "Berlin"
    assert {edge.id for edge, _ in steps} <= {edge.id for edge in store.edges()}
    assert view.path(view.the("Berlin"), view.the("'}) DETACH DELETE n //"), most=1) == []


def test_canonical_keys_are_those_of_the_definition():
    store = recorded()
    entities = list(store.scan(EntityNode))
    keys = canonical_keys_slowly(entities, store.edges([EdgeType.SAME_AS]), [])
    assert {one.id: one.canonical for one in entities} == keys


def test_every_mention_is_kept_with_its_place():
    found = {(one.document, one.start): one.text for one in recorded().scan(Mention)}
    answers = cyber.WordRecogniser().recognise(cyber.TEXTS)
    expected = {
        (text_key(text), one.start): one.text
        for text, entities in zip(cyber.TEXTS, answers, strict=True)
        for one in entities
    }
    assert found == expected


class Recording(MemoryStore):
    """Keeps the batches that it was given."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def write(self, batch):
        self.batches.append(batch)
        return super().write(batch)


def test_a_sink_writes_what_is_known_once_and_the_graph_is_whole():
    store = Recording()
    sink = GraphSink(store, Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words"))
    for text in (*cyber.TEXTS, *cyber.TEXTS):
        [entities] = cyber.WordRecogniser().recognise([text])
        sink.write([ReadText("a", text, tuple(entities))], time="2026")
    sink.finish()
    assert content(store) == content(recorded())
    told = [e for batch in store.batches for e in batch.edges if e.reason == "a source's own link"]
    assert len(told) == 1


def test_the_edge_to_the_document_says_which_rule_found_the_name():
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="b")
    found = [
        Entity(0, 5, "APT_GROUP", "APT28", 0.9, "lexicon:attack-groups"),
        Entity(6, 12, "LOCATION", "Berlin", 0.9),
    ]
    values = recorder.values("a", "APT28 Berlin", found, time="")
    reasons = {v.reason for v in values if getattr(v, "type", "") is EdgeType.FOUND_IN}
    assert reasons == {"lexicon:attack-groups", FOUND}
    assert replace(found[0], origin="") == found[0]

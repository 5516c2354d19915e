"""Small graphs that collide on purpose: few keys, many values of each."""

from __future__ import annotations

from hypothesis import strategies as st

from ossamma.graph.keys import storable
from ossamma.graph.values import (
    Decision,
    DecisionKind,
    DocumentNode,
    Edge,
    EdgeType,
    EntityNode,
    Evidence,
    Mention,
)

# What breaks statements that are glued together, and what databases do not keep as it is.
NASTY = ["'", '"', "`", "\\", "'}) DETACH DELETE n //", "$rows", "\n", "\u2028", "\U0001f600", "ß"]
texts = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=8).map(storable), st.sampled_from(["a", "b"])
)
names = st.lists(texts.filter(bool), max_size=3).map(lambda found: tuple(sorted(set(found))))
scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])

DOCUMENTS = [f"Text {number} names APT28, X-Agent and 'so on'." for number in range(3)]
ENTITIES = [EntityNode(label, f"name:{n}") for label in ("Malware", "Software") for n in "abc"]
MENTIONS = [
    Mention(DocumentNode(text).id, start, start + 1, text[start], "MALWARE", 0.5, "bundle", "now")
    for text in DOCUMENTS
    for start in (0, 5)
]
BETWEEN_ENTITIES = [
    EdgeType.SAME_AS,
    EdgeType.CO_OCCURS_WITH,
    EdgeType.USES,
    EdgeType.TARGETS,
]
keys = [entity.id for entity in ENTITIES]
pairs = st.lists(st.sampled_from(keys), min_size=2, max_size=2, unique=True)

documents = st.builds(DocumentNode, st.sampled_from(DOCUMENTS), names)
entities = st.builds(
    EntityNode,
    st.sampled_from(["Malware", "Software"]),
    st.sampled_from(["name:a", "name:b", "name:c"]),
    names,
    st.sampled_from([(), ("MALWARE",), ("TOOL",)]),
    names,
    st.booleans(),
)
entity_edges = st.builds(
    lambda kind, ends, score, reason: Edge(kind, *ends, score, reason),
    st.sampled_from(BETWEEN_ENTITIES),
    pairs,
    scores,
    texts,
)
found_in = st.sampled_from([Edge(EdgeType.FOUND_IN, m.id, m.document) for m in MENTIONS])
refers_to = st.builds(
    lambda mention, entity, score, reason: Edge(
        EdgeType.REFERS_TO, mention.id, entity, score, reason
    ),
    st.sampled_from(MENTIONS),
    st.sampled_from(keys),
    scores,
    texts,
)
mentions_edges = st.builds(
    lambda text, entity: Edge(EdgeType.MENTIONS, DocumentNode(text).id, entity),
    st.sampled_from(DOCUMENTS),
    st.sampled_from(keys),
)
evidence = st.builds(
    lambda edge, reason: Evidence(edge.id, reason, 0.5, source="file", quote="why"),
    entity_edges,
    texts,
)
decisions = st.builds(
    lambda ends, reason: Decision(DecisionKind.APART, *ends, "2026-01-01", reason),
    pairs,
    texts,
)
values = st.one_of(
    documents,
    st.sampled_from(MENTIONS),
    entities,
    entity_edges,
    found_in,
    refers_to,
    mentions_edges,
    evidence,
    decisions,
)
# Every end of every edge, so that a graph begun with it takes any of the values.
GROUND = (*map(DocumentNode, DOCUMENTS), *MENTIONS, *ENTITIES)

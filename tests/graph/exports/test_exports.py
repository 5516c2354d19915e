"""A graph in other people's forms: nothing lost, nothing executed, and valid by their own tools."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
import stix2
from defusedxml.ElementTree import parse

from ossamma.graph.batch import batch_of
from ossamma.graph.exports import csv as tables
from ossamma.graph.exports import cypher, graphml, jsonld, stix
from ossamma.graph.exports.rows import export_rows
from ossamma.graph.values import Decision, DecisionKind
from ossamma.graph.view import GraphView
from tests.graph import strategies
from tests.graph.test_recording import recorded


@pytest.fixture(scope="module")
def store():
    return recorded()


def test_the_stix_bundle_validates_and_carries_confidence(store, tmp_path):
    stix.export(store, tmp_path / "a.json")
    bundle = stix2.parse((tmp_path / "a.json").read_text(encoding="utf-8"), allow_custom=True)
    kinds = Counter(one.type for one in bundle.objects)
    assert kinds["intrusion-set"] == 1
    assert kinds["malware"] >= 3
    actor = next(one for one in bundle.objects if one.type == "intrusion-set")
    assert actor.external_references[0].external_id == "G0007"
    assert "Fancy Bear" in {actor.name, *actor.aliases}
    relations = [one for one in bundle.objects if one.type == "relationship"]
    there = {one.id for one in bundle.objects}
    assert all({one.source_ref, one.target_ref} <= there for one in relations)
    assert all(0 <= one.confidence <= 100 for one in relations)
    again = tmp_path / "b.json"
    stix.export(store, again)
    assert again.read_bytes() == (tmp_path / "a.json").read_bytes()


def test_a_script_has_one_statement_on_a_line_whatever_a_text_holds(store, tmp_path):
    for text in (*strategies.NASTY, "a\r\n\t'\\'"):
        literal = cypher.quoted(text)
        assert "\n" not in literal
        inner = literal[1:-1].replace("\\\\", "").replace("\\'", "")
        assert "'" not in inner
    cypher.export(store, tmp_path / "a.cypher")
    lines = (tmp_path / "a.cypher").read_text(encoding="utf-8").split("\n")
    rows = export_rows(store)
    assert len(lines) == 2 + len(rows.documents) + len(rows.entities) + len(rows.edges)
    assert all(line.endswith(";") for line in lines[:-1])
    assert not any(line.startswith(("DETACH", "'", "}")) for line in lines)


def test_graphml_csv_and_json_ld_have_all_nodes_and_edges(store, tmp_path):
    rows = export_rows(store)
    nodes = {one.id for one in (*rows.documents, *rows.entities)}
    edges = {one.id for one in rows.edges}
    graphml.export(store, tmp_path / "a.graphml")
    root = parse(tmp_path / "a.graphml").getroot()
    space = "{http://graphml.graphdrawing.org/xmlns}"
    assert {one.get("id") for one in root.iter(f"{space}node")} == nodes
    assert {one.get("id") for one in root.iter(f"{space}edge")} == edges
    tables.export(store, tmp_path / "tables")
    ids = set()
    for name in (tables.DOCUMENTS, tables.ENTITIES):
        with (tmp_path / "tables" / name).open(encoding="utf-8", newline="") as file:
            ids |= {row["id:ID"] for row in csv.DictReader(file)}
    assert ids == nodes
    with (tmp_path / "tables" / tables.EDGES).open(encoding="utf-8", newline="") as file:
        assert {row["id"] for row in csv.DictReader(file)} == edges
    jsonld.export(store, tmp_path / "a.jsonld")
    content = json.loads((tmp_path / "a.jsonld").read_text(encoding="utf-8"))
    found = {one["@id"].rpartition(":")[2] for one in content["@graph"]}
    assert found == nodes | edges


def test_what_is_suppressed_goes_nowhere():
    store = recorded()
    key = GraphView(store).the("Zebrocy").key
    store.write(batch_of([Decision(DecisionKind.SUPPRESS, key, "", "2026")]))
    rows = export_rows(store)
    assert key not in {one.id for one in rows.entities}
    assert key not in {end for edge in rows.edges for end in (edge.source, edge.target)}

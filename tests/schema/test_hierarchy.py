"""Laws of the hierarchy: it is a tree, its nodes part the types, and ner11's is complete."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.errors import ProfileError
from ossamma.schema.hierarchy import FineType, Hierarchy, RollUp
from ossamma.schema.profile import load_profile

NER11 = load_profile("ner11")
TREE = NER11.hierarchy
assert TREE is not None

# The source's sixty active types.
SOURCE = """ANALYSIS APT_GROUP ATTACK_TECHNIQUE ATTRIBUTES COGNITIVE_BIAS COMPONENT CONTROLS
CORE_ONTOLOGY CVE CWE CWE_WEAKNESS CYBER_SPECIFICS DEMOGRAPHICS DETERMINISTIC_CONTROL
DEVICE ENGINEERING_PHYSICAL FACILITY HAZARD_ANALYSIS IEC_62443 IMPACT INDICATOR LACANIAN
LOCATION MALWARE MATERIAL MEASUREMENT MECHANISM META METADATA MITIGATION MITRE_EM3D
NETWORK OPERATING_SYSTEM OPERATIONAL_MODES ORGANIZATION PATTERNS PERSONALITY PHYSICAL
PRIVILEGE_ESCALATION PROCESS PRODUCT PROTOCOL RAMS ROLES SECTOR SECTORS SECURITY_TEAM
SOFTWARE_COMPONENT STANDARD SYSTEM_ATTRIBUTES TACTIC TECHNIQUE TEMPLATES THREAT_ACTOR
THREAT_MODELING THREAT_PERCEPTION TIME_BASED_TREND TOOL VENDOR VULNERABILITY"""
# The source's list: types by tier, and by graph label (its fifteen types without one are Event).
TIERS = {1: 145, 2: 49, 3: 87, 4: 45, 5: 47, 6: 31, 7: 63, 8: 35, 9: 45, 10: 15, 11: 17}
LABELS = {
    "ThreatActor": 6,
    "Malware": 9,
    "AttackPattern": 33,
    "Vulnerability": 13,
    "Indicator": 7,
    "Campaign": 5,
    "Asset": 55,
    "Organization": 18,
    "Location": 35,
    "PsychTrait": 54,
    "EconomicMetric": 63,
    "Role": 33,
    "Protocol": 32,
    "Software": 35,
    "Event": 83 + 15,
    "Control": 83,
}


def small(**changes: object) -> Hierarchy:
    """Two labels, three types, three fine types."""
    fields: dict[str, object] = {
        "properties": {"Animal": "kind", "Plant": "kind"},
        "super_labels": {"CAT": "Animal", "DOG": "Animal", "TREE": "Plant"},
        "fine": (fine("TABBY", "CAT"), fine("CAT", "CAT"), fine("OAK", "TREE")),
        "roll_ups": (RollUp(name="PETS", description="", types=frozenset({"CAT", "DOG"})),),
        "merged": {"PUSS": "CAT"},
    }
    return Hierarchy(**(fields | changes))


def fine(name: str, active: str) -> FineType:
    return FineType(name=name, active=active, value=name.lower(), category="C", tier=1)


# The tree.


def test_every_kind_of_node_knows_the_types_below_it():
    tree = small()
    assert tree.nodes == {"Animal", "Plant", "CAT", "DOG", "TREE", "TABBY", "OAK", "PETS", "PUSS"}
    below = {node: set(tree.types_below(node)) for node in tree.nodes}
    assert below == {
        "Animal": {"CAT", "DOG"},
        "Plant": {"TREE"},
        "PETS": {"CAT", "DOG"},
        "CAT": {"CAT"},
        "DOG": {"DOG"},
        "TREE": {"TREE"},
        "TABBY": {"CAT"},
        "PUSS": {"CAT"},
        "OAK": {"TREE"},
    }


def test_fine_types_are_those_below_a_node():
    tree = small()
    assert tree.fine_types("Animal") == {"TABBY", "CAT"} == tree.fine_types("PETS")
    assert tree.fine_types("CAT") == {"TABBY", "CAT"}
    assert tree.fine_types("TABBY") == {"TABBY"}
    assert tree.fine_types("DOG") == frozenset()


def test_the_node_in_the_graph_keeps_its_label_when_the_type_gets_finer():
    tree = small()
    assert tree.graph("TABBY") == ("Animal", "kind", "tabby")
    assert tree.graph("CAT") == tree.graph("PUSS") == ("Animal", "kind", "cat")
    assert tree.graph("TREE") == ("Plant", "kind", "tree")  # no fine type of its name
    assert tree.super_label("OAK") == tree.super_label("TREE") == "Plant"


def test_a_path_leads_down():
    tree = small()
    assert tree.path("OAK") == ("Plant", "TREE", "OAK")
    assert tree.path("CAT") == tree.path("PUSS") == ("Animal", "CAT")


@pytest.mark.parametrize(
    ("ask", "near"),
    [
        (lambda tree: tree.types_below("Animals"), "Animal"),
        (lambda tree: tree.types_below("PET"), "PETS"),
        (lambda tree: tree.super_label("TABY"), "TABBY"),
        (lambda tree: tree.graph("DOGG"), "DOG"),
        (lambda tree: tree.path("OAKS"), "OAK"),
        (lambda tree: tree.fine_types("OAKS"), "OAK"),
        (lambda tree: tree.fine_type("TABBIE"), "TABBY"),
        (lambda tree: tree.graph("PETTS"), None),  # no type is like it
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(ask, near):
    with pytest.raises(ProfileError) as caught:
        ask(small())
    if near:
        assert f"did you mean {near}" in str(caught.value)


def test_only_a_type_has_a_place_in_the_graph():
    for ask in (small().graph, small().path, small().super_label, small().active):
        with pytest.raises(ProfileError, match="expected a type of the hierarchy"):
            ask("Animal")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fine": (fine("OAK", "TREE"), fine("OAK", "TREE"))}, "'OAK' is given twice"),
        ({"fine": (fine("OAK", "TREES"),)}, "'TREES'; did you mean TREE"),
        ({"fine": (fine("DOG", "CAT"),)}, "called like an active type"),
        ({"fine": (fine("Plant", "CAT"),)}, "'Plant' is called like another node"),
        ({"fine": (fine("PETS", "CAT"),)}, "'PETS' is called like another node"),
        ({"merged": {"DOG": "CAT"}}, "'DOG' is called like another node"),
        ({"merged": {"PUSS": "PETS"}}, "expected an active type, got 'PETS'"),
        ({"properties": {"Animal": "kind"}}, "expected a graph label"),
        ({"super_labels": {"CAT": "Animal", "DOG": "Animal"}, "fine": ()}, "'Plant' has no"),
        ({"roll_ups": (RollUp(name="X", description="", types=frozenset()),)}, "'X' has no type"),
        ({"roll_ups": (RollUp(name="X", description="", types=frozenset({"Y"})),)}, "got 'Y'"),
    ],
)
def test_what_is_no_tree_is_refused(changes, message):
    with pytest.raises(ProfileError, match=message):
        small(**changes)


def test_a_hierarchy_has_the_types_of_its_profile():
    small().check_types(["TREE", "DOG", "CAT"])
    with pytest.raises(ProfileError, match="leaves out the types FISH"):
        small().check_types(["TREE", "DOG", "CAT", "FISH"])
    with pytest.raises(ProfileError, match=r"active types that the profile does not.*TREE"):
        small().check_types(["DOG", "CAT"])
    with pytest.raises(ProfileError, match="leaves out"):
        replace(load_profile("rag9"), hierarchy=TREE)


def test_a_hierarchy_can_be_copied():
    assert copy.deepcopy(TREE) == TREE


# What ships with ner11.


def test_the_fine_types_are_those_of_the_source():
    assert len(TREE.fine) == 579
    assert Counter(one.tier for one in TREE.fine) == TIERS
    assert Counter(TREE.graph(one.name).label for one in TREE.fine) == LABELS
    assert len({one.category for one in TREE.fine}) == 40


def test_no_rule_gives_five_hundred_and_sixty_six():
    listed = len(TREE.fine)
    with_label = listed - sum(one.category == "METADATA" for one in TREE.fine)
    sums = {"TOTAL_INDICATOR_INSTANCES", "VULNERABILITIES", "CPES", "VENDORS", "ATTACK_PATTERNS"}
    sums |= {"TECHNIQUES", "CONSEQUENCES", "BENEFITS"}
    twice = {"THREAT_GROUP", "PLANT", "OFFICE", "DATACENTER", "ZONE", "NETWORK_ZONE"}
    twice |= {"SECURITY_ZONE", "MTBF", "MTTR"}
    names = {one.name for one in TREE.fine}
    assert sums | twice <= names
    counts = (listed, with_label, listed - len(sums), listed - len(twice))
    assert counts == (579, 564, 571, 570)
    for count in (*counts, 566):
        assert str(count) in NER11.description


def test_every_name_of_the_sixty_active_types_is_a_type():
    source = SOURCE.split()
    assert len(source) == 60
    assert {TREE.active(name) for name in source} == set(NER11.labels.types) - {"CAMPAIGN"}
    assert len(NER11.labels.types) == 60 - 3 + 1


def test_ner11_keeps_its_order():
    # The order is the tag indices of every trained model; it is alphabetical.
    assert NER11.labels.types == tuple(sorted(NER11.labels.types))


def test_graph_labels_part_the_types():
    assert len(TREE.properties) == 16
    parts = [TREE.types_below(label) for label in TREE.properties]
    assert all(parts)
    assert Counter(name for part in parts for name in part) == Counter(NER11.labels.types)


def test_gates_may_name_their_roll_ups():
    infrastructure = TREE.types_below("CRITICAL_INFRASTRUCTURE")
    threat = TREE.types_below("CYBER_THREAT")
    assert {"SECTOR", "FACILITY", "DEVICE", "PROCESS"} <= infrastructure
    assert {"THREAT_ACTOR", "APT_GROUP", "MALWARE", "ATTACK_TECHNIQUE", "CAMPAIGN"} <= threat
    assert not infrastructure & threat


@given(st.sampled_from(TREE.fine))
def test_ner11_is_a_tree(one):
    assert TREE.path(one.name)[:2] == (TREE.super_label(one.active), one.active)
    node = TREE.graph(one.name)
    assert node.label == TREE.graph(one.active).label == TREE.super_label(one.name)
    assert node.property == TREE.properties[node.label]
    assert node.value == one.value
    assert TREE.types_below(one.name) == {one.active}
    assert TREE.types_below(one.name) <= TREE.types_below(node.label)
    assert one.name in TREE.fine_types(one.active)


@given(st.sampled_from(sorted(TREE.nodes)))
def test_every_node_stands_for_some_types_of_the_profile(node):
    assert TREE.types_below(node)
    assert TREE.types_below(node) <= set(NER11.labels.types)


def test_values_tell_nodes_apart_but_for_one_pair():
    nodes = Counter(TREE.graph(one.name) for one in TREE.fine)
    assert [node for node, count in nodes.items() if count > 1] == [
        ("Location", "locationType", "datacenter")
    ]

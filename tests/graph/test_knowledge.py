"""What several sources know: one thing where they agree, never one of what they tell apart."""

from __future__ import annotations

import random

import pytest

from ossamma.graph.identity import entity_of
from ossamma.graph.knowledge import Entry, Knowledge
from ossamma.graph.resolution import Resolver
from ossamma.graph.values import Edge, EdgeType
from tests.graph.cyber import HIERARCHY


def actor(identifier, *names, source):
    return Entry(identifier, "ThreatActor", "APT_GROUP", names[0], names[1:], source)


def malware(identifier, *names, source="attack"):
    return Entry(identifier, "Malware", "MALWARE", names[0], names[1:], source)


FIN7 = actor("attack:G0046", "FIN7", "Carbon Spider", source="attack")
CARBANAK = actor("attack:G0008", "Carbanak", "Anunak", source="attack")
BOTH = actor("misp:1", "FIN7", "Carbanak", "Sangria Tempest", source="misp")
OUTLOOK = malware("misp:2", "Outlook Backdoor", "Facade", source="misp")
POSING = malware("misp:3", "Windows10", "Desktop", source="misp")


def merged(text, kind, *entries):
    """The identities that the mention of a text is thought to be the same as."""
    knowledge = Knowledge(entries)
    entity = entity_of(text, kind, HIERARCHY)
    values = Resolver(knowledge).resolve([entity], "document").values
    things = {entry.node().id: entry.identifier for entry in entries}
    edges = [v for v in values if isinstance(v, Edge) and v.type is EdgeType.SAME_AS]
    return {things[end] for edge in edges for end in (edge.source, edge.target) if end in things}


@pytest.mark.parametrize("seed", range(6))
def test_a_third_source_does_not_make_one_of_what_attack_tells_apart(seed):
    entries = [FIN7, CARBANAK, BOTH]
    random.Random(seed).shuffle(entries)
    knowledge = Knowledge(tuple(entries))
    assert knowledge.thing("attack:G0046") == knowledge.thing("misp:1")
    assert knowledge.thing("attack:G0008") != knowledge.thing("misp:1")


def test_who_is_called_as_one_thing_of_attack_is_not_another_of_them():
    two = [malware("attack:S0213", "DOGCALL"), malware("attack:S0240", "ROKRAT")]
    both = [malware("misp:6", "RokRAT", "DOGCALL", source="misp"),
            malware("misp:7", "rokrat", source="misp")]  # fmt: skip
    knowledge = Knowledge((*two, *both))
    assert len({knowledge.thing(one.identifier) for one in (two[0], both[0])}) == 2
    assert len({knowledge.thing(one.identifier) for one in two}) == 2


def test_who_is_called_so_first_of_all_is_meant():
    knowledge = Knowledge((FIN7, CARBANAK, BOTH))
    carbanak = knowledge.thing("attack:G0008")
    assert knowledge.things_named("Carbanak", "ThreatActor") == (carbanak,)
    assert knowledge.things_named("Anunak", "ThreatActor") == (carbanak,)
    assert knowledge.things_named("Sangria Tempest", "ThreatActor") == (knowledge.thing("misp:1"),)


def test_a_common_word_alone_makes_no_two_entries_one():
    linux, ransomware = malware("attack:S0220", "Chaos"), malware("misp:4", "Chaos", source="misp")
    aura, aurora = (
        malware("attack:S1", "Aura", "Aurax"),
        malware("misp:5", "Aura", "Aurax", source="misp"),
    )
    knowledge = Knowledge((linux, ransomware, aura, aurora), ordinary=frozenset({"chaos", "aura"}))
    assert knowledge.thing("misp:4") != knowledge.thing("attack:S0220")
    assert knowledge.thing("misp:5") == knowledge.thing("attack:S1")
    assert len(knowledge.things_named("Chaos", "Malware")) == 2


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Outlook", "SOFTWARE_COMPONENT"),
        ("Windows 10", "OPERATING_SYSTEM"),
        ("Desktop", "SOFTWARE_COMPONENT"),
    ],
)
def test_software_is_not_the_malware_that_is_called_after_it(text, kind):
    assert merged(text, kind, OUTLOOK, POSING) == set()


def test_a_technique_has_one_identifier_in_texts_and_in_addresses():
    written = {entity_of(text, "ATTACK_TECHNIQUE", HIERARCHY).identity
               for text in ("T1055.001", "T1055/001")}  # fmt: skip
    assert written == {"attack:T1055.001"}


def test_a_thing_is_shown_by_its_name_rather_than_by_its_number():
    actor_, number = FIN7.node(), entity_of("G0046", "APT_GROUP", HIERARCHY)
    assert actor_.id == number.id
    assert (number.name, actor_.joined(number).name) == ("G0046", "FIN7")


def test_a_tool_of_attackers_may_be_known_as_malware():
    assert merged("Facade", "TOOL", OUTLOOK) == {"misp:2"}
    assert merged("Facades", "MALWARE", OUTLOOK) == set(), "one letter of a short name"
    assert merged("Windows-10", "MALWARE", POSING) == {"misp:3"}

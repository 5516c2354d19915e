"""The shipped rules on examples: what context decides, and what it leaves open."""

from __future__ import annotations

import pytest

from ossamma.data.harmonise import harmonise
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Annotation, Document

PROFILES = {name: load_profile(name) for name in ("rag9", "ner11")}


def meaning(profile: str, table: str, label: str, surface: str) -> str:
    """What one marked text becomes; empty where it is given up."""
    text = f"about {surface} once more"
    annotation = Annotation(6, 6 + len(surface), (label,))
    source = Document(id="d", text=text, annotations=(annotation,))
    chosen = PROFILES[profile]
    [result], report = harmonise([source], chosen, chosen.table(table))
    assert report.num_mapped + report.num_dropped == 1
    return "".join(one.label for one in result.annotations or ())


@pytest.mark.parametrize(
    ("table", "label", "surface", "expected"),
    [
        ("ontonotes5", "NORP", "Republicans", "DOMAIN"),
        ("ontonotes5", "NORP", "South Korean", "DOMAIN"),
        ("ontonotes5", "NORP", "Latvians", "DOMAIN"),
        ("ontonotes5", "NORP", "Freudians", "DOMAIN"),
        ("ontonotes5", "NORP", "Taliban", "AGENCY|DOMAIN"),
        ("ontonotes5", "LAW", "the Clean Air Act", "DOMAIN"),
        ("ontonotes5", "LAW", "Chapter 11", "DOMAIN"),
        ("ontonotes5", "LAW", "Article 5 of the treaty", "DOMAIN"),
        ("ontonotes5", "LAW", "Treaty of Rome", "DOMAIN|WORK"),
        ("ontonotes5", "LANGUAGE", "Mandarin", "DOMAIN"),
        ("scierc", "Material", "Penn Treebank", "WORK"),
        ("scierc", "Material", "English", "DOMAIN"),
        ("scierc", "Material", "natural images", "DOMAIN"),
        ("scierc", "Material", "MUC-6", "DOMAIN|WORK"),
        ("linnaeus", "Species", "patients", ""),
        ("linnaeus", "Species", "human", "ORGANISM"),
        ("linnaeus", "Species", "E . coli", "ORGANISM"),
        ("fewnerd", "location-GPE", "British", "DOMAIN"),
        ("fewnerd", "location-GPE", "Britain", "PLACE"),
        ("btc", "PER", "@", ""),
        ("btc", "PER", "Ada", "PERSON"),
        ("btc", "LOC", "Ukraine", "PLACE"),
        ("btc", "LOC", "ukrainian", "DOMAIN"),
        ("multinerd", "MEDIA", "Latin", "DOMAIN"),
        ("multinerd", "TIME", "19th century", "MEASURE"),
        ("multinerd", "TIME", "Iron Age", "EVENT"),
        ("gum", "animal", "golden eagles", "ORGANISM"),
        ("gum", "animal", "the dog", ""),
        ("gum", "animal", "dogs that bark at night", ""),
        ("aptner", "APT", "attackers", ""),
        ("aptner", "APT", "APT33", "AGENCY"),
        ("aptner", "LOC", "Iranian", "DOMAIN"),
        ("aptner", "LOC", "Iran", "PLACE"),
        ("cyberner", "ASSET", "$ 12 million", "MEASURE"),
        ("cyberner", "ASSET", "money", ""),
    ],
)
def test_what_rag9_makes_of_it(table, label, surface, expected):
    assert meaning("rag9", table, label, surface) == expected


@pytest.mark.parametrize(
    ("table", "label", "surface", "expected"),
    [
        ("aptner", "APT", "attackers", "THREAT_ACTOR"),
        ("aptner", "APT", "Chinese hackers", "THREAT_ACTOR"),
        ("aptner", "APT", "admin@338", "APT_GROUP"),
        ("aptner", "APT", "Gorgon Group", "APT_GROUP"),
        ("aptner", "IDTY", "banks", "SECTOR"),
        ("aptner", "IDTY", "video game industry", "SECTOR"),
        ("aptner", "IDTY", "employees", "ROLES"),
        ("aptner", "IDTY", "FBI", "ORGANIZATION"),
        ("aptner", "IDTY", "government agencies", "ORGANIZATION|ROLES|SECTOR"),
        ("aptner", "ACT", "Operation Daybreak", "CAMPAIGN"),
        ("aptner", "ACT", "spear phishing", "ATTACK_TECHNIQUE"),
        ("aptner", "ACT", "attacks", "ATTACK_TECHNIQUE|CAMPAIGN"),
        ("aptner", "FILE", "rundll32.exe", "INDICATOR"),
        ("aptner", "FILE", "decoy documents", "INDICATOR"),
        ("aptner", "FILE", "backdoor", "MALWARE"),
        ("aptner", "FILE", "China Chopper", "INDICATOR|MALWARE"),
        ("cyner", "System", "Android 5.0", "OPERATING_SYSTEM"),
        ("cyner", "System", "WhatsApp", "SOFTWARE_COMPONENT"),
        ("cyner", "System", "Windows Defender ATP", "OPERATING_SYSTEM|SOFTWARE_COMPONENT"),
        ("cyner", "Organization", "Check Point", "SECURITY_TEAM"),
        ("cyner", "Organization", "Google", "ORGANIZATION"),
        ("cyner", "Vulnerability", "CVE-2013-6282", "CVE"),
        ("cyner", "Vulnerability", "DirtyCow exploit", "VULNERABILITY"),
        ("cyner", "Vulnerability", "overflow ( CVE-2012-2871 )", "CVE|VULNERABILITY"),
        ("dnrti", "SecTeam", "We", ""),
        ("dnrti", "Tool", "NetTraveler Trojan", "MALWARE"),
        ("dnrti", "Tool", "Mimikatz", "TOOL"),
        ("dnrti", "Tool", "Bookworm", "MALWARE|TOOL"),
        ("annoctr", "TECHNIQUE", "ransomware", "MALWARE"),
        ("annoctr", "TECHNIQUE", "Screen Capture", "ATTACK_TECHNIQUE"),
        ("annoctr", "CON", "AES", "CYBER_SPECIFICS"),
        ("stucco", "relevant_term", "buffer overflow", "CWE_WEAKNESS"),
        ("stucco", "relevant_term", "gain", ""),
        ("cyberner", "INDICATOR", "telnet", "PROTOCOL"),
        ("cyberner", "TOOL", "Linux", "OPERATING_SYSTEM"),
        ("cyberner", "CAMPAIGN", "PZChao campaign", "CAMPAIGN"),
    ],
)
def test_what_ner11_makes_of_it(table, label, surface, expected):
    assert meaning("ner11", table, label, surface) == expected

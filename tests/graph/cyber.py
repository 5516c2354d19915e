"""A little world of known things, and texts that name them."""

from __future__ import annotations

import re

from ossamma.graph.knowledge import Entry, Knowledge, Relation
from ossamma.graph.values import EdgeType
from ossamma.schema.profile import load_profile
from ossamma.schema.spans import Entity

HIERARCHY = load_profile("ner11").hierarchy
BEAR = Entry(
    "attack:G0007", "ThreatActor", "APT_GROUP", "APT28", ("Fancy Bear", "Sofacy"), "attack"
)
CLOZER = Entry("attack:S0137", "Malware", "MALWARE", "CORESHELL", ("Sofacy",), "attack")
AGENT = Entry("attack:S0023", "Malware", "MALWARE", "CHOPSTICK", ("X-Agent",), "attack")
LINK = Relation(EdgeType.USES, "attack:G0007", "attack:S0023", "attack.json r--1", "APT28 uses it.")
KNOWLEDGE = Knowledge((BEAR, CLOZER, AGENT), (LINK,))
NAMES = {
    "APT28": "APT_GROUP", "Fancy Bear": "APT_GROUP", "Fancy Baer": "APT_GROUP",
    "X-Agent": "MALWARE", "CHOPSTICK": "MALWARE", "Zebrocy": "MALWARE", "CVE-2017-0262": "CVE",
    "cve-2017-0262": "CVE", "Berlin": "LOCATION",
}  # fmt: skip
TEXTS = (
    "APT28 has used X-Agent and Zebrocy. It exploited CVE-2017-0262.\n",
    "Fancy Bear exploited cve-2017-0262 in Berlin. CHOPSTICK was seen.\n",
    "Berlin is a city. Zebrocy is not new.\n",
    "'}) DETACH DELETE n // was seen beside Zebrocy.\n",
)


class WordRecogniser:
    """Knows names by heart; a hostile text is a name as well."""

    pattern = re.compile("|".join(map(re.escape, [*NAMES, "'}) DETACH DELETE n //"])))

    def recognise(self, texts):
        return [
            [
                Entity(m.start(), m.end(), NAMES.get(m[0], "MALWARE"), m[0], 0.9)
                for m in self.pattern.finditer(text)
            ]
            for text in texts
        ]

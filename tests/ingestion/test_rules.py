"""Marks of rules as entities: of the type of the source that won, or none where that is open."""

from __future__ import annotations

import pytest

from ossamma.ingestion.rules import RuleRecogniser
from ossamma.schema.spans import Annotation
from tests.graph.cyber import HIERARCHY

TYPES = {"lexicon:attack-tools": ("TOOL",), "lexicon:misp-tools": ("MALWARE", "TOOL")}


class Marked:
    """A labeller that sets one mark."""

    def __init__(self, labels, origin):
        self._mark = Annotation(0, 6, labels, origin, 0.7)

    def label(self, text):
        return [self._mark]


@pytest.mark.parametrize(
    ("labels", "origin", "expected"),
    [
        (("MALWARE", "TOOL"), "lexicon:attack-tools", ["TOOL"]),
        (("MALWARE", "TOOL"), "lexicon:misp-tools", ["MALWARE"]),
        (("MALWARE", "TOOL"), "pattern:software-id", ["MALWARE"]),
        (("MALWARE",), "lexicon:attack-tools", ["MALWARE"]),
        (("APT_GROUP", "MALWARE"), "lexicon:attack-groups", []),
    ],
)
def test_the_type_is_that_of_the_source_that_won(labels, origin, expected):
    recogniser = RuleRecogniser(Marked(labels, origin), HIERARCHY, TYPES)
    [entities] = recogniser.recognise(["Rubeus was run."])
    assert [one.label for one in entities] == expected
    assert all((one.text, one.origin) == ("Rubeus", origin) for one in entities)

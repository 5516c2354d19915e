"""Patterns state relations: each in a sentence of its own, and none where words deny or differ."""

from __future__ import annotations

import re

import pytest

from ossamma.graph.statements_in_text import PATTERNS, Named, stated

MARK = re.compile(r"\[(\w+) ([^\]]+)\]")


def read(marked):
    """Return the text and mentions of `[Label name]` marks."""
    text, named = "", []
    last = 0
    for mark in MARK.finditer(marked):
        text += marked[last : mark.start()]
        named.append(Named(len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        last = mark.end()
    return text + marked[last:], named


def found(marked):
    text, named = read(marked)
    return [
        (text[named[s.source].start : named[s.source].stop], s.type.value,
         text[named[s.target].start : named[s.target].stop])
        for s in stated(text, named)
    ]  # fmt: skip


STATED = {
    "uses": ("[ThreatActor A] has used the [Malware B].", ("A", "USES", "B")),
    "used-by": ("[Software B] was used by [ThreatActor A].", ("A", "USES", "B")),
    "targets": ("[ThreatActor A] targeted organizations in [Location B].", ("A", "TARGETS", "B")),
    "targeted-by": ("[Organization B] was targeted by [Malware A].", ("A", "TARGETS", "B")),
    "exploits": ("[Malware A] exploits the vulnerability [Vulnerability B].",
                 ("A", "EXPLOITS", "B")),
    "exploited-by": ("[Vulnerability B] was exploited by [ThreatActor A].",
                     ("A", "EXPLOITS", "B")),
    "mitigates": ("[Control A] can mitigate [AttackPattern B].", ("A", "MITIGATES", "B")),
    "affects": ("[Vulnerability A] affects [Software B].", ("A", "AFFECTS", "B")),
    "attributed-to": ("[Malware A] has been attributed to [ThreatActor B].",
                      ("A", "ATTRIBUTED_TO", "B")),
    "indicates": ("[Indicator A] is a hash of [Malware B].", ("A", "INDICATES", "B")),
}  # fmt: skip


@pytest.mark.parametrize("pattern", [pattern.name for pattern in PATTERNS])
def test_every_pattern_has_a_sentence(pattern):
    marked, expected = STATED[pattern]
    text, named = read(marked)
    assert [one.pattern for one in stated(text, named)] == [pattern]
    assert found(marked) == [expected]


@pytest.mark.parametrize(
    "marked",
    [
        "[ThreatActor A] and [Malware B] were in the news.",
        "[ThreatActor A] has not used [Malware B].",
        "[ThreatActor A] never used [Malware B].",
        "[ThreatActor A] used nothing of the kind, unlike [Malware B].",
        "[Malware A]. Used [Malware B].",
        "[Location A] targeted [Location B].",
        "[Vulnerability A] was not exploited by [ThreatActor B].",
        "[ThreatActor A] used " + "a " * 60 + "[Malware B].",
        "[ThreatActor A] [Malware B]",
    ],
)
def test_nearness_and_denial_state_nothing(marked):
    assert found(marked) == []


def test_a_list_goes_on_until_something_else_comes():
    marked = "[ThreatActor A] used [Malware B], [Malware C] and [Malware D] against [Malware E]."
    assert found(marked) == [("A", "USES", name) for name in "BCD"]

"""A sample of a graph's mentions and merges, for a person to judge one by one.

What is drawn depends on the seed and on the keys alone: neither on the order of writing, nor on
the store. Mentions and merges are drawn evenly. Of a rule for merges that is too rare to be judged
by that, more are drawn; they are marked, and count for their rule only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final, TypeVar

from ossamma.data.sentences import sentences_of
from ossamma.graph.keys import content_key
from ossamma.graph.recording import FOUND
from ossamma.graph.store import GraphStore
from ossamma.graph.values import DocumentNode, Edge, EdgeType, EntityNode, Mention
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

MENTION: Final = "mention"
MERGE: Final = "merge"
EVENLY: Final = "evenly"
RARE: Final = "rare"
_LETTERS: Final = re.compile(r"^[0-9.]+ of the letters of .*", re.DOTALL)
_T = TypeVar("_T", Mention, Edge)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleSettings:
    """How much is drawn, and by which seed."""

    mentions: int = 200
    """Mentions, evenly from all of them."""
    merges: int = 100
    """SAME_AS edges, evenly from all of them."""
    each: int = 10
    """Merges of every rule at least, as far as there are so many."""
    seed: int = 1
    """Another seed draws others."""
    context: int = 120
    """At most so many characters of the sentence on either side of a name."""

    def __post_init__(self) -> None:
        if min(self.mentions, self.merges, self.each, self.context) < 0:
            raise ConfigurationError(
                "a sample needs mentions, merges, each and context >= 0, got "
                f"{self.mentions}, {self.merges}, {self.each} and {self.context}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRow:
    """One thing to judge.

    Of a mention, `name` is its text and `context` its sentence with the name in angle quotes; of a
    merge, `name` and `other` are the two entities, and `context` is what the source says. `drawn`
    is `evenly` or `rare`. `verdict` and `note` are for who judges.
    """

    number: int
    kind: str
    drawn: str
    key: str
    type: str
    rule: str
    name: str
    other: str = ""
    context: str = ""
    source: str = ""
    verdict: str = ""
    note: str = ""


def draw(store: GraphStore, settings: SampleSettings) -> list[SampleRow]:
    """Return mentions, then merges, to be judged; fewer where the graph has fewer."""
    mentions = _drawn(store.scan(Mention), settings.mentions, settings.seed)
    rows = _mention_rows(store, mentions, settings.context)
    edges = store.edges([EdgeType.SAME_AS])
    merges = _drawn(edges, settings.merges, settings.seed)
    rare = _rare(edges, merges, settings)
    return rows + _merge_rows(store, merges, rare, len(rows))


def rule_of(reason: str) -> str:
    """Return the rule behind an edge's reason: without what differs from name to name."""
    return _LETTERS.sub("a share of the letters", reason)


def _drawn(values: Iterable[_T], count: int, seed: int) -> list[_T]:
    return nsmallest(count, values, key=lambda one: content_key("sample", str(seed), one.id))


def _rare(edges: Sequence[Edge], drawn: Sequence[Edge], settings: SampleSettings) -> list[Edge]:
    """Return more edges of the rules of which too few were drawn."""
    there = Counter(rule_of(edge.reason) for edge in drawn)
    known = {edge.id for edge in drawn}
    found: list[Edge] = []
    for rule in sorted({rule_of(edge.reason) for edge in edges}):
        others = [e for e in edges if rule_of(e.reason) == rule and e.id not in known]
        found += _drawn(others, max(0, settings.each - there[rule]), settings.seed)
    return found


def _mention_rows(store: GraphStore, mentions: Sequence[Mention], around: int) -> list[SampleRow]:
    documents = {one.id: one for one in store.fetch(DocumentNode, {m.document for m in mentions})}
    edges = store.edges([EdgeType.FOUND_IN], touching=[one.id for one in mentions])
    rules = {edge.source: edge.reason for edge in edges if edge.reason != FOUND}
    return [
        SampleRow(
            number=number,
            kind=MENTION,
            drawn=EVENLY,
            key=one.id,
            type=one.type,
            rule=rules.get(one.id, one.bundle),
            name=_line(one.text),
            context=_marked(documents[one.document].text, one, around),
            source=_named(documents[one.document]),
        )
        for number, one in enumerate(mentions, start=1)
    ]


def _marked(text: str, one: Mention, around: int) -> str:
    """Return the sentence of a mention, cut where it is long, with the name in angle quotes."""
    first = max(0, one.start - 2000)
    part = Document(id="", text=text[first : one.stop + 2000])
    spans = [(first + span.start, first + span.end) for span in sentences_of(part)]
    inside = [(a, b) for a, b in spans if a <= one.start and one.stop <= b]
    start, stop = inside[0] if inside else (one.start, one.stop)
    before = text[max(start, one.start - around) : one.start]
    after = text[one.stop : min(stop, one.stop + around)]
    left = "\u2026" if start < one.start - around else ""
    right = "\u2026" if one.stop + around < stop else ""
    return _line(f"{left}{before}\u00ab{one.text}\u00bb{after}{right}")


def _merge_rows(
    store: GraphStore, evenly: Sequence[Edge], rare: Sequence[Edge], before: int
) -> list[SampleRow]:
    edges = [*evenly, *rare]
    keys = {key for edge in edges for key in (edge.source, edge.target)}
    nodes = {one.id: one for one in store.fetch(EntityNode, keys)}
    # Of several grounds of an edge, the first by its key: the same one in every store.
    found = sorted(store.evidence([edge.id for edge in edges]), key=lambda one: one.id)
    grounds = {one.edge: one for one in reversed(found)}
    rows = []
    for number, edge in enumerate(edges, start=1):
        one, other = sorted((nodes[edge.source], nodes[edge.target]), key=lambda e: e.known)
        ground = grounds[edge.id]  # there is no SAME_AS without evidence
        rows.append(
            SampleRow(
                number=before + number,
                kind=MERGE,
                drawn=EVENLY if number <= len(evenly) else RARE,
                key=edge.id,
                type=other.label,
                rule=rule_of(edge.reason),
                name=_shown(one),
                other=_shown(other),
                context=_line(f"{edge.reason}: {ground.quote}".removesuffix(": ")),
                source=ground.source or ground.document,
            )
        )
    return rows


def _shown(entity: EntityNode) -> str:
    return _line(f"{entity.name} ({entity.label}, {entity.identity})")


def _named(document: DocumentNode) -> str:
    return document.names[0] if document.names else document.id


def _line(text: str) -> str:
    return " ".join(text.split())

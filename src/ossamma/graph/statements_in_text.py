"""Relations that a sentence states in so many words: explicit patterns, never mere nearness.

A pattern is what stands between two mentions, all of it: `APT28 has used X-Agent` says USES, and
`APT28 has not used X-Agent` matches nothing, nor does a verb that is further away. A list goes on:
`APT28 used X-Agent, Zebrocy and Mimikatz` says it three times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ossamma.graph.values import EdgeType

STATED_SCORE: Final = 0.85
"""How sure it is that a pattern's words mean its relation."""


@dataclass(frozen=True, slots=True)
class Named:
    """A mention in a sentence, as far as patterns look: its place and its graph label."""

    start: int
    stop: int
    label: str


@dataclass(frozen=True, slots=True)
class Stated:
    """A relation from mention number `source` to number `target`, by the pattern of this name."""

    type: EdgeType
    source: int
    target: int
    pattern: str


@dataclass(frozen=True, slots=True)
class StatementPattern:
    """Words between a mention of `first` and one of `second` that state a relation.

    `backwards`: the second is the source (`CVE-1 was exploited by APT28`).
    """

    name: str
    type: EdgeType
    first: frozenset[str]
    words: re.Pattern[str]
    second: frozenset[str]
    backwards: bool = False


_ACTORS: Final = frozenset({"ThreatActor", "Campaign"})
_ATTACKERS: Final = _ACTORS | {"Malware"}
_MEANS: Final = frozenset({"Malware", "Software"})
_HOLES: Final = frozenset({"Vulnerability"})
_VICTIMS: Final = frozenset({"Organization", "Location", "Asset"})
_INDICATORS: Final = frozenset({"Indicator"})
_START: Final = r"\)? ?(?:group |actors? |malware |ransomware |backdoor )?"
_AUXILIARY: Final = r"(?:(?:has|have|had|is|are|was|were) (?:also |been |previously )?)?"
_ARTICLE: Final = r"(?: the| a| an| its| their)?"
_KIND: Final = (
    r"(?: (?:custom |new |known |publicly available |open[- ]source )?"
    r"(?:malware|backdoor|ransomware|tool|trojan|utility|vulnerability|flaw|loader|implant)"
    r"(?: family| called| named| known as)?)?"
)


def _words(verbs: str, after: str = "") -> re.Pattern[str]:
    return re.compile(
        f"{_START}{_AUXILIARY}(?:{verbs}){_ARTICLE}{_KIND}{after} ?[\\u201c\"'(]?", re.IGNORECASE
    )


def _pattern(  # noqa: PLR0913  a table's columns
    name: str, kind: EdgeType, first: frozenset[str], words: str, second: frozenset[str], *,
    backwards: bool = False, after: str = "",
) -> StatementPattern:  # fmt: skip
    return StatementPattern(name, kind, first, _words(words, after), second, backwards)


_USED: Final = (
    r"used|uses|using|use|deployed|deploys|deploying|leveraged|leverages|leveraging|dropped|drops|"
    r"installed|installs|delivered|delivers|distributed|distributes|employed|employs"
)
_HIT: Final = r"targeted|targets|targeting|attacked|attacks|compromised|compromises"
_AT: Final = (
    r"(?: (?:organi[sz]ations|companies|entities|users|victims|government(?:s| agencies)?|"
    r"institutions)(?: in| across)?)?"
)
PATTERNS: Final = (
    _pattern("uses", EdgeType.USES, _ATTACKERS, _USED, _MEANS),
    _pattern("used-by", EdgeType.USES, _MEANS, r"(?:used|deployed|operated|leveraged) by", _ACTORS,
             backwards=True),
    _pattern("targets", EdgeType.TARGETS, _ATTACKERS, _HIT, _VICTIMS, after=_AT),
    _pattern("targeted-by", EdgeType.TARGETS, _VICTIMS, r"(?:targeted|attacked|compromised) by",
             _ATTACKERS, backwards=True),
    _pattern("exploits", EdgeType.EXPLOITS, _ATTACKERS, r"exploited|exploits|exploiting", _HOLES),
    _pattern("exploited-by", EdgeType.EXPLOITS, _HOLES, r"exploited by", _ATTACKERS,
             backwards=True),
    _pattern("mitigates", EdgeType.MITIGATES, frozenset({"Control"}),
             r"mitigates|prevents|can mitigate|can prevent", frozenset({"AttackPattern"})),
    _pattern("affects", EdgeType.AFFECTS, _HOLES, r"affects|affected|affecting",
             frozenset({"Software"})),
    _pattern("attributed-to", EdgeType.ATTRIBUTED_TO, _MEANS | {"Campaign"},
             r"attributed to|the work of", frozenset({"ThreatActor"})),
    _pattern("indicates", EdgeType.INDICATES, _INDICATORS,
             r"(?:a |an )?(?:indicator|hash|c2(?: server| domain)?|sample) (?:of|for)", _MEANS),
)  # fmt: skip
"""Every pattern there is. Each has a sentence that matches it, and some that do not, in tests."""
_ALSO: Final = re.compile(r" ?(?:,|, and|, or|and|or|, as well as|as well as|&) ?(?:the )?")
_MOST_BETWEEN: Final = 90


def stated(text: str, named: Sequence[Named]) -> Iterator[Stated]:
    """Yield the relations that a sentence states between its mentions (in order, disjoint)."""
    for number in range(len(named) - 1):
        words = _between(text, named, number)
        for pattern in PATTERNS:
            one, other = named[number], named[number + 1]
            if (
                one.label in pattern.first
                and other.label in pattern.second
                and pattern.words.fullmatch(words)
            ):
                yield from _along(text, named, number, pattern)


def _along(
    text: str, named: Sequence[Named], number: int, pattern: StatementPattern
) -> Iterator[Stated]:
    """Yield the relation to the next mention, and to those that a list puts beside it."""
    for other in range(number + 1, len(named)):
        ends = (other, number) if pattern.backwards else (number, other)
        yield Stated(pattern.type, *ends, pattern.name)
        following = named[other + 1] if other + 1 < len(named) else None
        if following is None or following.label not in pattern.second:
            return
        if not _ALSO.fullmatch(_between(text, named, other)):
            return


def _between(text: str, named: Sequence[Named], number: int) -> str:
    words = text[named[number].stop : named[number + 1].start]
    if len(words) > _MOST_BETWEEN:
        return "\0"
    return re.sub(r"\s+", " ", words).replace(" ,", ",").lstrip(" ")

"""Patterns: identifiers and indicators by their form, in time linear in the text.

A regular expression here has only bounded repeats, so that what it costs at one place has a limit
that does not depend on the text. Most of them are not even tried at most places. A pattern of
scope `text` is skipped where none of its `gates` (literals) stands in the document. A pattern of
scope `token` is tried only inside of tokens that have something of an address, a path or a hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ossamma.data.autolabel.bounded import unbounded
from ossamma.data.autolabel.checks import CHECKS, is_below, last_part
from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.folding import is_word_character, lower
from ossamma.data.autolabel.marks import Mark
from ossamma.schema.errors import ConfigurationError

_ANCHOR: Final = re.compile(
    # ".com", "[.]4", "1.2.": a dot before a letter, a bracket, or a number that goes on.
    r"\.(?:[a-z\])}]|[0-9]{1,3}[a-z.\[({\\])|@"
    r"|:(?:[a-z/\\]|[0-9a-f]{0,4}:)|\[(?:dot|at|:)|\((?:dot|at)|\{(?:dot|at)"
)
"""What the tokens have in which patterns of scope `token` are tried, besides long hex numbers."""
_HEX_DIGITS: Final = b"0123456789abcdef"
_HEX: Final = bytes(ord("h") if code in _HEX_DIGITS else ord(".") for code in range(256))
_SHORTEST_HASH: Final = b"h" * 32
_SPACE: Final = re.compile(r"\s")


class Scope(StrEnum):
    """Where a pattern is tried."""

    TEXT = "text"
    """In the whole text, which may include spaces."""
    TOKEN = "token"  # noqa: S105 - a token of text, no secret
    """Inside of tokens without spaces that have a dot, a colon, an @ (or what stands for it) or a
    long hexadecimal number inside. A match must not be found elsewhere; it has no spaces."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A form of text that has a type.

    A group `host` in the expression, where there is one, is what `endings` looks at.
    """

    name: str
    """Goes into the origin of its marks: `pattern:<name>`."""
    regex: str
    """A regular expression with bounded repeats. Unless `exact`, it sees the text in lower case."""
    labels: tuple[str, ...]
    """Candidate types, sorted."""
    confidence: float = 1.0
    """Probability that a mark is right, in (0, 1]."""
    priority: int = 0
    """Decides between marks of equal length; the higher wins."""
    exact: bool = False
    """Whether the case of letters matters."""
    scope: Scope = Scope.TEXT
    """Where it is tried."""
    gates: tuple[str, ...] = ()
    """In lower case; a text (or token) without any of these cannot match. Empty: always tried."""
    checks: tuple[str, ...] = ()
    """Names of checks (see `checks.CHECKS`) that a match must pass."""
    min_length: int = 1
    """What is shorter than this is not tried."""
    endings: frozenset[str] = frozenset()
    """If any: what may follow the last dot (top-level domains, endings of files)."""
    publishers: frozenset[str] = frozenset()
    """Hosts that publish reports: addresses of theirs, and of what is below them, are no marks,
    unless they were made harmless."""
    trim: str = ""
    """Characters that are no part of a match at its end, such as the full stop of a sentence."""
    stop: frozenset[str] = frozenset()
    """Matches, in lower case, that are no marks."""
    need: Context | None = None
    """Words one of which must stand near."""
    avoid: Context | None = None
    """Words none of which may stand near."""
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.confidence <= 1.0:
            raise ConfigurationError(
                f"pattern {self.name!r}: the confidence must lie in (0, 1], got {self.confidence}"
            )
        if not self.labels or list(self.labels) != sorted(set(self.labels)):
            raise ConfigurationError(
                f"pattern {self.name!r}: types must be sorted, unique and at least one, got "
                f"{self.labels}"
            )
        unknown = [name for name in self.checks if name not in CHECKS]
        if unknown:
            raise ConfigurationError(
                f"pattern {self.name!r}: no check {unknown[0]!r}; there are {', '.join(CHECKS)}"
            )
        if fault := unbounded(self.regex):
            raise ConfigurationError(f"pattern {self.name!r}: {fault} in {self.regex!r}")
        try:
            compiled = re.compile(self.regex)
        except re.error as error:
            raise ConfigurationError(
                f"pattern {self.name!r}: not a regular expression ({error}): {self.regex!r}"
            ) from None
        if compiled.match(""):
            raise ConfigurationError(f"pattern {self.name!r} matches nothing at all")
        object.__setattr__(self, "compiled", compiled)

    @property
    def origin(self) -> str:
        """The origin of its marks."""
        return f"pattern:{self.name}"

    def marks(self, text: str, lowered: str, start: int, end: int) -> list[Mark]:
        """Return the marks in text[start:end]."""
        if end - start < self.min_length:
            return []
        seen = text if self.exact else lowered
        # Nearly always there is none, and a plain search is what says so the soonest.
        first = self.compiled.search(seen, start, end)
        return [] if first is None else list(self._marks(text, lowered, first.start(), end))

    def _marks(self, text: str, lowered: str, start: int, end: int) -> Iterator[Mark]:
        for match in self.compiled.finditer(text if self.exact else lowered, start, end):
            written = match[0].rstrip(self.trim) if self.trim else match[0]
            here = match.start(), match.start() + len(written)
            if written and self._accepts(match, text, lowered, here):
                yield Mark(*here, self.labels, self.origin, self.confidence, self.priority)

    def _accepts(
        self, match: re.Match[str], text: str, lowered: str, here: tuple[int, int]
    ) -> bool:
        start, end = here
        written = text[start:end]
        return (
            _stands_alone(text, start, end)
            and lowered[start:end] not in self.stop
            and (not self.endings or last_part(self._host(match, written)) in self.endings)
            and not is_below(written, self.publishers)
            and all(CHECKS[name](written) for name in self.checks)
            and (self.need is None or self.need.holds(lowered, start, end))
            and not (self.avoid is not None and self.avoid.holds(lowered, start, end))
        )

    def _host(self, match: re.Match[str], written: str) -> str:
        return match["host"] if "host" in self.compiled.groupindex else written


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no word goes on over an end of the range."""
    begins = start == 0 or not (
        is_word_character(text[start - 1]) and is_word_character(text[start])
    )
    ends = end == len(text) or not (
        is_word_character(text[end - 1]) and is_word_character(text[end])
    )
    return begins and ends


class PatternFinder:
    """Finds the marks of many patterns, trying each only where it can match."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._of_text = _by_gates(p for p in patterns if p.scope is Scope.TEXT)
        self._of_token = _by_gates(p for p in patterns if p.scope is Scope.TOKEN)

    def find(self, text: str) -> list[Mark]:
        """Return the marks of all patterns, overlapping ones too, in no particular order."""
        lowered = lower(text)
        marks: list[Mark] = []
        for pattern in _open(self._of_text, lowered):
            marks += pattern.marks(text, lowered, 0, len(text))
        for start, end in tokens(lowered) if self._of_token else ():
            for pattern in _open(self._of_token, lowered[start:end]):
                marks += pattern.marks(text, lowered, start, end)
        return marks

    def find_slowly(self, text: str) -> list[Mark]:
        """Do what `find` does, by trying every pattern everywhere."""
        lowered = lower(text)
        return [
            mark
            for pattern in self._patterns
            for mark in pattern.marks(text, lowered, 0, len(text))
        ]


def _by_gates(patterns: Iterable[Pattern]) -> dict[tuple[str, ...], list[Pattern]]:
    groups: dict[tuple[str, ...], list[Pattern]] = {}
    for pattern in patterns:
        groups.setdefault(pattern.gates, []).append(pattern)
    return groups


def _open(groups: Mapping[tuple[str, ...], list[Pattern]], lowered: str) -> list[Pattern]:
    """Return the patterns one of whose gates stands in a text in lower case."""
    passed: list[Pattern] = []
    for gates, patterns in groups.items():
        if not gates:
            passed += patterns
        else:
            for gate in gates:  # a call of `any` takes three times as long
                if gate in lowered:
                    passed += patterns
                    break
    return passed


def tokens(lowered: str) -> list[tuple[int, int]]:
    """Return the ranges between spaces in which there is an anchor or a long hex number."""
    places = [match.start() for match in _ANCHOR.finditer(lowered)]
    hexes = list(_hex_numbers(lowered))
    if hexes:
        places = sorted(places + hexes)
    found: list[tuple[int, int]] = []
    end = 0
    for place in places:
        if place < end:
            continue
        start = place
        while start > end and not lowered[start - 1].isspace():
            start -= 1
        space = _SPACE.search(lowered, place)
        end = space.start() if space else len(lowered)
        found.append((start, end))
    return found


def _hex_numbers(lowered: str) -> Iterator[int]:
    """Yield a place in each run of at least 32 hexadecimal digits."""
    # One byte for each character, whatever it is: places stay the same.
    shape = lowered.encode("latin-1", "replace").translate(_HEX)
    place = shape.find(_SHORTEST_HASH)
    while place >= 0:
        yield place
        run_end = shape.find(b".", place)
        place = shape.find(_SHORTEST_HASH, run_end) if run_end >= 0 else -1

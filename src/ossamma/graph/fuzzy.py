"""Names that are nearly those of known things: other letters, other joints, other generic words."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz, process

from ossamma.graph.identity import letters_of, normal_name
from ossamma.graph.knowledge import Knowledge
from ossamma.schema.errors import ConfigurationError

_GENERIC: Final = frozenset(
    {
        "group", "team", "gang", "apt", "actor", "actors", "threat", "hackers", "crew", "the",
        "malware", "ransomware", "trojan", "backdoor", "botnet", "rat", "worm", "stealer",
        "loader", "downloader", "dropper", "wiper", "bot", "family", "tool", "toolkit",
        "rootkit", "spyware", "operation", "campaign", "implant",
    }
)  # fmt: skip
_NUMBER: Final = re.compile(r"[0-9]+")
_REMEMBERED: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzySettings:
    """When two names are near enough. Shares of letters in common, in [0, 1]."""

    certain: float = 0.93
    """So near, names are the same without more."""
    likely: float = 0.84
    """So near, they are if the document also names the thing otherwise, or one related to it."""
    min_letters: int = 6
    """Shorter names are only compared whole: one letter makes another name of them."""
    margin: float = 0.03
    """How much nearer than the next thing the nearest must be."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.likely <= self.certain <= 1.0 or self.margin < 0.0:
            raise ConfigurationError(
                "fuzzy matching needs 0.5 <= likely <= certain <= 1 and margin >= 0, got "
                f"{self.likely}, {self.certain} and {self.margin}"
            )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that a name may mean, how sure that is, and why."""

    thing: str
    score: float
    reason: str
    needs_context: bool = False


class FuzzyNames:
    """Finds known things by names that are not quite theirs, under their own graph label alone.

    Malware is often called after the software that it poses as: Outlook is no Outlook backdoor.
    """

    def __init__(self, knowledge: Knowledge, settings: FuzzySettings | None = None) -> None:
        self._settings = settings or FuzzySettings()
        self._names: dict[str, dict[str, set[str]]] = {}
        self._letters: dict[str, dict[str, set[str]]] = {}
        self._cores: dict[str, dict[str, set[str]]] = {}
        for label in sorted({entry.label for entry in knowledge.entries}):
            names, letters, cores = (defaultdict[str, set[str]](set) for _ in range(3))
            for name, thing in knowledge.names(label):
                names[name].add(thing)
                letters[letters_of(name)].add(thing)
                cores[core_of(name)].add(thing)
            self._names[label], self._letters[label], self._cores[label] = names, letters, cores
        # The same names come again and again, and each is compared with thousands.
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._candidate)

    def candidate(self, text: str, label: str) -> Candidate | None:
        """Return the one thing that a name means, or none; never one of several alike."""
        return self._remembered(text, label)

    def _candidate(self, text: str, label: str) -> Candidate | None:
        if label not in self._names:
            return None
        name = normal_name(text)
        same = self._letters[label].get(letters_of(name), set())
        if len(same) == 1 and len(letters_of(name)) > 3:
            return Candidate(next(iter(same)), 0.97, "the same letters and digits")
        core = core_of(name)
        same = self._cores[label].get(core, set())
        if len(same) == 1 and len(letters_of(core)) >= self._settings.min_letters - 1:
            return Candidate(next(iter(same)), 0.95, "the same but for a generic word")
        return None if same else self._near(name, label)

    def _near(self, name: str, label: str) -> Candidate | None:
        settings = self._settings
        if len(letters_of(name)) < settings.min_letters:
            return None
        found = process.extract(
            name,
            list(self._names[label]),
            scorer=fuzz.ratio,
            limit=12,
            score_cutoff=100 * (settings.likely - settings.margin),
        )
        nearest: dict[str, tuple[float, str]] = {}
        for other, percent, _ in found:
            if _comparable(name, other, settings):
                for thing in self._names[label][other]:
                    known = nearest.get(thing, (0.0, ""))
                    nearest[thing] = max(known, (percent / 100, other))
        ranked = sorted(nearest.items(), key=lambda item: (-item[1][0], item[0]))
        if not ranked or ranked[0][1][0] < settings.likely:
            return None
        thing, (share, other) = ranked[0]
        if len(ranked) > 1 and share - ranked[1][1][0] < settings.margin:
            return None
        reason = f"{share:.2f} of the letters of {other!r}"
        return Candidate(thing, round(0.95 * share, 4), reason, share < settings.certain)


def core_of(name: str) -> str:
    """Return a name without its generic words, as long as something is left."""
    words = normal_name(name).split()
    kept = [word for word in words if word not in _GENERIC]
    return " ".join(kept or words)


def _comparable(one: str, other: str, settings: FuzzySettings) -> bool:
    """Whether nearness can mean sameness: equal numbers, and neither name too short."""
    return (
        _NUMBER.findall(one) == _NUMBER.findall(other)
        and len(letters_of(other)) >= settings.min_letters
        and one[0] == other[0]
    )

"""Lexicons: names with their types, and where in a text they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import ahocorasick

from ossamma.data.autolabel.boundaries import BoundaryRules
from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.folding import Folded, canonical, fold, spaced
from ossamma.data.autolabel.marks import Mark
from ossamma.schema.errors import ConfigurationError

_NO_MORE: Final[Mapping[str, Sequence[Term]]] = MappingProxyType({})


class TermCase(StrEnum):
    """How the letters of a name must be written in the text."""

    EXACT = "exact"
    """As in the lexicon."""
    CAPITAL = "capital"
    """As one likes, but words that begin with a capital do so in the text: "Play", never "play"."""
    INSENSITIVE = "insensitive"
    """As one likes."""


@dataclass(frozen=True, slots=True)
class Term:
    """A name that a source knows, with its candidate types (sorted; several mean: one of these).

    `needs_context`: the name is a common word as well, and counts only beside a word of its
    source's context.
    """

    surface: str
    labels: tuple[str, ...]
    source: str
    identifier: str = ""
    case: TermCase = TermCase.INSENSITIVE
    needs_context: bool = False

    def __post_init__(self) -> None:
        if not any(map(str.isalnum, self.surface)):
            raise ConfigurationError(f"a term needs a letter or digit, got {self.surface!r}")
        if self.surface != " ".join(self.surface.split()):
            raise ConfigurationError(
                f"a term has one space between its words and none around, got {self.surface!r}"
            )
        if not self.labels or list(self.labels) != sorted(set(self.labels)):
            raise ConfigurationError(
                f"term {self.surface!r}: types must be sorted, unique and at least one, got "
                f"{self.labels}"
            )

    def fits(self, written: str) -> bool:
        """Whether a text that equals the name but for its case is written as it must be."""
        if written == self.surface:
            return True
        if self.case is TermCase.EXACT:
            return canonical(written) == canonical(self.surface)
        if self.case is TermCase.CAPITAL:
            words = zip(canonical(written).split(), canonical(self.surface).split(), strict=True)
            return all(known[0].islower() or not word[0].islower() for word, known in words)
        return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """What the terms of one source have in common."""

    name: str
    """Goes into the origin of its marks: `lexicon:<name>`."""
    confidence: float = 1.0
    """Probability that a mark of this source is right, in (0, 1]."""
    priority: int = 0
    """Decides between marks of equal length; the higher wins."""
    context: Context | None = None
    """The words beside which an ambiguous term counts. They also tell names of two types apart."""

    def __post_init__(self) -> None:
        if not 0.0 < self.confidence <= 1.0:
            raise ConfigurationError(
                f"source {self.name!r}: the confidence must lie in (0, 1], got {self.confidence}"
            )

    @property
    def origin(self) -> str:
        """The origin of its marks."""
        return f"lexicon:{self.name}"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms of several sources, and the rules for where a name may begin and end."""

    terms: tuple[Term, ...]
    sources: Mapping[str, Source]
    boundaries: BoundaryRules = field(default_factory=BoundaryRules)

    def __post_init__(self) -> None:
        for term in self.terms:
            source = self.sources.get(term.source)
            if source is None:
                raise ConfigurationError(
                    f"term {term.surface!r} is of the source {term.source!r}, which is not given "
                    f"({', '.join(sorted(self.sources))})"
                )
            if term.needs_context and source.context is None:
                raise ConfigurationError(
                    f"term {term.surface!r} needs a context, and its source {term.source!r} "
                    "has none"
                )

    @property
    def labels(self) -> frozenset[str]:
        """Every type that a mark may have."""
        return frozenset(label for term in self.terms for label in term.labels)


class TermFinder:
    """Finds all terms of a lexicon in one pass (Aho-Corasick), however many there are.

    The automaton runs over a text in which every character that is not of a word is a space, and
    its keys have a space on both sides. So it never stops inside of words, which is where most
    of the hits of short names are; everything else is looked at on the few hits.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._origins = {
            name: (source.origin, source.confidence, source.priority)
            for name, source in lexicon.sources.items()
        }
        self._automaton = ahocorasick.Automaton()
        for key, surfaces in _by_key(lexicon.terms).items():
            needed = {s: _without_beaten(terms, lexicon.sources) for s, terms in surfaces.items()}
            # Nearly every key has one surface; it gets along without a mapping of its own.
            surface, terms = next(iter(needed.items()))
            more = needed if len(needed) > 1 else _NO_MORE
            value = (len(key), _needs_capital(needed), surface, terms, more)
            self._automaton.add_word(f" {key} ", value)
        if lexicon.terms:
            self._automaton.make_automaton()

    def find(self, text: str) -> list[Mark]:
        """Return the marks of all terms, overlapping ones too, in no particular order."""
        if not self._lexicon.terms:
            return []
        folded = fold(text)
        seen, origins = folded.text, folded.origins
        marks = []
        # A key of n characters that ends at i of the padded text ends at i - 1 of the folded one.
        for last, (length, needs_capital, surface, terms, more) in self._automaton.iter(
            f" {spaced(seen)} "
        ):
            end = last - 1
            start = end - length
            if needs_capital and text[start if origins is None else origins[start]].islower():
                continue
            found = seen[start:end]
            if found != surface and (form := canonical(found)) != surface:
                terms = more.get(form, ())  # noqa: PLW2901 - the terms of another surface
            mark = self._judge(text, folded, (start, end), terms) if terms else None
            if mark:
                marks.append(mark)
        return marks

    def find_slowly(self, text: str) -> list[Mark]:
        """Do what `find` does, by looking for one term after the other."""
        folded = fold(text)
        separated = spaced(folded.text)
        marks = []
        for key, surfaces in _by_key(self._lexicon.terms).items():
            for start in _places(key, separated):
                end = start + len(key)
                for surface, terms in surfaces.items():
                    if canonical(folded.text[start:end]) == surface:
                        mark = self._judge(text, folded, (start, end), terms)
                        marks += [mark] if mark else []
        return marks

    def _judge(
        self, text: str, folded: Folded, place: tuple[int, int], terms: Sequence[Term]
    ) -> Mark | None:
        """Judge a place in the folded text at which these terms stand, case aside."""
        here = folded.original(*place)
        if here is None or not self._lexicon.boundaries.allow(text, *here):
            return None
        written = text[here[0] : here[1]]
        if len(terms) == 1 and not terms[0].needs_context:  # nearly always, and soon done
            return self._mark(*here, terms) if terms[0].fits(written) else None
        terms = [term for term in terms if term.fits(written)]
        terms = self._decide(terms, folded.text, place)
        return self._mark(*here, terms) if terms else None

    def _mark(self, start: int, end: int, terms: Sequence[Term]) -> Mark:
        """Put terms of equal priority into one mark: its type is one of theirs."""
        if len(terms) == 1:
            return Mark(start, end, terms[0].labels, *self._origins[terms[0].source])
        labels = tuple(sorted({label for term in terms for label in term.labels}))
        origins = [self._origins[term.source] for term in terms]
        origin = min(origin for origin, _, _ in origins)
        return Mark(start, end, labels, origin, max(c for _, c, _ in origins), origins[0][2])

    def _decide(self, terms: list[Term], folded: str, place: tuple[int, int]) -> list[Term]:
        """Choose among terms of one surface: by priority and context, or leave the type open."""
        sources = self._lexicon.sources
        ranked = sorted(terms, key=lambda term: -sources[term.source].priority)
        chosen: list[Term] = []
        for term in ranked:
            priority = sources[term.source].priority
            if chosen and priority < sources[chosen[0].source].priority:
                break
            if not term.needs_context or self._has_context(term, folded, *place):
                chosen.append(term)
        if len({term.labels for term in chosen}) < 2:
            return chosen
        # "the Winnti group" and "the Winnti malware": what stands beside a name tells its type.
        return [term for term in chosen if self._has_context(term, folded, *place)] or chosen

    def _has_context(self, term: Term, folded: str, start: int, end: int) -> bool:
        context = self._lexicon.sources[term.source].context
        return context is not None and context.holds(folded, start, end)


def _by_key(terms: Iterable[Term]) -> dict[str, dict[str, list[Term]]]:
    """Group terms by what the automaton sees of them, then by their surface in one form."""
    groups: dict[str, dict[str, list[Term]]] = {}
    for term in terms:
        surface = canonical(fold(term.surface).text)
        groups.setdefault(spaced(surface), {}).setdefault(surface, []).append(term)
    return groups


def _without_beaten(terms: Sequence[Term], sources: Mapping[str, Source]) -> tuple[Term, ...]:
    """Leave out terms that can never be chosen: another one of higher priority always fits too."""

    def beats(one: Term, other: Term) -> bool:
        return (
            sources[one.source].priority > sources[other.source].priority
            and not one.needs_context
            and (
                one.case is TermCase.INSENSITIVE
                or (one.case, one.surface) == (other.case, other.surface)
            )
        )

    return tuple(term for term in terms if not any(beats(other, term) for other in terms))


def _needs_capital(surfaces: Mapping[str, Sequence[Term]]) -> bool:
    """Whether none of these terms stands where the text begins without a capital.

    That is so for most names, and of most places at which a common word looks like a name.
    """
    return all(
        term.case is not TermCase.INSENSITIVE and not term.surface[0].islower()
        for terms in surfaces.values()
        for term in terms
    )


def _places(key: str, text: str) -> Iterator[int]:
    """Yield where a key stands in a text, overlapping places too."""
    start = text.find(key)
    while start >= 0:
        yield start
        start = text.find(key, start + 1)

"""What is known beforehand: named things with their other names, and how they are related.

Several sources know the same thing (ATT&CK's APT28 and a MISP cluster of that name). Entries of
two sources are one *thing* where the main name of the one is a name of the other, and no other
entry of that source has it. A main name that is a common word is not enough: they must share a
second one. Two identifiers of ATT&CK are never one thing, whatever a third source says: equal main
names are followed first, and what would bring two together after that is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from ossamma.graph.identity import normal_name
from ossamma.graph.values import EdgeType, EntityNode

COMPATIBLE: Final = (frozenset({"Malware", "Software"}),)
"""Graph labels that recognisers and sources confuse: a tool of an attacker is both."""
_CONFUSED: Final = frozenset({"MALWARE", "TOOL"})
"""The types in them that are: other software of some malware's name is not that malware."""
_UNIQUE: Final = frozenset({"attack", "capec", "cve"})
"""Schemes each of whose identifiers is a thing of its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says of one thing. `identifier` is unique: `attack:G0007`."""

    identifier: str
    label: str
    type: str
    name: str
    aliases: tuple[str, ...] = ()
    source: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the main one first."""
        return (self.name, *self.aliases)

    def node(self) -> EntityNode:
        """Return the entity of this entry, under its main name."""
        return EntityNode(
            self.label,
            self.identifier,
            names=(self.name,),
            types=(self.type,),
            identifiers=(self.identifier,),
            known=True,
        )


@dataclass(frozen=True, slots=True)
class Relation:
    """A statement of a source that two entries are related, by their identifiers."""

    type: EdgeType
    source: str
    target: str
    statement: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Entries and relations, with look-up by name; the same input gives the same keys."""

    entries: tuple[Entry, ...] = ()
    relations: tuple[Relation, ...] = ()
    ordinary: frozenset[str] = frozenset()
    """Common words, folded, that are also names."""
    _things: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _by_thing: Mapping[str, tuple[Entry, ...]] = field(init=False, repr=False, compare=False)
    _by_name: Mapping[tuple[str, str], tuple[str, ...]] = field(
        init=False, repr=False, compare=False
    )
    _neighbours: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        things = _things(self.entries, self.ordinary)
        by_thing: dict[str, list[Entry]] = defaultdict(list)
        by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
        by_main: dict[tuple[str, str], set[str]] = defaultdict(set)
        for entry in self.entries:
            thing = things[entry.identifier]
            by_thing[thing].append(entry)
            for name in entry.names:
                by_name[entry.label, normal_name(name)].add(thing)
            by_main[entry.label, normal_name(entry.name)].add(thing)
        # Who is called so first of all is meant, and not another of whom it is one name of many.
        by_name.update({key: having for key, having in by_main.items() if len(having) == 1})
        near: dict[str, set[str]] = defaultdict(set)
        for relation in self.relations:
            ends = [things.get(key, "") for key in (relation.source, relation.target)]
            if all(ends):
                near[ends[0]].add(ends[1])
                near[ends[1]].add(ends[0])
        object.__setattr__(self, "_things", things)
        object.__setattr__(self, "_by_thing", {key: tuple(v) for key, v in by_thing.items()})
        found = {key: tuple(sorted(names)) for key, names in by_name.items()}
        object.__setattr__(self, "_by_name", found)
        object.__setattr__(self, "_neighbours", {k: frozenset(v) for k, v in near.items()})

    def thing(self, identifier: str) -> str | None:
        """Return the thing that an identifier names, as the identifier of its first entry."""
        return self._things.get(identifier)

    def entries_of(self, thing: str) -> tuple[Entry, ...]:
        """Return what the sources say of a thing."""
        return self._by_thing.get(thing, ())

    def things_named(self, name: str, label: str, types: Collection[str] = ()) -> tuple[str, ...]:
        """Return the things of a graph label that have this name; several: it is ambiguous.

        Where there is none, those of a compatible label, if what was named is of a type that is
        confused with theirs.
        """
        key = normal_name(name)
        own = self._by_name.get((label, key), ())
        if own or _CONFUSED.isdisjoint(types):
            return own
        others = {thing for other in compatible(label) for thing in self._by_name.get(
            (other, key), ())}  # fmt: skip
        return tuple(sorted(others))

    def neighbours(self, thing: str) -> frozenset[str]:
        """Return the things that a relation joins to this one."""
        return self._neighbours.get(thing, frozenset())

    def names(self, label: str) -> Iterator[tuple[str, str]]:
        """Yield (name, thing) of a graph label, in order."""
        for (of, name), things in sorted(self._by_name.items()):
            if of == label:
                for thing in things:
                    yield name, thing


def compatible(label: str) -> frozenset[str]:
    """Return the labels that are confused with this one."""
    return frozenset(other for group in COMPATIBLE if label in group for other in group - {label})


def _things(entries: Iterable[Entry], ordinary: Set[str]) -> dict[str, str]:
    """Return for each identifier the first identifier of its thing."""
    ordered = tuple(entries)
    parents = {entry.identifier: entry.identifier for entry in ordered}
    unique = {key for key in parents if _is_unique(key)}
    names = {entry.identifier: frozenset(map(normal_name, entry.names)) for entry in ordered}
    for one, other, name in _links(ordered):
        shared = names[one] & names[other]
        if name not in ordinary or len(shared) > 1:
            _unite(parents, unique, (one, other))
    first: dict[str, str] = {}
    for entry in ordered:
        first.setdefault(_root(parents, entry.identifier), entry.identifier)
    return {entry.identifier: first[_root(parents, entry.identifier)] for entry in ordered}


def _links(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    """Return pairs of entries one of which has the other's main name; equal main names first."""
    owners: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        sources[entry.label].add(entry.source)
        for name in map(normal_name, entry.names):
            owners[entry.label, entry.source, name].add(entry.identifier)
    main = {entry.identifier: normal_name(entry.name) for entry in entries}
    called: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if _is_unique(entry.identifier):
            called[entry.label, main[entry.identifier]].add(entry.identifier)
    links = []
    for place, entry in enumerate(entries):
        name = main[entry.identifier]
        of_label = [owners.get((entry.label, source, name), set())
                    for source in sorted(sources[entry.label])]  # fmt: skip
        # Where a source gives the name to several, it cannot say whose it is.
        if all(len(having) <= 1 for having in of_label):
            links += [
                (main[other] != name, place, entry.identifier, other, name)
                for having in of_label
                for other in having - {entry.identifier}
                # Who is called as a thing of its own is called is not another such thing.
                if called[entry.label, main[other]] <= {entry.identifier, other}
                and called[entry.label, name] <= {entry.identifier, other}
            ]
    return [(one, other, name) for _, _, one, other, name in sorted(links)]


def _root(parents: dict[str, str], key: str) -> str:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _is_unique(identifier: str) -> bool:
    return identifier.partition(":")[0] in _UNIQUE


def _unite(parents: dict[str, str], unique: set[str], pair: tuple[str, str]) -> None:
    """Make one thing of two, unless each has an identifier that is a thing of its own."""
    one, other = sorted(_root(parents, key) for key in pair)
    if one == other or (one in unique and other in unique):
        return
    parents[other] = one
    if other in unique:
        unique.add(one)

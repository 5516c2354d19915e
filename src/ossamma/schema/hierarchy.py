"""The hierarchy of a profile: graph labels above the types, fine types below, named roll-ups.

    super label (a node label of the graph)  ThreatActor
      active type (what a tagger predicts)     APT_GROUP
        fine type (what a lexicon may know)      INTRUSION_SET

It is a tree: a fine type has one active type and that has one graph label, so that knowing a
mention's fine type never changes the node it belongs to. A roll-up is a named set of active types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ossamma.schema.errors import ProfileError
from ossamma.schema.near_names import near


class GraphNode(NamedTuple):
    """How a type stands in the graph: a node label, and the property whose value tells it apart."""

    label: str
    property: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FineType:
    """A type finer than the tagger predicts.

    `value` tells it apart among the nodes of its graph label. `category` and `tier` are where the
    source's list has it; `tier` counts from 1.
    """

    name: str
    active: str
    value: str
    category: str
    tier: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RollUp:
    """A named node over several active types, such as a gate may ask for."""

    name: str
    description: str
    types: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hierarchy:
    """Graph labels over active types over fine types, with roll-ups and former names.

    `properties` gives each graph label the name of its property, `super_labels` each active type
    its graph label. `merged` gives a name that is no type of its own the type that it means. All
    names together are unique, but for a fine type that is called like its own active type.
    """

    properties: Mapping[str, str]
    super_labels: Mapping[str, str]
    fine: tuple[FineType, ...]
    roll_ups: tuple[RollUp, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    _fine: Mapping[str, FineType] = field(init=False, repr=False, compare=False)
    _nodes: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fine: dict[str, FineType] = {}
        for one in self.fine:
            if one.name in fine:
                raise ProfileError(f"the fine type {one.name!r} is given twice")
            fine[one.name] = one
        self._check_fine()
        self._check_labels()
        self._check_names()
        object.__setattr__(self, "_fine", fine)
        object.__setattr__(self, "_nodes", self._index())

    def _check_fine(self) -> None:
        for one in self.fine:
            self._expect_type(one.active, f"fine type {one.name!r}")
            if one.name in self.super_labels and one.name != one.active:
                raise ProfileError(
                    f"the fine type {one.name!r} is called like an active type and must stand "
                    f"below it, got {one.active!r}"
                )

    def _check_labels(self) -> None:
        for name, label in self.super_labels.items():
            if label not in self.properties:
                raise ProfileError(
                    f"active type {name!r}: expected a graph label "
                    f"({', '.join(self.properties)}), got {label!r}" + near(label, self.properties)
                )
        for label in self.properties:
            if label not in self.super_labels.values():
                raise ProfileError(f"the graph label {label!r} has no active type below it")

    def _check_names(self) -> None:
        for roll_up in self.roll_ups:
            if not roll_up.types:
                raise ProfileError(f"the roll-up {roll_up.name!r} has no type below it")
            for name in sorted(roll_up.types):
                self._expect_type(name, f"roll-up {roll_up.name!r}")
        for former, name in self.merged.items():
            self._expect_type(name, f"former name {former!r}")

    def _expect_type(self, name: str, where: str) -> None:
        if name not in self.super_labels:
            raise ProfileError(
                f"{where}: expected an active type, got {name!r}" + near(name, self.super_labels)
            )

    def _index(self) -> Mapping[str, frozenset[str]]:
        """Every node's name -> the active types below it. Raises ProfileError for a clash."""
        nodes = {name: frozenset((name,)) for name in self.super_labels}
        nodes |= {one.name: frozenset((one.active,)) for one in self.fine}
        for label in self.properties:
            below = (name for name, above in self.super_labels.items() if above == label)
            _add(nodes, label, frozenset(below), "graph label")
        for roll_up in self.roll_ups:
            _add(nodes, roll_up.name, roll_up.types, "roll-up")
        for former, name in self.merged.items():
            _add(nodes, former, frozenset((name,)), "former name")
        return nodes

    @property
    def nodes(self) -> frozenset[str]:
        """The name of every node."""
        return frozenset(self._nodes)

    def super_label(self, name: str) -> str:
        """Return the graph label of a type (active, fine or former). Raises ProfileError."""
        return self.super_labels[self.active(name)]

    def active(self, name: str) -> str:
        """Return the active type of a type (active, fine or former). Raises ProfileError."""
        if name in self.super_labels:
            return name
        if name in self.merged:
            return self.merged[name]
        if name in self._fine:
            return self._fine[name].active
        types = (*self.super_labels, *self._fine, *self.merged)
        raise ProfileError(
            f"expected a type of the hierarchy ({len(self.super_labels)} active, "
            f"{len(self._fine)} fine), got {name!r}" + near(name, types)
        )

    def fine_types(self, name: str) -> frozenset[str]:
        """Return the names of the fine types below any node; of a fine type, itself alone."""
        if name in self._fine and name not in self.super_labels:
            return frozenset((name,))
        below = self.types_below(name)
        return frozenset(one.name for one in self.fine if one.active in below)

    def fine_type(self, name: str) -> FineType:
        """Return the fine type of this name. Raises ProfileError if there is none."""
        if name not in self._fine:
            raise ProfileError(
                f"expected one of {len(self._fine)} fine types, got {name!r}"
                + near(name, self._fine)
            )
        return self._fine[name]

    def graph(self, name: str) -> GraphNode:
        """Return the node that a mention of a type (active, fine or former) belongs to.

        An active type that is no fine type as well has its own name in lower case as its value.
        Raises ProfileError for any other name.
        """
        active = self.active(name)
        label = self.super_labels[active]
        fine = self._fine.get(name) or self._fine.get(active)
        value = active.lower() if fine is None else fine.value
        return GraphNode(label, self.properties[label], value)

    def types_below(self, node: str) -> frozenset[str]:
        """Return the active types below any node: a graph label, a roll-up or a type.

        An active type is its own only type; a fine type stands for its active type, for no score
        can be finer than what the tagger predicts. Raises ProfileError for an unknown name.
        """
        if node not in self._nodes:
            raise ProfileError(
                f"the hierarchy has no node {node!r}; it has {len(self.properties)} graph labels, "
                f"{len(self.roll_ups)} roll-ups ({', '.join(r.name for r in self.roll_ups)}), "
                f"{len(self.super_labels)} active types and {len(self._fine)} fine types"
                + near(node, self._nodes)
            )
        return self._nodes[node]

    def path(self, name: str) -> tuple[str, ...]:
        """Return the way down to a type: graph label, active type, and the fine type if it is one.

        Raises ProfileError for a name that is no type.
        """
        active = self.active(name)
        way = (self.super_labels[active], active)
        return (*way, name) if name in self._fine and name != active else way

    def check_types(self, types: Iterable[str]) -> None:
        """Raise ProfileError unless the active types are exactly these types of the profile."""
        wanted = set(types)
        missing = sorted(wanted - set(self.super_labels))
        foreign = sorted(set(self.super_labels) - wanted)
        if missing:
            raise ProfileError(f"the hierarchy leaves out the types {', '.join(missing)}")
        if foreign:
            raise ProfileError(
                f"the hierarchy has active types that the profile does not: {', '.join(foreign)}"
                + near(foreign[0], wanted)
            )


def _add(nodes: dict[str, frozenset[str]], name: str, types: frozenset[str], kind: str) -> None:
    if name in nodes:
        raise ProfileError(f"the {kind} {name!r} is called like another node of the hierarchy")
    nodes[name] = types

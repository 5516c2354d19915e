"""What a graph consists of: documents, mentions, entities, edges, evidence and decisions.

Every value has a key made of what it is. Two values of one key have a join that is commutative,
associative and idempotent, so a graph does not depend on the order or number of writes:

    DocumentNode  names unite                   EntityNode  names, types, identifiers unite
    Edge          the better score with its reason stays
    Mention, Evidence, Decision                 are never changed once written
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from ossamma.graph.keys import content_key, storable, text_key
from ossamma.schema.errors import GraphError


class EdgeType(StrEnum):
    """The kinds of edges. The first three are of the record itself, the others between entities."""

    FOUND_IN = "FOUND_IN"
    """Mention to its document."""
    REFERS_TO = "REFERS_TO"
    """Mention to the entity that it names."""
    MENTIONS = "MENTIONS"
    """Document to an entity that it names."""
    SAME_AS = "SAME_AS"
    """Two entities are thought to be one. It can be taken back."""
    CO_OCCURS_WITH = "CO_OCCURS_WITH"
    """Two entities stand in one sentence, which says nothing about how they are related."""
    USES = "USES"
    TARGETS = "TARGETS"
    EXPLOITS = "EXPLOITS"
    MITIGATES = "MITIGATES"
    AFFECTS = "AFFECTS"
    ATTRIBUTED_TO = "ATTRIBUTED_TO"
    INDICATES = "INDICATES"

    @property
    def is_symmetric(self) -> bool:
        """Whether the two ends may be swapped; the smaller key is then the source."""
        return self in {EdgeType.SAME_AS, EdgeType.CO_OCCURS_WITH}

    @property
    def is_typed(self) -> bool:
        """Whether it states a relation between two entities, which needs more than nearness."""
        return self in _TYPED


_TYPED = frozenset(
    {
        EdgeType.USES,
        EdgeType.TARGETS,
        EdgeType.EXPLOITS,
        EdgeType.MITIGATES,
        EdgeType.AFFECTS,
        EdgeType.ATTRIBUTED_TO,
        EdgeType.INDICATES,
    }
)


class DecisionKind(StrEnum):
    """What a person decided about entities."""

    APART = "apart"
    """These two are never one, whatever the matching says."""
    SAME = "same"
    """These two are one."""
    SUPPRESS = "suppress"
    """This entity is no entity (a common word, say): no view shows it."""
    RESTORE = "restore"
    """It is one after all."""


def _unit(value: float, what: str) -> None:
    if not 0.0 <= value <= 1.0:  # also refuses NaN
        raise GraphError(f"{what} must lie in [0, 1], got {value}")


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


def _set_key(value: object, *parts: str) -> None:
    """Give a frozen value its key, at birth."""
    object.__setattr__(value, "id", content_key(type(value).__name__, *parts))


@dataclass(frozen=True, slots=True)
class DocumentNode:
    """A text of `length` characters, whose key is its SHA-256.

    `names` are those under which it came.
    """

    text: str
    names: tuple[str, ...] = ()
    length: int = 0
    id: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.text))
        object.__setattr__(self, "id", self.id or text_key(self.text))

    def joined(self, other: Self) -> Self:
        """Return the document under the names of both."""
        return replace(self, names=_united(self.names, other.names))


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text as a recogniser found it: never changed, never deleted.

    `document[start:stop] == text` (characters, half open). `bundle` names what found it, `time` is
    when it was first recorded (ISO 8601, UTC) and no part of the key.
    """

    document: str
    start: int
    stop: int
    text: str
    type: str
    confidence: float
    bundle: str
    time: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop or len(self.text) != self.stop - self.start:
            raise GraphError(
                f"a mention must satisfy 0 <= start < stop and have that many characters, got "
                f"[{self.start}, {self.stop}) and {self.text[:40]!r}"
            )
        _unit(self.confidence, "a mention's confidence")
        if not self.id:
            place = (self.document, str(self.start), str(self.stop))
            _set_key(self, *place, self.type, self.bundle)

    def joined(self, other: Self) -> Self:
        """Return the first: a mention is never changed."""
        del other
        return self


@dataclass(frozen=True, slots=True)
class EntityNode:
    """A thing under one name or identifier; what is one thing under several names is a view.

    `label` is one of the graph labels of the hierarchy, `identity` what makes the key with it:
    `name:<folded>` or `<scheme>:<identifier>`. `types` are the active and fine types that it was
    seen under. `known`: a knowledge file names it. `canonical` is the key that stands for all
    entities which are the same by the edges and decisions at hand; stores derive it.
    """

    label: str
    identity: str
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    known: bool = False
    canonical: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            _set_key(self, self.label, self.identity)
        if not self.canonical:
            object.__setattr__(self, "canonical", self.id)

    @property
    def name(self) -> str:
        """One of its names to show: no identifier, and with capitals, where there is such a one."""
        names = self.names or self.identifiers
        numbers = {one.partition(":")[2] for one in self.identifiers}
        if not names:
            return self.identity
        return min(names, key=lambda name: (name in numbers, name.islower(), name))

    def joined(self, other: Self) -> Self:
        """Return the entity with the names, types and identifiers of both."""
        return replace(
            self,
            names=_united(self.names, other.names),
            types=_united(self.types, other.types),
            identifiers=_united(self.identifiers, other.identifiers),
            known=self.known or other.known,
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """A link of one type between two nodes; `reason` says what gave it its `score`."""

    type: EdgeType
    source: str
    target: str
    score: float = 1.0
    reason: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        _unit(self.score, "an edge's score")
        if self.type.is_symmetric and self.source > self.target:
            source, target = self.target, self.source
            object.__setattr__(self, "source", source)
            object.__setattr__(self, "target", target)
        if self.source == self.target:
            raise GraphError(f"an edge {self.type} must join two nodes, got {self.source} twice")
        if not self.id:
            _set_key(self, self.type, self.source, self.target)

    def joined(self, other: Self) -> Self:
        """Return the one of the better score; of equal ones, the one of the greater reason."""
        return max(self, other, key=lambda edge: (edge.score, edge.reason))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an edge is there: a place in a document, or a statement of a knowledge file.

    `[start, stop)` of the document named `document` is the sentence; of a knowledge file,
    `document` is empty, `source` names file and object, and `quote` may hold what it says.
    """

    edge: str
    reason: str
    score: float
    document: str = ""
    start: int = 0
    stop: int = 0
    source: str = ""
    quote: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        _unit(self.score, "a score")
        if not self.document and not self.source:
            raise GraphError("evidence needs a document or a source, got neither")
        object.__setattr__(self, "quote", storable(self.quote))
        if not self.id:
            place = (self.document, str(self.start), str(self.stop), self.source)
            _set_key(self, self.edge, self.reason, *place)

    def joined(self, other: Self) -> Self:
        """Return the first: evidence is never changed."""
        del other
        return self


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one entity or two (`second` is empty for one).

    The last one about the same entities holds; `time` is ISO 8601 in UTC.
    """

    kind: DecisionKind
    first: str
    second: str
    time: str
    reason: str = ""
    author: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        about_two = self.kind in {DecisionKind.APART, DecisionKind.SAME}
        if about_two != bool(self.second) or self.first == self.second:
            raise GraphError(
                f"a decision {self.kind.value!r} is about {'two' if about_two else 'one'} "
                f"entities, got {self.first!r} and {self.second!r}"
            )
        if self.second and self.first > self.second:
            first, second = self.second, self.first
            object.__setattr__(self, "first", first)
            object.__setattr__(self, "second", second)
        if not self.id:
            _set_key(self, self.kind, self.first, self.second, self.time, self.reason, self.author)

    def joined(self, other: Self) -> Self:
        """Return the first: a decision is never changed."""
        del other
        return self


Node = DocumentNode | Mention | EntityNode | Evidence | Decision
"""What has a table of its own in a store."""

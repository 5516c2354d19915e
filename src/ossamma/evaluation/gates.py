"""Gates as values: what a release must reach. `gate_file` reads them, `verdicts` judges by them."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ossamma.evaluation.report_sections import SECTIONS
from ossamma.evaluation.schemes import Scheme
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.near_names import near


class Operator(StrEnum):
    """How a measured value must stand to the threshold."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="

    @property
    def wants_more(self) -> bool:
        """Whether a greater value is the better one."""
        return self in {Operator.ABOVE, Operator.AT_LEAST}

    def holds(self, value: float, threshold: float) -> bool:
        """Whether `value OPERATOR threshold` is true."""
        compare = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
        return bool(compare[self.value](value, threshold))


class Metric(StrEnum):
    """A ratio in [0, 1] that every row of scores has."""

    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"


class Scope(StrEnum):
    """Over what a score is taken."""

    MICRO = "micro"
    MACRO = "macro"
    WEIGHTED = "weighted"
    TYPE = "type"
    NODE = "node"
    SLICE = "slice"


AVERAGES: Final = (Scope.MICRO, Scope.MACRO, Scope.WEIGHTED)


class Priority(StrEnum):
    """How much a gate matters to whoever reads the table; the verdict does not depend on it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class IfNotMeasured(StrEnum):
    """What it means that a gate could not be decided."""

    FAIL = "fail"
    SKIP = "skip"


class DecidedBy(StrEnum):
    """What is compared with the threshold: the value itself, or its interval of confidence."""

    INTERVAL = "interval"
    POINT = "point"


class Verdict(StrEnum):
    """What can be said of a gate."""

    PASS = "PASS"  # noqa: S105  a verdict, not a secret
    FAIL = "FAIL"
    NOT_MEASURABLE = "NOT MEASURABLE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A score of the report: precision, recall or F1 of an average, a type, a node or a slice."""

    metric: Metric
    """Which of the three ratios."""
    scope: Scope
    """Over what."""
    name: str = ""
    """The type, the node of the hierarchy, or the kind of slice; empty for an average."""
    part: str = ""
    """Which part of a slice, such as one data set; empty for any other scope."""
    scheme: Scheme = Scheme.STRICT
    """When a prediction is right."""

    def __post_init__(self) -> None:
        if (self.scope in AVERAGES) == bool(self.name):
            raise ConfigurationError(
                f"a score over a {self.scope} needs a name, and an average has none, "
                f"got {self.name!r}"
            )
        if (self.scope is Scope.SLICE) != bool(self.part):
            raise ConfigurationError(
                f"a slice, and nothing else, has a part; got {self.scope} with {self.part!r}"
            )
        if self.scheme is not Scheme.STRICT and self.scope not in {Scope.MICRO, Scope.TYPE}:
            raise ConfigurationError(
                f"expected the scheme strict: {self.scheme} is counted over micro and types "
                f"alone, got the scope {self.scope}"
            )

    @property
    def row(self) -> tuple[str, ...]:
        """Where the report has the row of this score."""
        below = {
            Scope.TYPE: ("per_type", self.name),
            Scope.NODE: ("hierarchy", self.name),
            Scope.SLICE: ("slices", self.name, self.part),
        }.get(self.scope, (self.scope.value,))
        if self.scheme is not Scheme.STRICT:
            return ("schemes", self.scheme.value, *below)
        return below if self.scope in {Scope.NODE, Scope.SLICE} else ("scores", *below)

    @property
    def interval(self) -> tuple[str, ...]:
        """Where the report has the interval of this score, if it has one."""
        row = self.row[1:] if self.row[0] == "scores" else self.row
        return ("intervals", *row, self.metric.value)

    def __str__(self) -> str:
        what = self.part or self.name or self.scope.value
        scheme = "" if self.scheme is Scheme.STRICT else f"{self.scheme} "
        return f"{scheme}{self.metric} of {what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Any other number of the report, such as a latency."""

    path: tuple[str, ...]
    """The keys that lead to it."""

    def __post_init__(self) -> None:
        if not self.path or self.path[0] not in SECTIONS:
            first = self.path[0] if self.path else ""
            raise ConfigurationError(
                f"a figure's path must begin with a section of the report "
                f"({', '.join(SECTIONS)}), got {first!r}" + near(first, SECTIONS)
            )

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """A value that must lie on the right side of a number."""

    measure: Score | Figure
    """What is measured."""
    operator: Operator
    """How it must stand to the threshold."""
    threshold: float
    """The number; scores and their differences are shares of one, never percent."""
    decided_by: DecidedBy = DecidedBy.INTERVAL
    """Whether the interval is asked, or the value alone."""
    max_width: float = 0.05
    """Where the threshold lies inside the interval: the widest at which the value decides."""
    min_support: int = 30
    """Fewest gold mentions (of each type, for a macro average) on which a score is judged."""
    against_incumbent: bool = False
    """Whether the difference to the incumbent's score is what is measured."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.threshold):
            raise ConfigurationError(f"a threshold must be finite, got {self.threshold}")
        if not 0 <= self.max_width <= 1:
            raise ConfigurationError(f"max_width must lie in [0, 1], got {self.max_width:g}")
        if isinstance(self.measure, Figure):
            if self.against_incumbent or self.decided_by is DecidedBy.INTERVAL:
                raise ConfigurationError("a figure has no interval and no incumbent to compare")
            return
        lowest = -1 if self.against_incumbent else 0
        if not lowest <= self.threshold <= 1:
            raise ConfigurationError(
                f"the threshold of a score is a share in [{lowest}, 1], got {self.threshold:g}; "
                "write 0.9 for 90 percent"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Collapse:
    """No type may be lost: neither found hardly ever, nor fallen far below the incumbent."""

    floor: float = 0.1
    """A type whose recall or F1 is below this has collapsed."""
    factor: float = 2.0
    """So has one whose F1 is below the incumbent's divided by this, on the same gold file."""
    min_support: int = 20
    """Fewest gold mentions on which a type is judged."""

    def __post_init__(self) -> None:
        if not 0 < self.floor < 1:
            raise ConfigurationError(f"floor must lie between 0 and 1, got {self.floor:g}")
        if not 1 < self.factor < math.inf:
            raise ConfigurationError(f"factor must be greater than 1, got {self.factor:g}")


@dataclass(frozen=True, slots=True)
class Unmeasurable:
    """A demand that no report can answer. It stands among the gates so that it is not forgotten."""

    reason: str
    """Why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One demand on a release."""

    name: str
    """What the table of verdicts calls it; unique in its file."""
    source: str
    """Where the demand comes from, in plain words."""
    check: Threshold | Collapse | Unmeasurable
    """What is demanded."""
    priority: Priority = Priority.MEDIUM
    """How much it matters."""
    if_not_measured: IfNotMeasured = IfNotMeasured.FAIL
    """What was not measured has failed, unless this says otherwise."""
    note: str = ""
    """What a reader of the verdict should know."""


@dataclass(frozen=True, slots=True)
class GateSet:
    """The gates of one file, in order. `types` are those of the profile; empty without one."""

    source: str
    gates: tuple[Gate, ...]
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [gate.name for gate in self.gates]
        if not names:
            raise ConfigurationError(f"{self.source}: expected at least one gate, got none")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"{self.source}: the gate {twice[0]!r} is given twice")

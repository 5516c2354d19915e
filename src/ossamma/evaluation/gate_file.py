"""Gates from YAML: every fault is reported with file, line and the nearest name that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from enum import StrEnum
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from ossamma.data import yaml_section
from ossamma.evaluation.gates import (
    AVERAGES,
    Collapse,
    DecidedBy,
    Figure,
    Gate,
    GateSet,
    IfNotMeasured,
    Metric,
    Operator,
    Priority,
    Scope,
    Score,
    Threshold,
    Unmeasurable,
)
from ossamma.evaluation.schemes import Scheme
from ossamma.evaluation.slices import Slices
from ossamma.schema.errors import OssammaError, ProfileError
from ossamma.schema.near_names import near
from ossamma.schema.profile import Profile, load_profile
from ossamma.schema.profile_files import GATES_FILE, locate

_OPTIONAL: Final = ("priority", "if_not_measured", "note")
_OF_A_THRESHOLD: Final = ("operator", "threshold")
_OF_A_SCORE: Final = (
    "scheme",
    "average",
    "type",
    "node",
    "slice",
    "part",
    "decided_by",
    "max_width",
    "min_support",
    "against",
)
_SCOPES: Final = ("average", "type", "node", "slice")
_KINDS: Final = ("metric", "figure", "collapse", "not_measurable")
_INCUMBENT: Final = "incumbent"
_E = TypeVar("_E", bound=StrEnum)


class _Section(yaml_section.Section):
    """A section of a gates file; thresholds are numbers."""

    __slots__ = ()

    error: ClassVar[type[OssammaError]] = ProfileError

    def number(self, key: str) -> float:
        """Return the number at a key."""
        text = self.scalar(self.values[key])
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.fault(f"{key!r} must be a number, got {text!r}", self.values[key])
        return number

    def known(self, key: str, names: Sequence[str], what: str) -> str:
        """Return the text at a key, which must be one of these names; any name where none are."""
        text = self.scalar(self.values[key])
        if names and text not in names:
            shown = ", ".join(names) if len(names) <= 20 else f"{len(names)} of them"
            raise self.fault(
                f"expected {what} ({shown}), got {text!r}" + near(text, names), self.values[key]
            )
        return text


def load_gates(profile: str | Path) -> GateSet:
    """Load the gates of a profile.

    Raises:
        ProfileError: there is no such profile, it has no gates, or they are not well-formed.
    """
    file = locate(profile).gates
    if file is None:
        raise ProfileError(
            f"the profile {str(profile)!r} has no {GATES_FILE}; give --gates FILE, or add one"
        )
    return read_gates(file, load_profile(profile))


def read_gates(file: Traversable, profile: Profile | None = None) -> GateSet:
    """Read a file of gates.

    Args:
        file: YAML with the list `gates`.
        profile: whose types and nodes the gates must name; None takes any name.

    Raises:
        ProfileError: with file and line, if the file is not well-formed.
    """
    section = _Section.in_file(file)
    section.check_keys(("gates",), ("title",))
    gates = tuple(_gate(entry, profile) for entry in section.sections("gates"))
    types = () if profile is None else profile.labels.types
    return section.build(GateSet, source=str(file), gates=gates, types=types)


def _gate(section: _Section, profile: Profile | None) -> Gate:
    kinds = [kind for kind in _KINDS if kind in section.values]
    if len(kinds) != 1:
        every = ("name", "source", *_KINDS, *_OF_A_THRESHOLD, *_OF_A_SCORE, *_OPTIONAL)
        section.check_keys((), every)  # a misspelt kind is named first
        raise section.fault(
            f"a gate has exactly one of {', '.join(_KINDS)}; got {', '.join(kinds) or 'none'}"
        )
    kind = kinds[0]
    required = ("name", "source", kind)
    if kind == "metric":
        section.check_keys((*required, *_OF_A_THRESHOLD), (*_OF_A_SCORE, *_OPTIONAL))
    elif kind == "figure":
        section.check_keys((*required, *_OF_A_THRESHOLD), _OPTIONAL)
    else:
        section.check_keys(required, _OPTIONAL)
    return Gate(
        name=section.text("name"),
        source=section.text("source"),
        check=_check(section, kind, profile),
        priority=_choice(section, "priority", Priority, Priority.MEDIUM),
        if_not_measured=_choice(section, "if_not_measured", IfNotMeasured, IfNotMeasured.FAIL),
        note=section.text("note"),
    )


def _check(
    section: _Section, kind: str, profile: Profile | None
) -> Threshold | Collapse | Unmeasurable:
    if kind == "metric":
        return _score(section, profile)
    if kind == "figure":
        return _figure(section)
    if kind == "collapse":
        return _collapse(section.section(kind))
    return Unmeasurable(section.text(kind))


def _choice(section: _Section, key: str, kind: type[_E], default: _E) -> _E:
    return section.choice(key, kind) if section.has(key) else default


def _score(section: _Section, profile: Profile | None) -> Threshold:
    against = section.has("against") and section.known("against", (_INCUMBENT,), "an incumbent")
    return section.build(
        Threshold,
        measure=section.build(
            Score,
            metric=section.choice("metric", Metric),
            scheme=_choice(section, "scheme", Scheme, Scheme.STRICT),
            part=section.text("part"),
            **_scope(section, profile),
        ),
        operator=section.choice("operator", Operator),
        threshold=section.number("threshold"),
        decided_by=_choice(section, "decided_by", DecidedBy, DecidedBy.INTERVAL),
        against_incumbent=bool(against),
        **_numbers(section, "max_width"),
        **_counts(section, "min_support"),
    )


def _scope(section: _Section, profile: Profile | None) -> dict[str, object]:
    given = [key for key in _SCOPES if section.has(key)]
    if len(given) != 1:
        raise section.fault(
            f"a score has exactly one of {', '.join(_SCOPES)}; got {', '.join(given) or 'none'}"
        )
    key = given[0]
    if key == "average":
        return {"scope": Scope(section.known(key, AVERAGES, "an average"))}
    name = section.known(key, _names(section, key, profile), f"the name of a {key}")
    return {"scope": Scope(key), "name": name}


def _names(section: _Section, key: str, profile: Profile | None) -> Sequence[str]:
    """Return the names that are known at a key; none where any name will do."""
    if key == "slice":
        return [field.name for field in fields(Slices)]
    if profile is None:
        return ()
    if key == "type":
        return profile.labels.types
    if profile.hierarchy is None:
        raise section.fault(f"the profile {profile.name!r} has no hierarchy, and so no nodes")
    # Types are nodes too, but reports list them as types.
    return [*profile.hierarchy.properties, *(each.name for each in profile.hierarchy.roll_ups)]


def _figure(section: _Section) -> Threshold:
    path = section.text_or_texts("figure")
    if section.is_text("figure"):
        path = path[0].split(".")
    return section.build(
        Threshold,
        measure=section.build(Figure, path=tuple(path)),
        operator=section.choice("operator", Operator),
        threshold=section.number("threshold"),
        decided_by=DecidedBy.POINT,
        min_support=0,
    )


def _collapse(section: _Section) -> Collapse:
    section.check_keys((), ("floor", "factor", "min_support"))
    return section.build(
        Collapse, **_numbers(section, "floor", "factor"), **_counts(section, "min_support")
    )


def _numbers(section: _Section, *keys: str) -> dict[str, object]:
    """Return the numbers that are given; what is not given keeps its default."""
    return {key: section.number(key) for key in keys if section.has(key)}


def _counts(section: _Section, *keys: str) -> dict[str, object]:
    return {key: section.integer(key) for key in keys if section.has(key)}

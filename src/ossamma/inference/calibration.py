"""Calibration: span posteriors made into confidences that mean what they say, and thresholds.

How they are fitted is not known here; this is what a bundle carries. Every calibrator is monotone:
within one type it never changes which of two entities is the more certain.

A threshold can only remove entities of the best path. What the best path does not hold, no
threshold brings back.

N entities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ossamma.schema.errors import ConfigurationError

Floats: TypeAlias = NDArray[np.float64]

FINEST = 1e-6
"""Posteriors nearer than this to 0 or 1 are not told apart: single precision knows no better."""
FORMAT = 1


class ThresholdPolicy(StrEnum):
    """Which thresholds of a bundle decide what is left out."""

    NONE = "none"
    F1 = "f1"
    PRECISION = "precision"


@dataclass(frozen=True, slots=True)
class Temperature:
    """Divides the logit of a probability (Guo et al. 2017). 1 changes nothing at all."""

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < math.inf:  # also refuses NaN
            raise ConfigurationError(
                f"a temperature must be positive and finite, got {self.temperature}"
            )

    def apply(self, confidence_N: Floats) -> Floats:
        """Return the calibrated probabilities."""
        if self.temperature == 1.0:
            return confidence_N
        bounded_N = np.clip(confidence_N, FINEST, 1.0 - FINEST)
        calibrated_N: Floats = expit(logit(bounded_N) / self.temperature)
        return calibrated_N

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"kind": "temperature", "temperature": self.temperature}


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising line through these points, level beyond the first and the last."""

    confidences: tuple[float, ...]
    precisions: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.confidences or len(self.confidences) != len(self.precisions):
            raise ConfigurationError(
                "an isotonic calibrator needs as many precisions as confidences and at least one, "
                f"got {len(self.confidences)} and {len(self.precisions)}"
            )
        if not all(0.0 <= each <= 1.0 for each in (*self.confidences, *self.precisions)):
            raise ConfigurationError("the points of an isotonic calibrator must lie in [0, 1]")
        if not all(one < other for one, other in pairwise(self.confidences)):
            raise ConfigurationError("the confidences of an isotonic calibrator must ascend")
        if not all(one <= other for one, other in pairwise(self.precisions)):
            raise ConfigurationError("the precisions of an isotonic calibrator must not fall")

    def apply(self, confidence_N: Floats) -> Floats:
        """Return the calibrated probabilities."""
        calibrated_N: Floats = np.interp(confidence_N, self.confidences, self.precisions)
        return calibrated_N

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "isotonic",
            "confidences": list(self.confidences),
            "precisions": list(self.precisions),
        }


Calibrator: TypeAlias = Temperature | Isotonic


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least calibrated confidence that is kept, per type; None keeps nothing of a type.

    `overall` serves for types that are not in `per_type`.
    """

    overall: float | None
    per_type: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, threshold in (("overall", self.overall), *self.per_type.items()):
            if threshold is not None and not 0.0 <= threshold <= 1.0:
                raise ConfigurationError(
                    f"the threshold of {name} must lie in [0, 1], got {threshold}"
                )

    def of(self, type_name: str) -> float | None:
        """Return the threshold of a type."""
        return self.per_type.get(type_name, self.overall)

    def keep(self, confidence_N: Floats, types: Sequence[str]) -> NDArray[np.bool_]:
        """Say of each entity whether it is kept."""
        least = {name: self.of(name) for name in set(types)}
        least_N = np.array([math.inf if (t := least[name]) is None else t for name in types])
        kept_N: NDArray[np.bool_] = confidence_N >= least_N
        return kept_N

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"overall": self.overall, "per_type": dict(sorted(self.per_type.items()))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What turns the posteriors of a bundle into confidences, and which thresholds it offers."""

    overall: Calibrator
    """Of every type that has none of its own."""
    per_type: Mapping[str, Calibrator] = field(default_factory=dict)
    """Of the types that had enough examples."""
    thresholds: Mapping[ThresholdPolicy, Thresholds] = field(default_factory=dict)
    """On calibrated confidences."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it was fitted on and how well it did; plain JSON, for people and reports."""

    def of(self, type_name: str) -> Calibrator:
        """Return the calibrator of a type."""
        return self.per_type.get(type_name, self.overall)

    def apply(self, posterior_N: Floats, types: Sequence[str]) -> Floats:
        """Return the confidence of entities with these posteriors and types, in [0, 1]."""
        calibrated_N = np.asarray(posterior_N, dtype=np.float64).copy()
        for calibrator, index in self._groups(types):
            calibrated_N[index] = calibrator.apply(calibrated_N[index])
        return calibrated_N

    def _groups(self, types: Sequence[str]) -> list[tuple[Calibrator, list[int]]]:
        """Gather the entities that share a calibrator: most types have none of their own."""
        members: dict[str, list[int]] = {}
        for index, name in enumerate(types):
            members.setdefault(name if name in self.per_type else "", []).append(index)
        return [(self.of(name), index) for name, index in members.items()]

    def apply_reference(self, posterior_N: Floats, types: Sequence[str]) -> Floats:
        """Give what `apply` gives, entity by entity. The definition; never optimised."""
        return np.array(
            [
                self.of(name).apply(np.array([posterior]))[0]
                for posterior, name in zip(posterior_N, types, strict=True)
            ],
            dtype=np.float64,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys, from which `from_json` makes an equal calibration."""
        return {
            "format": FORMAT,
            "overall": self.overall.to_json(),
            "per_type": {name: each.to_json() for name, each in sorted(self.per_type.items())},
            "thresholds": {
                policy.value: each.to_json() for policy, each in sorted(self.thresholds.items())
            },
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, content: object) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            ConfigurationError: it is nothing of the kind, or of another format.
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else content
            raise ConfigurationError(f"expected a calibration of format {FORMAT}, got {found!r}")
        try:
            return cls(
                overall=_calibrator(content["overall"]),
                per_type={name: _calibrator(each) for name, each in content["per_type"].items()},
                thresholds={
                    ThresholdPolicy(name): Thresholds(each["overall"], dict(each["per_type"]))
                    for name, each in content["thresholds"].items()
                },
                facts=dict(content["facts"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"the calibration is damaged: {error!r}") from error


def _calibrator(content: Mapping[str, Any]) -> Calibrator:
    if content["kind"] == "temperature":
        return Temperature(float(content["temperature"]))
    if content["kind"] == "isotonic":
        return Isotonic(
            tuple(map(float, content["confidences"])), tuple(map(float, content["precisions"]))
        )
    raise ConfigurationError(f"expected a temperature or isotonic, got {content['kind']!r}")

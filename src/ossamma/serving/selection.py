"""Which of the entities that were found a request wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ossamma.inference.calibration import ThresholdPolicy
from ossamma.schema.errors import RequestError
from ossamma.schema.spans import Entity
from ossamma.serving.loading import LoadedModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The wishes of a request; the default is everything."""

    types: frozenset[str] | None = None
    """Only these; None is all."""
    min_confidence: float = 0.0
    """Leave out what is less certain."""
    thresholds: ThresholdPolicy = ThresholdPolicy.NONE
    """Leave out what the model's own thresholds say."""

    def check(self, model: LoadedModel) -> None:
        """Raise RequestError if the model does not know the types, or has no such thresholds."""
        if unknown := sorted((self.types or frozenset()) - set(model.types)):
            raise RequestError(
                f"expected types of the model ({', '.join(model.types)}), got {len(unknown)} that "
                "it does not know",
                field="types",
            )
        if self.thresholds != ThresholdPolicy.NONE and model.thresholds(self.thresholds) is None:
            raise RequestError(
                f"this model has no thresholds for {self.thresholds.value!r}; use none, or "
                "min_confidence",
                field="thresholds",
            )

    def of(self, entities: Sequence[Entity], model: LoadedModel) -> list[Entity]:
        """Return those that are wanted, in their order."""
        found = [
            entity
            for entity in entities
            if entity.confidence >= self.min_confidence
            and (self.types is None or entity.label in self.types)
        ]
        if self.thresholds == ThresholdPolicy.NONE:
            return found
        thresholds = model.thresholds(self.thresholds)
        assert thresholds is not None, "checked before"
        confidences_N = np.array([entity.confidence for entity in found])
        keep_N = thresholds.keep(confidences_N, [entity.label for entity in found])
        return [entity for entity, keep in zip(found, keep_N.tolist(), strict=True) if keep]

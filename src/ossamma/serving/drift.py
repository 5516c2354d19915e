"""Drift: recent texts and what was found in them, against what the bundle found on dev documents.

Recent is the last `2 * BLOCK_TEXTS` texts at most and `BLOCK_TEXTS` at least, once there are so
many: two blocks of counts, of which the older one is dropped when the younger one is full.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ossamma.export.reference import Reference, stability_index
from ossamma.serving.loading import LoadedModel
from ossamma.serving.stages import Answer

BLOCK_TEXTS: Final = 2_000
LEAST_TEXTS: Final = 200
"""Of fewer texts, or entities, chance alone moves the index too much: nothing is told of them."""


@dataclass(slots=True)
class _Block:
    """Counts of some texts."""

    counts: Reference
    confidence_sum: float = 0.0
    entities: int = 0

    def add(self, text: str, answer: Answer) -> None:
        self.counts.add(len(text), answer.entities)
        self.entities += len(answer.entities)
        self.confidence_sum += sum(entity.confidence for entity in answer.entities)


@dataclass(slots=True)
class Seen:
    """What a model saw lately."""

    model: LoadedModel
    _blocks: list[_Block] = field(default_factory=list)

    def add(self, texts: Iterable[str], answers: Iterable[Answer]) -> None:
        """Count texts and everything that was found in them."""
        for text, answer in zip(texts, answers, strict=True):
            if not self._blocks or self._blocks[-1].counts.texts >= BLOCK_TEXTS:
                self._blocks = [*self._blocks[-1:], _Block(Reference(self.model.types))]
            self._blocks[-1].add(text, answer)

    @property
    def texts(self) -> int:
        """How many texts are counted."""
        return sum(block.counts.texts for block in self._blocks)

    @property
    def entities(self) -> int:
        """How many entities were found in them."""
        return sum(block.entities for block in self._blocks)

    def stability(self) -> dict[tuple[str, str], float]:
        """Return the population stability index by feature and type; none without a reference."""
        reference = self.model.reference
        if reference is None or self.texts < LEAST_TEXTS:
            return {}
        found = {("text_length", ""): self._index(reference, "text_length")}
        if self.entities >= LEAST_TEXTS:
            found["confidence", ""] = self._index(reference, "confidence")
        for name in self.model.types:
            if name in reference.entity_rate:
                counts = [block.counts.entity_rate[name].counts for block in self._blocks]
                found["entity_rate", name] = stability_index(
                    reference.entity_rate[name].counts, _sum(counts)
                )
        return {key: value for key, value in found.items() if value == value}  # noqa: PLR0124  NaN says nothing

    def _index(self, reference: Reference, name: str) -> float:
        counts = [getattr(block.counts, name).counts for block in self._blocks]
        return stability_index(getattr(reference, name).counts, _sum(counts))

    def expected_precision(self) -> float | None:
        """Return the mean confidence of what was found; None unless it is calibrated.

        A calibrated confidence is the share of such entities that are right, so their mean is the
        precision to expect, without a label.
        """
        if self.model.calibration is None or self.entities < LEAST_TEXTS:
            return None
        return sum(block.confidence_sum for block in self._blocks) / self.entities


class Drift:
    """What every model saw lately; a model that is loaded anew begins anew."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def of(self, name: str, model: LoadedModel) -> Seen:
        """Return what this model saw."""
        seen = self._seen.get(name)
        if seen is None or seen.model is not model:
            seen = self._seen[name] = Seen(model)
        return seen


def _sum(counts: Iterable[list[int]]) -> list[int]:
    return [sum(column) for column in zip(*counts, strict=True)]

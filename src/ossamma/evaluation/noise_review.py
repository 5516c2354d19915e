"""How many suspects are the annotation's errors, by a person's verdicts on a random sample.

The suspects are cut into layers by rank and the sample is drawn within each, for graver ones are
right more often. The number among those that were not drawn is predicted layer by layer: their
share has the posterior Beta(k + m, n - k + 1 - m) with k of n, m being the share in the whole
sample; the number given the share is binomial. One half instead of m, Jeffreys' prior, would pull
every layer up, and the sum of all much more than its error. No assumption on where annotators slip
is needed.

H layers, D draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from ossamma.evaluation.proportions import Interval, check_level
from ossamma.schema.errors import ConfigurationError, DataError

LAYERS: Final = 5
"""Most layers; fewer where the sample is small."""
_PER_LAYER: Final = 30
_DRAWS: Final = 4_000


class Verdict(StrEnum):
    """Who is wrong at the place of a suspect."""

    ANNOTATION = "annotation"
    """The mark is wrong, and what is suggested is right."""
    BOTH = "both"
    """The mark is wrong, and so is what is suggested."""
    MODEL = "model"
    """The mark is right."""


@dataclass(frozen=True, slots=True)
class Count:
    """An expected number of suspects, and its interval."""

    expected: float
    interval: Interval

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {"expected": self.expected, "interval": self.interval.to_json()}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewEstimate:
    """What the verdicts say of all suspects."""

    suspects: int
    reviewed: int
    verdicts: Mapping[Verdict, int]
    """How often each was given."""
    at_fault: Count
    """Suspects at which the annotation is wrong."""
    right: Count
    """Suspects of which the suggestion is right, too."""
    level: float

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "suspects": self.suspects,
            "reviewed": self.reviewed,
            "verdicts": {verdict.value: self.verdicts[verdict] for verdict in Verdict},
            "annotation_at_fault": self.at_fault.to_json(),
            "suggestion_right": self.right.to_json(),
            "level": self.level,
        }


def layer_sizes(suspects: int, sample: int) -> list[int]:
    """Return how many suspects, the gravest first, are in each layer: equal but for one."""
    layers = max(1, min(LAYERS, sample // _PER_LAYER, suspects))
    return [len(part) for part in np.array_split(np.arange(suspects), layers)]


def draw_sample(suspects: int, sample: int, seed: int) -> list[int]:
    """Draw ranks, from 1, evenly from all layers; return them in a random order.

    Raises:
        ConfigurationError: nothing to draw.
    """
    if sample < 1 or suspects < 1:
        raise ConfigurationError(
            f"expected a sample of at least 1 of at least 1 suspect, got {sample} of {suspects}"
        )
    generator = np.random.default_rng(seed)
    sizes = layer_sizes(suspects, min(sample, suspects))
    shares = _shares(sizes, min(sample, suspects))
    ranks: list[int] = []
    first = 1
    for size, share in zip(sizes, shares, strict=True):
        drawn = generator.choice(size, size=share, replace=False)
        ranks += (drawn + first).tolist()
        first += size
    return [ranks[place] for place in generator.permutation(len(ranks)).tolist()]


def estimate_from_review(
    verdicts: Mapping[int, Verdict],
    suspects: int,
    sample: int,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> ReviewEstimate:
    """Estimate from verdicts by rank how many suspects are the annotation's errors.

    Args:
        verdicts: of the drawn suspects; those without one must be missing at random.
        suspects: how many there are.
        sample: how many were drawn, which tells the layers.
        level: of the intervals.
        seed: of the draws from the posterior.

    Raises:
        DataError: a layer has no verdict.
    """
    check_level(level)
    sizes_H = np.array(layer_sizes(suspects, sample))
    ends_H = np.cumsum(sizes_H)
    layer = {rank: int(np.searchsorted(ends_H, rank)) for rank in verdicts}
    seen_H = np.bincount(list(layer.values()), minlength=len(sizes_H))
    if (seen_H == 0).any():
        raise DataError(
            "expected verdicts on suspects of every grade, got none on some; fill in more lines"
        )
    counts = []
    for wanted in ({Verdict.ANNOTATION, Verdict.BOTH}, {Verdict.ANNOTATION}):
        met = [layer[rank] for rank, verdict in verdicts.items() if verdict in wanted]
        hits_H = np.bincount(met, minlength=len(sizes_H))
        generator = np.random.default_rng(seed)
        mean = (hits_H.sum() + 0.5) / (seen_H.sum() + 1.0)
        share_DH = generator.beta(
            hits_H + mean, seen_H - hits_H + 1.0 - mean, size=(_DRAWS, len(sizes_H))
        )
        number_D = hits_H.sum() + generator.binomial(sizes_H - seen_H, share_DH).sum(axis=1)
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(number_D, [tail, 1.0 - tail], method="inverted_cdf")
        counts.append(Count(float(number_D.mean()), Interval(float(low), float(high))))
    given = list(verdicts.values())
    return ReviewEstimate(
        suspects=suspects,
        reviewed=len(given),
        verdicts={verdict: given.count(verdict) for verdict in Verdict},
        at_fault=counts[0],
        right=counts[1],
        level=level,
    )


def _shares(sizes: list[int], sample: int) -> list[int]:
    """Deal a sample out to layers, one by one in turn, as far as they reach."""
    shares = [0] * len(sizes)
    left = sample
    while left:
        for place, size in enumerate(sizes):
            if left and shares[place] < size:
                shares[place] += 1
                left -= 1
    return shares

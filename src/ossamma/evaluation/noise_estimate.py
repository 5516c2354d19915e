"""How many of a model's wrong predictions are the annotation's fault: the ceiling of agreement.

The more confident a prediction, the more likely the annotation agrees; but where annotators slip,
agreement stops short of 1 however sure the model is. The height of that ceiling tells the noise.
Of the most confident predictions, two fifths of all,

    P(annotation agrees | rank) = (1 - noise) * r(rank),   r(rank) = sigmoid(a + b * logit(rank)),

where r is the chance that the prediction is right and rank its place among all predictions by
confidence, in (0, 1). Psychophysics calls this a psychometric function with a lapse rate (Wichmann
and Hill 2001, "The psychometric function", equation 1). A rank does not care how confidences are
scaled, so a model that has learned to expect noise is no obstacle. One curve fits the upper ranks
of quite different models; lower ones would bend it.

An unconfirmed prediction whose calibrated confidence (the precision seen at its confidence) is c
is right all the same with probability c / (1 - c) * noise / (1 - noise): right ones number
c / (1 - noise), of which the share `noise` is denied.

It assumes that (1) slips are as likely at hard places as at easy ones, (2) the most confident
predictions are right, as far as the rising curve says so, (3) no slip confirms a wrong prediction.
Slips that come where the model is unsure too make the estimate too low; a model that is surely
wrong in a way of its own makes it too high.

N predictions, B bins of rank, E levels of noise, C curves, D draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from ossamma.evaluation.calibrators import fit_isotonic
from ossamma.evaluation.judge import JudgedDocument, Relation
from ossamma.evaluation.outcomes import (
    Bools,
    Floats,
    Ints,
    NotMeasurable,
    Outcomes,
    collect_outcomes,
    why_not_measurable,
)
from ossamma.evaluation.proportions import Interval, check_level
from ossamma.schema.errors import ConfigurationError

_MOST_BINS = 100
_PER_BIN = 10
_FEWEST = 100  # predictions; with fewer the interval says nothing
_TOP = 0.6  # the rank from which on the curve is fitted
_NOISE_POINTS, _HEIGHT_POINTS, _SLOPE_POINTS = 61, 41, 21
_MOST_NOISE = 0.5
_HEIGHTS = (-2.0, 9.0)  # a: the chance of being right at the median rank is 0.12 to 0.9999
_SLOPES = (0.25, 6.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseSettings:
    """How sure the interval shall be, and how it is drawn."""

    level: float = 0.95
    """Share of intervals made in this way that shall hold the true number."""
    draws: int = 4_000
    """Draws from the posterior of the noise, and of the number given the noise."""
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.draws < 100 or self.seed < 0:
            raise ConfigurationError(
                f"expected draws >= 100 and seed >= 0, got {self.draws} and {self.seed}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseEstimate:
    """How many wrong predictions are right in truth; `missed` marks are not estimated.

    A missed mark has no prediction and no confidence: whether the mark or the model is at fault
    cannot be told from agreement.
    """

    predictions: int
    wrong: int
    """Predictions that the annotation does not confirm."""
    annotation: float
    """Expected number of them in which the model is right."""
    interval: Interval
    """Of that number."""
    noise: float
    """Mean share of right predictions that the annotation does not confirm."""
    noise_interval: Interval
    by_relation: Mapping[Relation, float]
    """Expected number in each class of errors."""
    missed: int
    """Gold marks without a prediction."""
    design_effect: float
    """How much documents, in which errors come together, widen the interval (1: not at all)."""
    least_confidences: tuple[float, ...]
    """Ascending: where the bins begin."""
    probabilities: tuple[float, ...]
    """That the model is right in a prediction of the bin that is not confirmed."""

    def probability(self, confidence: float) -> float:
        """Return the probability that a prediction that is not confirmed is right all the same."""
        place = int(np.searchsorted(self.least_confidences, confidence, side="right"))
        return self.probabilities[max(0, place - 1)]

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys."""
        return {
            "predictions": self.predictions,
            "wrong": self.wrong,
            "annotation": self.annotation,
            "interval": self.interval.to_json(),
            "noise": self.noise,
            "noise_interval": self.noise_interval.to_json(),
            "by_relation": {name.value: value for name, value in self.by_relation.items()},
            "missed": self.missed,
            "design_effect": self.design_effect,
        }


def estimate_noise(
    judged: Sequence[JudgedDocument], settings: NoiseSettings | None = None
) -> NoiseEstimate | NotMeasurable:
    """Estimate how many wrong predictions are the annotation's; confidences should be held-out."""
    settings = settings or NoiseSettings()
    outcomes = collect_outcomes(judged)
    reason = why_not_measurable(outcomes)
    if not reason and len(outcomes) < _FEWEST:
        reason = f"{len(outcomes)} predictions are fewer than {_FEWEST}"
    if reason:
        return NotMeasurable(reason)
    bin_N = rank_bins(outcomes.confidence_N)
    wrong_B = np.bincount(bin_N, weights=~outcomes.right_N)
    effect = design_effect(outcomes, bin_N)
    noise_E, weight_E = noise_posterior(bin_N, outcomes.right_N, design_effect=effect)
    odds_B = _odds(outcomes, bin_N)
    chance_EB = np.minimum(1.0, odds_B * (noise_E / (1.0 - noise_E))[:, None])
    chance_B = weight_E @ chance_EB
    generator = np.random.default_rng(settings.seed)
    level_D = generator.choice(len(noise_E), size=settings.draws, p=weight_E)
    number_D = generator.binomial(wrong_B.astype(np.int64), chance_EB[level_D]).sum(axis=1)
    tail = (1.0 - settings.level) / 2.0
    both = [tail, 1.0 - tail]
    ends = np.quantile(number_D, both, method="inverted_cdf")
    return NoiseEstimate(
        predictions=len(outcomes),
        wrong=int(wrong_B.sum()),
        annotation=float(wrong_B @ chance_B),
        interval=Interval(*map(float, ends)),
        noise=float(weight_E @ noise_E),
        noise_interval=Interval(*map(float, np.quantile(noise_E[level_D], both))),
        by_relation=_by_relation(judged, chance_B[bin_N]),
        missed=sum(pair.relation is Relation.MISSED for each in judged for pair in each.pairs),
        design_effect=effect,
        least_confidences=tuple(_least(outcomes.confidence_N, bin_N).tolist()),
        probabilities=tuple(chance_B.tolist()),
    )


def rank_bins(confidence_N: Floats) -> Ints:
    """Number the bin of each confidence: about equal numbers, equal values together, no gaps."""
    number = max(1, min(_MOST_BINS, len(confidence_N) // _PER_BIN))
    edges = np.unique(np.quantile(confidence_N, np.linspace(0.0, 1.0, number + 1)[:-1]))
    bins_N = np.searchsorted(edges, confidence_N, side="right") - 1
    dense_N: Ints = np.unique(bins_N, return_inverse=True)[1].astype(np.int64)
    return dense_N


def noise_posterior(
    bin_N: Ints, right_N: Bools, *, design_effect: float = 1.0
) -> tuple[Floats, Floats]:
    """Return levels of noise (E,), ascending, and their posterior weights.

    Jeffreys' prior of the noise up to 1/2, a flat, b log-uniform, all on a grid.

    Args:
        bin_N: of each prediction, by ascending confidence.
        right_N: whether the annotation confirms it.
        design_effect: divides the log likelihood: so many times fewer independent predictions.
    """
    seen_B = np.bincount(bin_N, weights=right_N)
    count_B = np.bincount(bin_N).astype(np.float64)
    rank_B = (np.cumsum(count_B) - 0.5 * count_B) / count_B.sum()  # the middle of each bin
    is_top_B = rank_B >= min(_TOP, float(rank_B[-1]))
    seen_B, count_B = seen_B[is_top_B], count_B[is_top_B]
    height_C, slope_C = np.meshgrid(
        np.linspace(*_HEIGHTS, _HEIGHT_POINTS),
        np.geomspace(*_SLOPES, _SLOPE_POINTS),
        indexing="ij",
    )
    right_CB = expit(height_C.reshape(-1, 1) + slope_C.reshape(-1, 1) * logit(rank_B[is_top_B]))
    # Even steps of the arcsine are Jeffreys' prior of a share.
    steps_E = (np.arange(_NOISE_POINTS) + 0.5) / _NOISE_POINTS
    noise_E = np.sin(steps_E * np.arcsin(np.sqrt(_MOST_NOISE))) ** 2
    log_EC = np.stack(
        [_log_likelihood((1.0 - noise) * right_CB, seen_B, count_B) for noise in noise_E.tolist()]
    )
    weight_E = np.exp((log_EC - log_EC.max()) / design_effect).sum(axis=1)
    return noise_E, weight_E / weight_E.sum()


def _log_likelihood(agree_CB: Floats, seen_B: Floats, count_B: Floats) -> Floats:
    bounded_CB = np.clip(agree_CB, 1e-12, 1.0 - 1e-12)
    value_C: Floats = np.log(bounded_CB) @ seen_B + np.log1p(-bounded_CB) @ (count_B - seen_B)
    return value_C


def design_effect(outcomes: Outcomes, bin_N: Ints) -> float:
    """Variance of the disagreements, summed by document, over that of independent ones; >= 1."""
    wrong_N = ~outcomes.right_N
    share_N = (np.bincount(bin_N, weights=wrong_N) / np.bincount(bin_N))[bin_N]
    independent = float((share_N * (1.0 - share_N)).sum())
    if independent == 0.0:
        return 1.0
    unit_N = np.unique(outcomes.unit_N, return_inverse=True)[1]
    sums = np.bincount(unit_N, weights=wrong_N - share_N)
    return max(1.0, float((sums**2).sum()) / independent)


def _odds(outcomes: Outcomes, bin_N: Ints) -> Floats:
    """Odds of the calibrated confidence of each bin: an isotonic fit of the precision."""
    calibrated_N = fit_isotonic(outcomes.confidence_N, outcomes.right_N).apply(
        outcomes.confidence_N
    )
    calibrated_B = np.bincount(bin_N, weights=calibrated_N) / np.bincount(bin_N)
    odds_B: Floats = calibrated_B / np.maximum(1.0 - calibrated_B, 1e-9)
    return odds_B


def _by_relation(judged: Sequence[JudgedDocument], chance_N: Floats) -> dict[Relation, float]:
    """Sum the chances of the unconfirmed predictions, which stand in the order of the pairs."""
    relations = [pair.relation for each in judged for pair in each.pairs if pair.predicted]
    sums = dict.fromkeys(
        (Relation.SPURIOUS, Relation.WRONG_TYPE, Relation.WRONG_BOUNDARY, Relation.WRONG_BOTH), 0.0
    )
    for relation, chance in zip(relations, chance_N.tolist(), strict=True):
        if relation is not Relation.CORRECT:
            sums[relation] += chance
    return sums


def _least(confidence_N: Floats, bin_N: Ints) -> Floats:
    least_B = np.full(int(bin_N.max()) + 1, np.inf)
    np.minimum.at(least_B, bin_N, confidence_N)
    return least_B

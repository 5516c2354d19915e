"""Fitting calibrators: temperature or isotonic, for all types or by type; chosen on held-out units.

The choice is made by log loss on documents that the fit did not see. By type, a temperature is
drawn towards that of all types, the more the fewer predictions the type has; an isotonic curve is
fitted only for types with enough of them.

N predictions, L different confidences, K blocks of the isotonic fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import logit

from ossamma.evaluation.calibration import log_loss
from ossamma.evaluation.outcomes import Bools, Floats, Ints, Outcomes
from ossamma.inference.calibration import FINEST, Calibration, Calibrator, Isotonic, Temperature
from ossamma.schema.errors import DataError

_HOTTEST = 20.0  # and 1 / 20 the coldest: all right or all wrong would go on for ever
_SPREAD = 0.5  # prior standard deviation of the logarithm of a type's temperature
_FEW = 100  # predictions for an isotonic curve of a type's own
_FEW_OF_EACH = 10  # right ones, and wrong ones
_TILT = 0.01  # share of the confidence itself in an isotonic fit


class Method(StrEnum):
    """Which calibrators are candidates."""

    AUTO = "auto"
    TEMPERATURE = "temperature"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Choice:
    """The calibrators chosen, under their name, and the held-out log loss of each candidate.

    `held_out` is empty where there was nothing to choose.
    """

    name: str
    calibration: Calibration
    held_out: Mapping[str, float]


def fit_temperature(
    confidence_N: Floats, right_N: Bools, *, prior: float | None = None
) -> Temperature:
    """Return the temperature with the least log loss, drawn towards `prior` if there is one.

    Args:
        confidence_N: probabilities.
        right_N: whether the predictions were right.
        prior: a temperature; the logarithm of the one that is sought lies around its logarithm
            with a standard deviation of 0.5.
    """
    logit_N = logit(np.clip(confidence_N, FINEST, 1.0 - FINEST))
    # The log loss of one prediction is log(1 + exp(-margin / T)).
    margin_N = np.where(right_N, logit_N, -logit_N)

    def cost(log_temperature: float) -> float:
        loss = float(np.logaddexp(0.0, -margin_N * math.exp(-log_temperature)).sum())
        if prior is None:
            return loss
        return loss + 0.5 * ((log_temperature - math.log(prior)) / _SPREAD) ** 2

    reach = math.log(_HOTTEST)
    found = minimize_scalar(cost, bounds=(-reach, reach), method="bounded")
    return Temperature(math.exp(float(found.x)))


def rising_steps(confidence_N: Floats, right_N: Bools) -> tuple[Floats, Floats]:
    """Return the confidences that occur, ascending, and the isotonic precision of each (L, L).

    The least squares fit among all functions that do not fall (pool adjacent violators).
    """
    level_L, place_N = np.unique(confidence_N, return_inverse=True)
    count_L = np.bincount(place_N)
    mean_L = np.bincount(place_N, weights=right_N) / count_L
    return level_L, np.asarray(isotonic_regression(mean_L, weights=count_L).x, dtype=np.float64)


def rising_steps_reference(confidence_N: Floats, right_N: Bools) -> tuple[Floats, Floats]:
    """Give what `rising_steps` gives, by its max-min formula. The definition; never optimised."""
    levels = sorted(set(confidence_N.tolist()))

    def mean(low: float, high: float) -> float:
        return float(right_N[(confidence_N >= low) & (confidence_N <= high)].mean())

    fitted = [
        max(min(mean(low, high) for high in levels[index:]) for low in levels[: index + 1])
        for index in range(len(levels))
    ]
    return np.array(levels), np.array(fitted)


def fit_isotonic(confidence_N: Floats, right_N: Bools) -> Isotonic:
    """Fit a rising line through the blocks of the isotonic regression.

    A block is a point at its mean confidence. Its precision is (right + 1/2) / (all + 1): a few
    predictions that were all right do not make a probability of 1. A hundredth of the confidence
    itself is mixed in, so that the line rises everywhere: predictions of one block differ in what
    the model knows of them, and thresholds and rankings need that order.
    """
    level_L, fitted_L = rising_steps(confidence_N, right_N)
    _, block_L = np.unique(fitted_L, return_inverse=True)
    block_N = block_L[np.searchsorted(level_L, confidence_N)]
    count_K = np.bincount(block_N)
    centre_K = np.bincount(block_N, weights=confidence_N) / count_K
    precision_K = (np.bincount(block_N, weights=right_N) + 0.5) / (count_K + 1.0)
    # Small blocks move more than large ones, which may turn two neighbours around.
    rising_K = isotonic_regression(precision_K, weights=count_K).x
    knots = np.concatenate([[0.0], centre_K, [1.0]])
    values = np.concatenate([rising_K[:1], rising_K, rising_K[-1:]])
    values = (1.0 - _TILT) * values + _TILT * knots
    distinct = np.append(np.diff(knots) > 0.0, [True])  # a block may lie at 0 or at 1
    return Isotonic(tuple(knots[distinct].tolist()), tuple(values[distinct].tolist()))


def choose_calibrators(
    outcomes: Outcomes, method: Method = Method.AUTO, *, folds: int = 5, seed: int = 0
) -> Choice:
    """Fit the candidates of a method and keep the one with the least held-out log loss.

    Among equals the simpler one stays; "auto" may find that raw posteriors are best. With all
    predictions in one document nothing can be held out, and the simplest fit of the method is
    taken.

    Raises:
        DataError: there is no prediction.
    """
    if not len(outcomes):
        raise DataError(
            "expected predictions to calibrate on, got none; use documents in which the model "
            "finds something"
        )
    candidates = _candidates(method)
    parts = list(held_out_units(outcomes, folds, seed))
    if not parts:
        name = "temperature" if "temperature" in candidates else next(iter(candidates))
        return Choice(name, candidates[name](outcomes), {})
    held_out = {name: _held_out_loss(outcomes, fit, parts) for name, fit in candidates.items()}
    best = min(held_out, key=lambda name: held_out[name])
    return Choice(best, candidates[best](outcomes), held_out)


def held_out_units(outcomes: Outcomes, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield the units to fit on and those held out, for each fold; nothing if there is one unit.

    Units are those with predictions or gold marks. Every unit is held out once. A fold without
    predictions to fit on is left out.
    """
    units = np.unique(np.concatenate([outcomes.unit_N, outcomes.gold_unit_G]))
    order = np.random.default_rng(seed).permutation(len(units))
    number = min(folds, len(np.unique(outcomes.unit_N)))
    if number < 2:
        return
    for fold in range(number):
        is_held = order % number == fold
        if np.isin(outcomes.unit_N, units[~is_held]).any():
            yield units[~is_held], units[is_held]


def _held_out_loss(
    outcomes: Outcomes,
    fit: Callable[[Outcomes], Calibration],
    parts: list[tuple[Ints, Ints]],
) -> float:
    """Mean log loss of predictions in held-out units."""
    total, number = 0.0, 0
    for seen, unseen in parts:
        held = outcomes.of_units(unseen)
        if len(held):
            calibrated = fit(outcomes.of_units(seen)).apply(held.confidence_N, held.types.tolist())
            total += log_loss(calibrated, held.right_N) * len(held)
            number += len(held)
    return total / number


def _candidates(method: Method) -> dict[str, Callable[[Outcomes], Calibration]]:
    """Return the fits that a method allows, simple ones first."""
    every: dict[str, Callable[[Outcomes], Calibration]] = {
        "none": lambda _: Calibration(overall=Temperature()),
        "temperature": partial(_fit, _overall_temperature, by_type=False),
        "isotonic": partial(_fit, _overall_isotonic, by_type=False),
        "temperature by type": partial(_fit, _overall_temperature, by_type=True),
        "isotonic by type": partial(_fit, _overall_isotonic, by_type=True),
    }
    if method is Method.AUTO:
        return every
    return {name: fit for name, fit in every.items() if name.startswith(method.value)}


def _fit(
    fit_all: Callable[[Outcomes], Calibrator], outcomes: Outcomes, *, by_type: bool
) -> Calibration:
    overall = fit_all(outcomes)
    if not by_type:
        return Calibration(overall=overall)
    own = {name: _of_type(each, overall) for name, each in outcomes.by_type().items()}
    return Calibration(
        overall=overall, per_type={name: each for name, each in own.items() if each is not None}
    )


def _overall_temperature(outcomes: Outcomes) -> Calibrator:
    return fit_temperature(outcomes.confidence_N, outcomes.right_N)


def _overall_isotonic(outcomes: Outcomes) -> Calibrator:
    return fit_isotonic(outcomes.confidence_N, outcomes.right_N)


def _of_type(outcomes: Outcomes, overall: Calibrator) -> Calibrator | None:
    """Fit a type's own calibrator of the same kind; None if it has too few predictions."""
    if isinstance(overall, Temperature):
        prior = overall.temperature
        return fit_temperature(outcomes.confidence_N, outcomes.right_N, prior=prior)
    num_right = int(outcomes.right_N.sum())
    fewest = min(num_right, len(outcomes) - num_right)
    if len(outcomes) < _FEW or fewest < _FEW_OF_EACH:
        return None
    return fit_isotonic(outcomes.confidence_N, outcomes.right_N)

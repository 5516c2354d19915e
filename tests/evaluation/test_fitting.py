"""A fit is the same for the same input, and cross-fitting never sees what it judges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from ossamma.evaluation.calibrators import Method
from ossamma.evaluation.fitting import CalibrationSettings, cross_fit, fit_calibration
from ossamma.inference.calibration import ThresholdPolicy
from ossamma.schema.errors import ConfigurationError, DataError
from tests.evaluation import judging

SETTINGS = CalibrationSettings()


def overconfident(number=2_000, seed=0):
    generator = np.random.default_rng(seed)
    true_N = generator.beta(3, 1, number)
    types = generator.choice(["A", "B"], number)
    confidence_N = expit(logit(np.clip(true_N, 1e-4, 1 - 1e-4)) * 3)
    is_right = generator.random(number) < true_N
    return judging.outcomes(confidence_N, is_right, types=types, units=np.arange(number) // 4)


def test_cross_fitted_errors_fall():
    found = cross_fit(overconfident(), SETTINGS)
    assert found.after.overall.ece < 0.5 * found.before.overall.ece
    assert found.after.overall.log_loss < found.before.overall.log_loss
    assert found.after.overall.brier < found.before.overall.brier


def test_thresholds_only_remove():
    outcomes = overconfident()
    kept = cross_fit(outcomes, SETTINGS).kept
    none = kept[ThresholdPolicy.NONE]
    assert none.true_positives == outcomes.right_N.sum()
    assert none.support == outcomes.num_gold
    for policy in (ThresholdPolicy.F1, ThresholdPolicy.PRECISION):
        assert kept[policy].true_positives <= none.true_positives
        assert kept[policy].false_positives <= none.false_positives
        assert kept[policy].support == none.support
    assert kept[ThresholdPolicy.PRECISION].precision > none.precision


def test_confidences_that_say_nothing_gain_nothing_in_cross_fitting():
    """A fit that saw what it is judged on would find an order in noise."""
    generator = np.random.default_rng(1)
    noise = judging.outcomes(generator.random(400), generator.random(400) < 0.5)
    after = cross_fit(noise, CalibrationSettings(method=Method.ISOTONIC)).after.overall
    assert after.brier >= 0.249


def test_equal_input_gives_an_equal_calibration():
    one, other = (fit_calibration(overconfident(), SETTINGS) for _ in range(2))
    assert one == other
    assert set(one.calibration.thresholds) == {ThresholdPolicy.F1, ThresholdPolicy.PRECISION}


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(DataError, match="the system gives none"):
        fit_calibration(judging.outcomes([1.0, 1.0], [1, 0]), SETTINGS)
    with pytest.raises(DataError, match="at least 2 documents"):
        cross_fit(judging.outcomes([0.5, 0.6], [1, 0], units=[0, 0]), SETTINGS)
    for options in ({"folds": 1}, {"seed": -1}):
        with pytest.raises(ConfigurationError):
            CalibrationSettings(**options)

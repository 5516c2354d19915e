"""Fits find what was put in, are monotone, and are chosen on held-out units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from ossamma.evaluation.calibration import log_loss
from ossamma.evaluation.calibrators import (
    Method,
    choose_calibrators,
    fit_isotonic,
    fit_temperature,
    held_out_units,
    rising_steps,
    rising_steps_reference,
)
from ossamma.inference.calibration import Isotonic, Temperature
from ossamma.schema.errors import DataError
from tests.evaluation import judging

CASES = st.lists(
    st.tuples(st.sampled_from([0.05, 0.2, 0.4, 0.5, 0.7, 0.9, 1.0]), st.booleans()),
    min_size=1,
    max_size=25,
)


def arrays_of(case):
    return np.array([c for c, _ in case]), np.array([r for _, r in case])


def overconfident(number, temperature, seed=0):
    """Posteriors whose logits are too large by this factor."""
    generator = np.random.default_rng(seed)
    true_N = generator.beta(3, 1, number)
    right_N = generator.random(number) < true_N
    return expit(logit(np.clip(true_N, 1e-4, 1 - 1e-4)) * temperature), right_N


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature):
    found = fit_temperature(*overconfident(40_000, temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.05)


@given(CASES)
def test_no_other_temperature_is_better(case):
    confidence_N, right_N = arrays_of(case)
    best = log_loss(fit_temperature(confidence_N, right_N).apply(confidence_N), right_N)
    for other in np.geomspace(0.06, 19, 40):
        assert best <= log_loss(Temperature(other).apply(confidence_N), right_N) + 1e-4


def test_a_rare_type_stays_near_the_prior_and_a_frequent_one_leaves_it():
    few, many = (fit_temperature(*overconfident(n, 4.0), prior=1.5) for n in (3, 5_000))
    assert few.temperature == pytest.approx(1.5, rel=0.3)
    assert many.temperature == pytest.approx(4.0, rel=0.1)
    nothing = fit_temperature(np.zeros(0), np.zeros(0, dtype=bool), prior=1.5)
    assert nothing.temperature == pytest.approx(1.5, rel=1e-3)


def test_all_right_or_all_wrong_has_an_end():
    confidence_N = np.full(50, 0.8)
    for right_N in (np.ones(50, dtype=bool), np.zeros(50, dtype=bool)):
        assert 0.05 <= fit_temperature(confidence_N, right_N).temperature <= 20.0


@given(CASES)
def test_the_steps_are_those_of_the_definition(case):
    for fast, slow in zip(
        rising_steps(*arrays_of(case)), rising_steps_reference(*arrays_of(case)), strict=True
    ):
        np.testing.assert_allclose(fast, slow, atol=1e-12)


@given(CASES, st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_an_isotonic_fit_rises_everywhere_and_is_never_certain(case, others):
    found = fit_isotonic(*arrays_of(case))
    others = np.sort(others)
    values = found.apply(others)
    assert (np.diff(values) >= 0).all()
    assert (np.diff(values)[np.diff(others) > 1e-9] > 0).all()
    assert values.min() > 0.0
    assert values.max() < 1.0


def test_an_isotonic_fit_finds_a_curve():
    generator = np.random.default_rng(1)
    confidence_N = generator.random(50_000)
    fit = fit_isotonic(confidence_N, generator.random(50_000) < confidence_N**2)
    grid = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(fit.apply(grid), grid**2, atol=0.03)


def test_every_unit_is_held_out_once_and_never_fitted_on():
    found = judging.outcomes(np.full(23, 0.5), np.ones(23), units=np.arange(23) // 2)
    parts = list(held_out_units(found, 5, seed=3))
    assert sorted(np.concatenate([held for _, held in parts]).tolist()) == list(range(12))
    for seen, held in parts:
        assert not set(seen.tolist()) & set(held.tolist())
        assert len(seen) + len(held) == 12


def test_what_is_calibrated_already_stays_close_to_it():
    choice = choose_calibrators(judging.outcomes(*overconfident(3_000, 1.0)))
    grid = np.linspace(0.2, 0.98, 9)
    np.testing.assert_allclose(choice.calibration.apply(grid, ["A"] * 9), grid, atol=0.06)


def test_the_choice_has_the_least_held_out_loss():
    choice = choose_calibrators(judging.outcomes(*overconfident(4_000, 3.0)))
    assert set(choice.held_out) == {
        "none",
        "temperature",
        "isotonic",
        "temperature by type",
        "isotonic by type",
    }
    assert choice.held_out[choice.name] == min(choice.held_out.values())
    assert choice.held_out["temperature"] < choice.held_out["none"] - 0.05


def test_types_that_differ_get_their_own_calibrators():
    (hot, hot_right), (cold, cold_right) = overconfident(3_000, 4.0), overconfident(3_000, 0.5, 1)
    both = judging.outcomes(
        np.concatenate([hot, cold]),
        np.concatenate([hot_right, cold_right]),
        types=["hot"] * 3_000 + ["cold"] * 3_000,
    )
    choice = choose_calibrators(both, Method.TEMPERATURE)
    assert choice.name == "temperature by type"
    assert choice.calibration.of("hot").temperature == pytest.approx(4.0, rel=0.1)
    assert choice.calibration.of("cold").temperature == pytest.approx(0.5, rel=0.1)
    overall = choice.calibration.overall
    assert choice.calibration.of("never seen") is overall


def test_a_rare_type_has_no_isotonic_curve_of_its_own():
    (many, many_right), (few, few_right) = overconfident(3_000, 4.0), overconfident(60, 0.4, 1)
    both = judging.outcomes(
        np.concatenate([many, few]),
        np.concatenate([many_right, few_right]),
        types=["many"] * 3_000 + ["few"] * 60,
    )
    choice = choose_calibrators(both, Method.ISOTONIC)
    assert "few" not in choice.calibration.per_type
    assert isinstance(choice.calibration.of("few"), Isotonic)


@pytest.mark.parametrize("method", list(Method))
def test_a_method_gives_its_own_kind_even_of_one_document(method):
    confidence_N, right_N = overconfident(200, 2.0)
    choice = choose_calibrators(judging.outcomes(confidence_N, right_N, units=[0] * 200), method)
    assert choice.held_out == {}
    kind = Isotonic if method is Method.ISOTONIC else Temperature
    assert isinstance(choice.calibration.overall, kind)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(list(Method)))
def test_whatever_is_chosen_keeps_the_order_within_a_type(seed, method):
    generator = np.random.default_rng(seed)
    number = int(generator.integers(5, 300))
    confidence_N = generator.random(number)
    right_N = generator.random(number) < generator.random()
    types = generator.choice(["A", "B", "C"], number)
    choice = choose_calibrators(
        judging.outcomes(confidence_N, right_N, types=types), method, seed=seed
    )
    grid = np.linspace(0, 1, 101)
    for name in ("A", "B", "C", "D"):
        values = choice.calibration.apply(grid, [name] * len(grid))
        assert (np.diff(values) >= -1e-15).all()
        assert values.min() >= 0.0
        assert values.max() <= 1.0


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(DataError, match="expected predictions"):
        choose_calibrators(judging.outcomes([], []))

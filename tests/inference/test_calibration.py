"""Calibrators are monotone, stay in [0, 1], and thresholds only ever remove entities."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.inference.calibration import (
    Calibration,
    Isotonic,
    Temperature,
    ThresholdPolicy,
    Thresholds,
)
from ossamma.inference.recogniser import OssammaRecogniser
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import ConfigurationError
from tests import tiny

TEXTS = ["Ada Lovelace met Alan Turing in New York", "", "Oslo\nLima", "Emmy Noether " * 30]
SHARES = st.floats(0, 1)
TEMPERATURES = st.floats(0.05, 20).map(Temperature)


@st.composite
def isotonics(draw):
    confidences = sorted(draw(st.sets(SHARES, min_size=1, max_size=6)))
    size = len(confidences)
    precisions = sorted(draw(st.lists(SHARES, min_size=size, max_size=size)))
    return Isotonic(tuple(confidences), tuple(precisions))


CALIBRATORS = st.one_of(TEMPERATURES, isotonics())
TYPES = st.sampled_from(["A", "B", "C"])


@st.composite
def calibrations(draw):
    thresholds = st.builds(
        Thresholds,
        st.none() | SHARES,
        st.dictionaries(TYPES, st.none() | SHARES),
    )
    return Calibration(
        overall=draw(CALIBRATORS),
        per_type=draw(st.dictionaries(TYPES, CALIBRATORS)),
        thresholds=draw(
            st.dictionaries(
                st.sampled_from([ThresholdPolicy.F1, ThresholdPolicy.PRECISION]), thresholds
            )
        ),
        facts=draw(st.dictionaries(st.text(max_size=3), st.integers() | SHARES)),
    )


@given(CALIBRATORS, st.lists(SHARES, min_size=1))
def test_order_is_kept_and_nothing_leaves_the_range(calibrator, shares):
    values = calibrator.apply(np.sort(shares))
    # Rounding may turn neighbours around that are one bit apart.
    assert (np.diff(values) >= -1e-15).all()
    assert values.min() >= 0.0
    assert values.max() <= 1.0


@given(st.lists(SHARES))
def test_temperature_one_changes_nothing(shares):
    np.testing.assert_array_equal(Temperature(1.0).apply(np.array(shares)), shares)


@given(st.floats(0.01, 0.99), st.floats(1.01, 20))
def test_a_hot_temperature_draws_towards_one_half_and_a_cold_one_away(share, temperature):
    hot, cold = (Temperature(t).apply(np.array([share]))[0] for t in (temperature, 1 / temperature))
    assert abs(hot - 0.5) <= abs(share - 0.5) + 1e-12
    assert abs(cold - 0.5) >= abs(share - 0.5) - 1e-12
    assert Temperature(1 / temperature).apply(np.array([hot]))[0] == pytest.approx(share, abs=1e-9)


@given(calibrations(), st.lists(st.tuples(SHARES, TYPES)))
def test_all_at_once_is_one_by_one(calibration, case):
    posterior_N, types = np.array([p for p, _ in case]), [name for _, name in case]
    np.testing.assert_array_equal(
        calibration.apply(posterior_N, types), calibration.apply_reference(posterior_N, types)
    )


@given(calibrations())
def test_json_and_back_is_equal_to_the_bit(calibration):
    content = json.loads(json.dumps(calibration.to_json(), allow_nan=False))
    assert Calibration.from_json(content) == calibration


@given(calibrations(), st.lists(st.tuples(SHARES, TYPES), min_size=1))
def test_keeping_is_by_the_threshold_of_the_type(calibration, case):
    confidence_N, types = np.array([p for p, _ in case]), [name for _, name in case]
    for thresholds in calibration.thresholds.values():
        kept = thresholds.keep(confidence_N, types).tolist()
        for (confidence, name), is_kept in zip(case, kept, strict=True):
            least = thresholds.of(name)
            assert is_kept == (least is not None and confidence >= least)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Temperature(0.0),
        lambda: Temperature(float("nan")),
        lambda: Isotonic((), ()),
        lambda: Isotonic((0.5,), (0.1, 0.2)),
        lambda: Isotonic((0.5, 0.5), (0.1, 0.2)),
        lambda: Isotonic((0.5, 0.6), (0.3, 0.2)),
        lambda: Isotonic((0.5,), (1.5,)),
        lambda: Thresholds(1.5),
        lambda: Thresholds(None, {"A": float("nan")}),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(ConfigurationError):
        make()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format=2),
        lambda c: c.pop("overall"),
        lambda c: c["overall"].update(kind="forest"),
        lambda c: c["overall"].update(temperature="hot"),
        lambda c: c["thresholds"].update(recall={"overall": 0.1, "per_type": {}}),
        lambda c: c["thresholds"].update(f1=[]),
        lambda c: c.update(per_type=[]),
        lambda c: c.update(facts=None),
    ],
)
def test_damaged_json_is_refused(change):
    content = Calibration(overall=Temperature(2.0)).to_json()
    change(content)
    with pytest.raises(ConfigurationError):
        Calibration.from_json(content)
    with pytest.raises(ConfigurationError, match="format 1"):
        Calibration.from_json(None)


CALIBRATION = Calibration(
    overall=Temperature(2.0),
    per_type={"PLACE": Isotonic((0.1, 0.9), (0.05, 0.6))},
    thresholds={
        ThresholdPolicy.F1: Thresholds(0.6, {"PLACE": 0.3}),
        ThresholdPolicy.PRECISION: Thresholds(None),
    },
)


def recogniser(calibration=CALIBRATION, **settings):
    raw = tiny.recogniser()
    return OssammaRecogniser(raw.model, raw.tokenizer, InferenceSettings(**settings), calibration)


def test_a_recogniser_applies_the_calibrators_and_moves_nothing_else():
    raw, calibrated = tiny.recogniser().recognise(TEXTS), recogniser().recognise(TEXTS)
    assert any(raw)
    for before, after in zip(raw, calibrated, strict=True):
        assert [(e.start, e.end, e.label) for e in before] == [
            (e.start, e.end, e.label) for e in after
        ]
        posteriors = np.array([e.confidence for e in before])
        wanted = CALIBRATION.apply_reference(posteriors, [e.label for e in before])
        assert [e.confidence for e in after] == wanted.tolist()
    assert recogniser(calibrated=False).recognise(TEXTS) == raw


@pytest.mark.parametrize("policy", ["f1", "precision"])
def test_thresholds_leave_out_what_they_say(policy):
    everything = recogniser().recognise(TEXTS)
    thresholds = CALIBRATION.thresholds[ThresholdPolicy(policy)]
    kept = recogniser(thresholds=ThresholdPolicy(policy)).recognise(TEXTS)
    assert kept == [
        [
            e
            for e in entities
            if (least := thresholds.of(e.label)) is not None and e.confidence >= least
        ]
        for entities in everything
    ]
    assert kept != everything


def test_a_least_confidence_works_without_a_calibration():
    raw = tiny.recogniser().recognise(TEXTS)
    limit = float(np.median([e.confidence for entities in raw for e in entities]))
    kept = recogniser(None, min_confidence=limit).recognise(TEXTS)
    assert kept == [[e for e in entities if e.confidence >= limit] for entities in raw]
    assert kept != raw


def test_thresholds_that_are_not_there_are_refused():
    for calibration in (None, Calibration(overall=Temperature())):
        with pytest.raises(ConfigurationError, match="ossamma calibrate"):
            recogniser(calibration, thresholds=ThresholdPolicy.F1)

"""The estimate holds the true number of the annotation's errors where its assumptions hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossamma.evaluation.judge import Relation
from ossamma.evaluation.noise_estimate import (
    NoiseEstimate,
    NoiseSettings,
    design_effect,
    estimate_noise,
    noise_posterior,
    rank_bins,
)
from ossamma.evaluation.outcomes import NotMeasurable, collect_outcomes
from ossamma.schema.errors import ConfigurationError
from tests.evaluation import judging


def world(seed, *, number=1500, noise=0.05, shape=(8.0, 0.5), hard=0.0):
    """Judged predictions of a model that is right with its probability, and how many slips hit.

    Args:
        seed: of the draws.
        number: of predictions.
        noise: share of the right predictions that annotators deny.
        shape: of the beta distribution of the probability of being right.
        hard: how much more likely slips are where the model is unsure; 0: not at all.
    """
    generator = np.random.default_rng(seed)
    chance = generator.beta(*shape, number)
    is_right = generator.random(number) < chance
    weight = 1.0 + hard * (1.0 - chance) / (1.0 - chance).mean()
    slips = generator.random(number) < noise * weight / weight.mean()
    agrees = is_right & ~slips
    confidences = 0.95 * chance**0.7  # calibrated by nobody
    judged = [
        judging.document(
            judging.right(confidence=float(confidence))
            if agree
            else judging.spurious(confidence=float(confidence)),
            name=f"d{index}",
        )
        for index, (confidence, agree) in enumerate(zip(confidences, agrees, strict=True))
    ]
    return judged, int((is_right & slips).sum())


def test_the_parts_add_up():
    judged, _ = world(1)
    judged.append(judging.document(judging.missed(), judging.missed(), name="m"))
    found = estimate_noise(judged)
    wrong = sum(pair.relation is Relation.SPURIOUS for one in judged for pair in one.pairs)
    assert (found.predictions, found.wrong, found.missed) == (1500, wrong, 2)
    assert sum(found.by_relation.values()) == pytest.approx(found.annotation)
    assert found.interval.low <= found.annotation <= found.interval.high <= wrong
    total = sum(
        found.probability(pair.predicted.confidence)
        for one in judged
        for pair in one.pairs
        if pair.relation is Relation.SPURIOUS
    )
    assert total == pytest.approx(found.annotation)


def test_the_surer_the_model_the_more_likely_the_annotation_is_at_fault():
    found = estimate_noise(world(2)[0])
    chances = [found.probability(c) for c in np.linspace(0.0, 1.0, 50)]
    assert chances == sorted(chances)
    assert 0.0 <= chances[0] < 0.2
    assert 0.5 < chances[-1] <= 1.0


def test_the_scale_of_the_confidences_does_not_matter():
    judged, _ = world(3)
    squeezed = []
    for one in judged:
        (pair,) = one.pairs
        confidence = 0.2 + 0.1 * pair.predicted.confidence**3
        made = judging.right if pair.relation is Relation.CORRECT else judging.spurious
        squeezed.append(judging.document(made(confidence=confidence), name=one.document.id))
    one, other = estimate_noise(judged), estimate_noise(squeezed)
    assert other.noise == pytest.approx(one.noise)
    # The isotonic fit is mixed with a little of the confidence itself.
    assert other.annotation == pytest.approx(one.annotation, rel=0.1)


def test_more_noise_is_seen_as_more():
    estimates = [estimate_noise(world(4, number=4000, noise=n)[0]) for n in (0.0, 0.05, 0.2)]
    assert estimates[0].noise < estimates[1].noise < estimates[2].noise
    assert estimates[0].interval.low == 0.0
    assert estimates[2].noise == pytest.approx(0.2, abs=0.06)


def test_errors_that_come_together_widen_the_interval():
    outcomes = collect_outcomes(world(5)[0])
    bins = rank_bins(outcomes.confidence_N)
    assert design_effect(outcomes, bins) == pytest.approx(1.0, abs=0.2)
    twice = [one for one in world(5)[0] for _ in range(2)]
    grouped = [
        judging.document(*one.pairs, group=f"g{index // 2}", name=f"d{index}")
        for index, one in enumerate(twice)
    ]
    doubled = collect_outcomes(grouped)
    assert design_effect(doubled, rank_bins(doubled.confidence_N)) == pytest.approx(2.0, abs=0.4)


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]), min_size=1, max_size=300),
    st.integers(0, 2**32),
)
def test_bins_follow_confidence_and_the_posterior_is_one(confidences, seed):
    confidence = np.array(confidences)
    bins = rank_bins(confidence)
    order = np.argsort(confidence, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    assert set(bins.tolist()) == set(range(int(bins.max()) + 1))
    for value in set(confidences):
        assert len(set(bins[confidence == value].tolist())) == 1
    right = np.random.default_rng(seed).random(len(bins)) < confidence
    noise, weight = noise_posterior(bins, right)
    assert weight.sum() == pytest.approx(1.0)
    assert (np.diff(noise) > 0).all()
    assert 0.0 < noise[0] < noise[-1] < 0.5


@pytest.mark.parametrize(
    "judged",
    [
        [],
        [judging.document(judging.missed())],
        [judging.document(judging.right(confidence=1.0))] * 200,
        [judging.document(judging.right(confidence=0.8))] * 99,
    ],
    ids=["nothing", "no prediction", "no confidences", "too few"],
)
def test_what_cannot_be_estimated_says_why(judged):
    found = estimate_noise(judged)
    assert isinstance(found, NotMeasurable)
    assert found.reason


def test_without_any_disagreement_nothing_is_the_annotations():
    judged = [judging.document(judging.right(confidence=0.5 + i / 1000)) for i in range(200)]
    found = estimate_noise(judged)
    assert isinstance(found, NoiseEstimate)
    assert found.annotation == 0.0
    assert found.interval.to_json() == [0.0, 0.0]


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"draws": 10}, {"seed": -1}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigurationError):
        NoiseSettings(**settings)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("shape", [(8.0, 0.5), (4.0, 0.6), (3.0, 1.0)], ids=str)
def test_intervals_hold_the_true_number_as_often_as_they_say(noise, shape):
    """Models that are right in 94, 87 and 75 % of their predictions; the level is 95 %."""
    held, told, true = 0, 0.0, 0.0
    for seed in range(100):
        judged, number = world(seed, noise=noise, shape=shape)
        found = estimate_noise(judged)
        held += found.interval.low <= number <= found.interval.high
        told += found.annotation
        true += number
    assert held >= 90
    if noise >= 0.05:
        assert told / true == pytest.approx(1.0, abs=0.3)


@pytest.mark.slow
def test_slips_at_hard_places_make_the_estimate_too_low():
    """The known weakness, and its direction: as many slips, most of them where the model doubts."""
    shares = []
    for seed in range(20):
        judged, number = world(seed, noise=0.1, hard=2.0)
        shares.append(estimate_noise(judged).annotation / number)
    assert 0.05 < np.mean(shares) < 0.7

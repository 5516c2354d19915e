"""A system does not differ from itself, differences have a sign, and chance is called chance."""

from __future__ import annotations

import numpy as np
import pytest

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.evaluation.significance import compare
from ossamma.schema.errors import DataError
from tests.evaluation import judging

FEW = ResamplingSettings(resamples=500)


def two_systems(seed, *, better=0.0, num_documents=40):
    """Gold entities of two types; each system finds each with a chance, and invents some."""
    generator = np.random.default_rng(seed)
    gold = generator.poisson(2.0, size=(num_documents, 2))
    systems = []
    for chance in (0.7 + better, 0.7):
        found = generator.binomial(gold, chance)
        invented = generator.poisson(0.5, size=gold.shape)
        systems.append(judging.documents(np.stack([found, invented, gold - found], -1), "AB"))
    return systems


def rows(comparison):
    yield comparison.micro
    yield comparison.macro
    yield from comparison.per_type.values()


def test_a_system_does_not_differ_from_itself():
    one, _ = two_systems(0)
    for row in rows(compare(one, one, FEW)):
        for found in row.values():
            assert found.difference == found.interval.width == 0.0
            assert found.p_bootstrap == found.p_randomisation == 1.0


def test_the_other_way_round_only_the_sign_differs():
    one, other = two_systems(1)
    for there, back in zip(
        rows(compare(one, other, FEW)), rows(compare(other, one, FEW)), strict=True
    ):
        for name, found in there.items():
            assert found.difference == pytest.approx(-back[name].difference, abs=1e-12)
            assert found.interval.low == pytest.approx(-back[name].interval.high, abs=1e-12)
            assert found.interval.high == pytest.approx(-back[name].interval.low, abs=1e-12)
            assert found.p_bootstrap == back[name].p_bootstrap
            assert found.p_randomisation == back[name].p_randomisation


def test_the_difference_is_that_of_the_scores():
    one = judging.documents([[[3, 1, 1]], [[1, 0, 2]]])
    other = judging.documents([[[2, 2, 2]], [[3, 0, 0]]])
    found = compare(one, other, FEW)
    assert found.micro["precision"].difference == pytest.approx(4 / 5 - 5 / 7)
    assert found.micro["recall"].difference == pytest.approx(4 / 7 - 5 / 7)
    assert found.micro["f1"].difference == pytest.approx(8 / 12 - 10 / 14)
    assert found.macro["f1"].difference == pytest.approx(found.per_type["A"]["f1"].difference)


def test_with_few_documents_randomisation_is_the_exact_test():
    """All swaps of four documents can be counted: 2 of 16 are as extreme as all on one side."""
    one = judging.documents([[[2, 0, 0]]] * 4)
    other = judging.documents([[[1, 0, 1]]] * 4)
    found = compare(one, other, ResamplingSettings(resamples=20_000)).micro["recall"]
    assert found.p_randomisation == pytest.approx(2 / 16, abs=0.01)


def test_a_clear_gain_is_seen():
    one, other = two_systems(2, better=0.2, num_documents=150)
    found = compare(one, other, FEW).micro["recall"]
    assert found.interval.low > 0.1
    assert max(found.p_bootstrap, found.p_randomisation) < 0.01


def test_a_type_that_only_one_system_predicts():
    one = judging.documents([[[1, 0, 0]]] * 3)
    other = [
        judging.document(*each.pairs, judging.spurious("Z"), name=each.document.id) for each in one
    ]
    found = compare(one, other, FEW)
    assert set(found.per_type) == {"A", "Z"}
    assert found.per_type["A"]["f1"].difference == 0.0
    assert found.micro["precision"].difference == 0.5


def test_other_documents_are_refused():
    one, other = two_systems(3)
    with pytest.raises(DataError, match="40 and 39 documents"):
        compare(one, other[:-1], FEW)
    with pytest.raises(DataError, match="at 0"):
        compare(one, [*other[1:], other[0]], FEW)


def test_the_report_has_its_keys():
    one, other = two_systems(4)
    content = compare(one, other, FEW).to_json()
    assert set(content) == {"level", "resamples", "seed", "unit", "micro", "macro", "per_type"}
    assert set(content["per_type"]["A"]["f1"]) == {
        "difference",
        "interval",
        "p_bootstrap",
        "p_randomisation",
    }


@pytest.mark.slow
def test_equally_good_systems_differ_by_chance_as_often_as_the_level_says():
    rounds = 300
    chosen = ResamplingSettings(resamples=200)
    alarms = {"p_bootstrap": 0, "p_randomisation": 0, "interval": 0}
    for seed in range(rounds):
        found = compare(*two_systems(seed), chosen).micro["f1"]
        alarms["p_bootstrap"] += found.p_bootstrap <= 0.05
        alarms["p_randomisation"] += found.p_randomisation <= 0.05
        alarms["interval"] += not found.interval.low <= 0.0 <= found.interval.high
    for name, number in alarms.items():
        # Two standard errors of 300 rounds at 5 % are 2.5 points.
        assert 0.02 <= number / rounds <= 0.09, (name, number / rounds)

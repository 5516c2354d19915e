"""Intervals hold the figure, ignore names and order, and are right as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from ossamma.evaluation.bootstrap import score_intervals
from ossamma.evaluation.resampling import (
    ResamplingSettings,
    ratios,
    resampled_totals,
)
from tests.evaluation import judging

FIGURES = ("precision", "recall", "f1")


def random_counts(seed, num_documents=30, types=3):
    generator = np.random.default_rng(seed)
    return generator.poisson(1.0, size=(num_documents, types, 3))


def test_every_interval_holds_its_figure():
    counts = random_counts(0)
    found = score_intervals(judging.documents(counts, "ABC"))
    rows = {**found.per_type, "micro": found.micro}
    totals = dict(zip("ABC", counts.sum(axis=0), strict=True)) | {"micro": counts.sum(axis=(0, 1))}
    for name, row in rows.items():
        for figure, value in zip(FIGURES, ratios(totals[name]), strict=True):
            interval = getattr(row, figure)
            assert interval.low < value < interval.high
            assert interval.low >= 0.0
            assert interval.high <= 1.0


def test_the_order_and_the_names_of_types_do_not_matter():
    counts = random_counts(1)
    one = score_intervals(judging.documents(counts, "ABC"))
    other = score_intervals(judging.documents(counts[:, [2, 0, 1]], "CAB"))
    renamed = score_intervals(judging.documents(counts, "ZYX"))
    assert one == other
    assert one.micro == renamed.micro
    assert one.per_type["A"] == renamed.per_type["Z"]


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    made = judging.documents(random_counts(2), "ABC")
    few = [score_intervals(made, ResamplingSettings(resamples=200, seed=s)) for s in (1, 1, 2)]
    assert few[0] == few[1]
    assert few[0].macro != few[2].macro


def test_a_higher_level_is_wider():
    made = judging.documents(random_counts(3), "ABC")
    narrow, wide = (score_intervals(made, ResamplingSettings(level=at)) for at in (0.8, 0.99))
    for name in "ABC":
        assert narrow.per_type[name].f1.width < wide.per_type[name].f1.width


def test_little_support_is_a_wide_interval():
    """Three right ones of three are right in every resample; nobody should believe in them."""
    counts = np.zeros((100, 2, 3), dtype=int)
    counts[:, 0, 0] = 2
    counts[:3, 1, 0] = 1
    found = score_intervals(judging.documents(counts, "AB"))
    assert found.per_type["A"].f1.width < 0.05
    assert found.per_type["B"].f1.width > 0.35
    assert found.documents == {"A": 100, "B": 3}


def test_what_stands_in_one_document_or_nowhere_is_unknown():
    counts = np.zeros((50, 1, 3), dtype=int)
    counts[0, 0] = (5, 1, 0)
    found = score_intervals(judging.documents(counts)).per_type["A"]
    assert found.precision.to_json() == [0.0, 1.0]
    counts[0, 0] = (0, 6, 0)
    assert score_intervals(judging.documents(counts)).per_type["A"].recall.to_json() == [0.0, 1.0]
    nothing = score_intervals([judging.document()])
    assert nothing.micro.f1.to_json() == [0.0, 1.0]
    assert nothing.per_type == {}


def test_entities_of_one_document_are_not_independent():
    """The same totals in fewer documents say less."""
    spread = np.tile([[1, 0, 0], [0, 0, 1]], (60, 1))
    lumps = np.tile([[10, 0, 0], [0, 0, 10]], (6, 1))
    even, uneven = (score_intervals(judging.documents(each)) for each in (spread, lumps))
    assert uneven.micro.recall.width > 1.5 * even.micro.recall.width


def test_several_candidate_types_are_a_row_and_no_part_of_the_macro_average():
    plain = judging.documents(random_counts(4, types=1))
    marked = [judging.document(*each.pairs, judging.missed("A", "B")) for each in plain]
    found = score_intervals(marked)
    assert set(found.per_type) == {"A", "A|B"}
    assert found.macro == score_intervals(plain).macro


def test_the_report_section_has_its_keys():
    made = judging.documents(random_counts(5), "ABC")
    section = score_intervals(made, ResamplingSettings(resamples=150, seed=4)).to_json()
    assert {key: section[key] for key in ("level", "resamples", "seed", "unit")} == {
        "level": 0.95,
        "resamples": 150,
        "seed": 4,
        "unit": "document",
    }
    assert list(section["per_type"]) == ["A", "B", "C"]
    assert set(section["per_type"]["A"]) == {*FIGURES, "documents"}


def simulate(generator, num_documents, rate, share):
    """Counts of documents: gold entities, found with a chance that differs by document, noise."""
    gold = generator.poisson(rate * generator.gamma(1.0, 1.0, num_documents))
    chance = generator.beta(5 * share, 5 * (1 - share), num_documents)
    found = generator.binomial(gold, chance)
    invented = generator.poisson(0.2 * rate * generator.gamma(1.0, 1.0, num_documents))
    return np.stack([found, invented, gold - found], axis=-1)[:, None]


@pytest.mark.slow
@pytest.mark.parametrize(("num_documents", "rate"), [(30, 0.5), (60, 0.2), (60, 2.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(num_documents, rate):
    """Percentiles alone fall short; with the counts they do not."""
    generator = np.random.default_rng(6)
    truth = ratios(simulate(generator, 400_000, rate, 0.8).sum(axis=(0, 1)))
    chosen = ResamplingSettings(resamples=300)
    held, by_percentiles, rounds = np.zeros(3), np.zeros(3), 200
    for _ in range(rounds):
        counts = simulate(generator, num_documents, rate, 0.8)
        found = score_intervals(judging.documents(counts), chosen).micro
        for column, figure in enumerate(FIGURES):
            interval = getattr(found, figure)
            held[column] += interval.low <= truth[column] <= interval.high
        drawn = ratios(resampled_totals(counts[:, 0], chosen))
        low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
        by_percentiles += (low <= truth) & (truth <= high)
    assert (held / rounds >= 0.9).all(), held / rounds
    assert (held >= by_percentiles).all()
    assert by_percentiles.min() / rounds < 0.935

"""Counts by document are the strict scores, and the fast draws are the slow ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ossamma.evaluation import resampling
from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.resampling import (
    ResamplingSettings,
    count_units,
    macro,
    ratios,
    resampled_totals,
    resampled_totals_reference,
)
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation import judging

FEW = ResamplingSettings(resamples=100)
LABELS = st.sampled_from([("A",), ("B",), ("A", "B"), ("C",)])


@st.composite
def cases(draw):
    """Documents with annotations and predictions on the same few spans."""
    gold, predicted = [], []
    for index in range(draw(st.integers(1, 5))):
        spans = st.tuples(st.integers(0, 2), st.integers(3, 5))
        marks = draw(st.lists(st.tuples(spans, LABELS), max_size=4, unique=True))
        claims = draw(st.lists(st.tuples(spans, st.sampled_from("ABC")), max_size=4, unique=True))
        annotations = tuple(Annotation(*span, labels) for span, labels in marks)
        gold.append(Document(id=str(index), text="xxxxx", annotations=annotations))
        predicted.append([Entity(a, b, label, "x" * (b - a)) for (a, b), label in claims])
    return gold, predicted


@given(cases())
def test_the_sum_over_documents_is_the_strict_score(case):
    gold, predicted = case
    scores = strict_scores(gold, predicted)
    units = count_units(list(judge(gold, predicted)))
    assert units.types == tuple(scores.per_type)
    for row, counts in zip(units.totals, scores.per_type.values(), strict=True):
        wanted = (counts.true_positives, counts.false_positives, counts.false_negatives)
        assert tuple(row) == wanted
    micro = ratios(units.totals.sum(axis=0))
    assert np.nan_to_num(micro)[2] == pytest.approx(scores.micro.f1)
    np.testing.assert_allclose(macro(units.totals, units.is_type), scores.macro, atol=1e-12)


@settings(deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.integers(0, 50)),
    st.integers(0, 5),
)
def test_fast_draws_are_the_slow_ones(counts_UK, seed):
    chosen = ResamplingSettings(resamples=100, seed=seed)
    fast = resampled_totals(counts_UK, chosen)
    np.testing.assert_array_equal(fast, resampled_totals_reference(counts_UK, chosen))


def test_the_size_of_a_chunk_changes_nothing(monkeypatch):
    counts_UK = np.random.default_rng(0).integers(0, 9, size=(13, 4))
    whole = resampled_totals(counts_UK, FEW)
    monkeypatch.setattr(resampling, "_CELLS", 40)
    np.testing.assert_array_equal(resampled_totals(counts_UK, FEW), whole)


def test_sums_beyond_single_precision_are_exact():
    counts_UK = np.array([[(1 << 24) + 1], [1]])
    fast = resampled_totals(counts_UK, FEW)
    np.testing.assert_array_equal(fast, resampled_totals_reference(counts_UK, FEW))


def test_documents_of_a_group_are_one_unit():
    pairs = [judging.right(), judging.spurious(), judging.missed(), judging.right()]
    groups = ["g", "", "g", ""]
    made = [judging.document(p, group=g) for p, g in zip(pairs, groups, strict=True)]
    units = count_units(made)
    assert units.counts_UTC[:, 0].tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert units.occurrences.tolist() == [3]


def test_what_is_unknown_is_not_zero():
    assert np.isnan(ratios(np.array([0, 0, 0]))).all()
    precision, recall, f1 = ratios(np.array([0, 0, 2]))
    assert np.isnan(precision)
    assert (recall, f1) == (0.0, 0.0)


def test_bad_settings_and_no_documents_are_refused():
    for options in ({"resamples": 99}, {"level": 1.0}, {"seed": -1}):
        with pytest.raises(ConfigurationError):
            ResamplingSettings(**options)
    with pytest.raises(DataError, match="at least one document"):
        count_units([])

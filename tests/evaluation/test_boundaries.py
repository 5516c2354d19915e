"""Borders: start, end and both are counted apart, and how far the wrong ones are off."""

from __future__ import annotations

import json

from hypothesis import given

from ossamma.evaluation.boundaries import BORDERS, FARTHEST, UNITS, boundary_scores
from ossamma.evaluation.judge import judge
from ossamma.evaluation.schemes import Scheme, scheme_scores
from ossamma.evaluation.scores import Counts
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation.spans import Case, cases, claim, document, mark


class TestLaws:
    @given(cases())
    def test_both_is_what_the_exact_scheme_counts(self, case: Case) -> None:
        judged = list(judge([case[0]], [case[1]]))
        exact = scheme_scores(judged)[Scheme.EXACT].micro
        both = boundary_scores(judged).both
        assert both.true_positives == exact.gold.correct
        assert (both.precision, both.recall) == (exact.precision, exact.recall)

    @given(cases())
    def test_histograms_have_every_pair(self, case: Case) -> None:
        judged = list(judge([case[0]], [case[1]]))
        scores = boundary_scores(judged)
        pairs = [pair for one in judged for pair in one.pairs if pair.gold and pair.predicted]
        for unit in UNITS:
            for border in BORDERS:
                assert sum(scores.distances[unit, border].values()) == len(pairs)
        right = scores.distances["characters", "start"].get(0, 0)
        assert right == scores.start.true_positives

    @given(cases())
    def test_both_are_right_no_more_often_than_each(self, case: Case) -> None:
        scores = boundary_scores(judge([case[0]], [case[1]]))
        for one in (scores.start, scores.end):
            assert scores.both.true_positives <= one.true_positives
            assert one.support == scores.both.support


def test_worked_case() -> None:
    """Text: `ab cd efg`. One end is three characters (a word) too early, one start two too late."""
    gold = document(mark(0, 5, "A"), mark(6, 9, "B"))
    scores = boundary_scores(judge([gold], [[claim(0, 2, "A"), claim(8, 9, "C")]]))
    assert (scores.start, scores.end, scores.both) == (
        Counts(1, 1, 1),
        Counts(1, 1, 1),
        Counts(0, 2, 2),
    )
    assert scores.distances == {
        ("words", "start"): {0: 2},
        ("words", "end"): {-1: 1, 0: 1},
        ("characters", "start"): {0: 1, 2: 1},
        ("characters", "end"): {-3: 1, 0: 1},
    }


def test_far_distances_share_a_bar() -> None:
    text = "a " * 20
    gold = Document("d", text, annotations=(Annotation(20, 21, ("A",)),))
    found = [Entity(0, 39, "A", text[:39])]
    table = boundary_scores(judge([gold], [found])).to_json()
    bars = dict.fromkeys(["<=-5", "-4", "-3", "-2", "-1", "0", "1", "2", "3", "4", ">=5"], 0)
    assert len(bars) == 2 * FARTHEST + 1
    assert table["distances"] == {
        unit: {"start": bars | {"<=-5": 1}, "end": bars | {">=5": 1}} for unit in UNITS
    }
    assert json.loads(json.dumps(table)) == table

"""Confusion: exact counts that add up, and the same figures as the strict scores."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.confusion import Confusion, confusion
from ossamma.evaluation.judge import JudgedDocument, judge
from ossamma.evaluation.metrics import strict_scores_of
from tests.evaluation.spans import Case, cases, claim, document, mark, shuffled, sole_marks, swapped

some_cases = st.lists(cases(), max_size=3)


def judged(several: list[Case]) -> list[JudgedDocument]:
    return list(judge([case[0] for case in several], [case[1] for case in several]))


def confusion_of(*several: Case) -> Confusion:
    return confusion(judged(list(several)))


class TestSums:
    @given(some_cases)
    def test_a_row_and_what_was_missed_are_the_gold_marks(self, several: list[Case]) -> None:
        documents = judged(several)
        table = confusion(documents)
        gold = Counter(p.gold.label for d in documents for p in d.pairs if p.gold)
        rows = zip(table.types, table.counts, table.missed, strict=True)
        assert +Counter({name: sum(row) + missed for name, row, missed in rows}) == gold

    @given(st.lists(cases(sole_marks), max_size=3))
    def test_a_column_and_what_is_spurious_are_the_predictions(self, several: list[Case]) -> None:
        documents = judged(several)
        table = confusion(documents)
        found = Counter(p.predicted.label for d in documents for p in d.pairs if p.predicted)
        columns = list(zip(*table.counts, strict=True)) or [() for _ in table.types]
        sums = zip(table.types, columns, table.spurious, strict=True)
        assert +Counter({name: sum(col) + spurious for name, col, spurious in sums}) == found

    @given(some_cases)
    def test_no_prediction_is_lost_where_marks_are_open(self, several: list[Case]) -> None:
        documents = judged(several)
        table = confusion(documents)
        found = sum(pair.predicted is not None for one in documents for pair in one.pairs)
        assert sum(map(sum, table.counts)) + sum(table.spurious) == found

    @given(some_cases)
    def test_the_figures_are_those_of_the_strict_scores(self, several: list[Case]) -> None:
        """So tp + fn are the gold marks and tp + fp the predictions of each row."""
        documents = judged(several)
        table = confusion(documents)
        assert {name: table.counts_of(name) for name in table.types} == dict(
            strict_scores_of(documents).per_type
        )

    @given(some_cases)
    def test_equal_borders_are_a_part_of_all(self, several: list[Case]) -> None:
        table = confusion_of(*several)
        for part, whole in zip(table.same_borders, table.counts, strict=True):
            assert all(0 <= a <= b for a, b in zip(part, whole, strict=True))

    @given(cases(), st.integers(0, 100))
    def test_no_order_matters(self, case: Case, seed: int) -> None:
        assert confusion_of(shuffled(case, seed)) == confusion_of(case)

    @given(cases(sole_marks, complete=True))
    def test_swapping_the_sides_swaps_the_sums(self, case: Case) -> None:
        """Single cells may differ where two alignments are equally good."""
        there, back = confusion_of(case), confusion_of(swapped(case))
        assert there.types == back.types
        for name in there.types:
            one, other = there.counts_of(name), back.counts_of(name)
            assert (one.true_positives, one.false_positives, one.false_negatives) == (
                other.true_positives,
                other.false_negatives,
                other.false_positives,
            )


def test_worked_case() -> None:
    gold = document(mark(0, 2, "A"), mark(3, 5, "B"), mark(6, 9, "AB"))
    found = [claim(0, 2, "B"), claim(4, 5, "B"), claim(6, 9, "A"), claim(5, 6, "C")]
    table = confusion_of((gold, found)).to_json()
    assert table == {
        "types": ["A", "A|B", "B", "C"],
        "counts": [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]],
        "same_borders": [[0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        "missed": [0, 0, 0, 0],
        "spurious": [0, 0, 0, 1],
    }
    assert json.loads(json.dumps(table)) == table


def test_without_documents_there_are_no_types() -> None:
    assert confusion([]).types == ()

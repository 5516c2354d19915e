"""The alignment: complete, the best by brute force, and the same for every order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation, judge, relation_of
from ossamma.evaluation.matching import Worth, best_worth_reference
from ossamma.evaluation.metrics import strict_scores, strict_scores_of
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation.spans import (
    TEXT,
    Case,
    cases,
    claim,
    document,
    mark,
    shuffled,
    sole_marks,
    swapped,
)

LEVELS = (
    {Relation.CORRECT},
    {Relation.CORRECT, Relation.WRONG_TYPE},
    {Relation.CORRECT, Relation.WRONG_BOUNDARY},
    {Relation.CORRECT, Relation.WRONG_TYPE, Relation.WRONG_BOUNDARY, Relation.WRONG_BOTH},
)
"""What the alignment has as many as possible of, the weightiest first."""


def judged(case: Case) -> JudgedDocument:
    (one,) = judge([case[0]], [case[1]])
    return one


def is_repeated(spans: list[tuple[int, int, str]], index: int) -> bool:
    return spans[index] in spans[:index]


def best_levels(gold: list[Annotation], found: list[Entity]) -> Worth:
    """The greatest number of pairs of each level, by trying every alignment."""
    wanted = [(a.start, a.end, a.label) for a in gold]
    claimed = [(e.start, e.end, e.label) for e in found]

    def worth(row: int, column: int) -> Worth | None:
        if is_repeated(claimed, column) or (
            len(gold[row].labels) == 1 and is_repeated(wanted, row)
        ):
            return None
        relation = relation_of(gold[row], found[column])
        return tuple(int(relation in level) for level in LEVELS)

    return best_worth_reference(
        [(a.start, a.end) for a in gold], [(e.start, e.end) for e in found], worth
    )


class TestAlignment:
    @given(cases())
    def test_every_mark_and_prediction_is_in_one_place(self, case: Case) -> None:
        one = judged(case)
        gold = [pair.gold for pair in one.pairs if pair.gold] + list(one.unscored_gold)
        found = [pair.predicted for pair in one.pairs if pair.predicted] + list(one.unscored)
        assert Counter(gold) == Counter(case[0].annotations)
        assert Counter(found) == Counter(case[1])

    @given(cases())
    def test_relations_are_what_they_say(self, case: Case) -> None:
        for pair in judged(case).pairs:
            if pair.gold and pair.predicted:
                assert pair.relation is relation_of(pair.gold, pair.predicted)
                assert pair.gold.start < pair.predicted.end
                assert pair.predicted.start < pair.gold.end
            else:
                lone = Relation.MISSED if pair.gold else Relation.SPURIOUS
                assert (pair.gold is None) != (pair.predicted is None)
                assert pair.relation is lone

    @given(cases(complete=True))
    def test_no_alignment_is_better(self, case: Case) -> None:
        relations = [pair.relation for pair in judged(case).pairs]
        levels = tuple(sum(relation in level for relation in relations) for level in LEVELS)
        best = best_levels(list(case[0].annotations or ()), case[1])
        assert levels == (best or (0,) * len(LEVELS))

    @given(cases(), st.integers(0, 100))
    def test_no_order_matters(self, case: Case, seed: int) -> None:
        one, other = judged(case), judged(shuffled(case, seed))
        assert (one.pairs, one.unscored, one.unscored_gold) == (
            other.pairs,
            other.unscored,
            other.unscored_gold,
        )

    @given(cases(sole_marks, complete=True))
    def test_swapping_the_sides_swaps_the_relations(self, case: Case) -> None:
        there = Counter(pair.relation for pair in judged(case).pairs)
        back = Counter(pair.relation for pair in judged(swapped(case)).pairs)
        there[Relation.MISSED], there[Relation.SPURIOUS] = (
            there[Relation.SPURIOUS],
            there[Relation.MISSED],
        )
        assert +there == +back

    @given(cases())
    def test_correct_pairs_are_the_strict_true_positives(self, case: Case) -> None:
        one = judged(case)
        scores = strict_scores([case[0]], [case[1]])
        correct = sum(pair.relation is Relation.CORRECT for pair in one.pairs)
        assert scores.micro.true_positives == correct
        assert strict_scores_of([one]) == scores

    @given(cases())
    def test_pairs_stand_in_order(self, case: Case) -> None:
        places = [
            (span.start, span.end)
            for pair in judged(case).pairs
            if (span := pair.gold or pair.predicted)
        ]
        assert places == sorted(places)

    @given(cases())
    def test_what_is_not_annotated_is_in_no_pair(self, case: Case) -> None:
        known = case[0].annotates
        if known is None:
            assert judged(case).unscored == judged(case).unscored_gold == ()
            return
        for pair in judged(case).pairs:
            assert known.issuperset(pair.gold.labels if pair.gold else ())
            assert pair.predicted is None or pair.predicted.label in known

    def test_an_exact_prediction_is_not_lost_to_one_that_only_overlaps(self) -> None:
        gold = document(mark(0, 5, "A"))
        wide, exact = claim(0, 9, "A"), claim(0, 5, "A")
        assert judged((gold, [wide, exact])).pairs == (
            Pair(mark(0, 5, "A"), exact, Relation.CORRECT),
            Pair(None, wide, Relation.SPURIOUS),
        )

    def test_right_borders_go_before_the_right_type(self) -> None:
        gold = document(mark(0, 5, "A"))
        one = judged((gold, [claim(0, 2, "A"), claim(0, 5, "B")]))
        assert [pair.relation for pair in one.pairs] == [Relation.SPURIOUS, Relation.WRONG_TYPE]

    def test_so_they_do_where_several_marks_have_the_same_borders(self) -> None:
        gold = document(mark(3, 5, "A"), mark(3, 5, "B"))
        one = judged((gold, [claim(3, 5, "C"), claim(0, 5, "A"), claim(3, 9, "B")]))
        relations = Counter(pair.relation for pair in one.pairs)
        assert relations[Relation.WRONG_TYPE] == relations[Relation.WRONG_BOUNDARY] == 1

    def test_of_equals_the_one_with_more_in_common_is_taken(self) -> None:
        one = judged((document(mark(0, 9, "A")), [claim(0, 2, "A"), claim(3, 9, "A")]))
        assert Pair(mark(0, 9, "A"), claim(3, 9, "A"), Relation.WRONG_BOUNDARY) in one.pairs

    def test_of_repeated_predictions_the_surest_stays(self) -> None:
        weak, sure = claim(0, 2, "A", 0.4), claim(0, 2, "A", 0.9)
        assert judged((document(mark(0, 2, "A")), [weak, sure])).pairs == (
            Pair(mark(0, 2, "A"), sure, Relation.CORRECT),
            Pair(None, weak, Relation.SPURIOUS),
        )

    def test_a_mark_of_one_type_goes_before_an_open_one(self) -> None:
        gold = document(mark(0, 2, "AB"), mark(0, 2, "A"))
        assert judged((gold, [claim(0, 2, "A")])).pairs[0].gold == mark(0, 2, "A")

    def test_a_mark_that_is_not_judged_vouches_for_one_prediction(self) -> None:
        gold = document(mark(0, 2, "AB"), annotates="A")
        one = judged((gold, [claim(0, 2, "A"), claim(0, 5, "A")]))
        assert one.unscored == (claim(0, 2, "A"),)
        assert one.unscored_gold == (mark(0, 2, "AB"),)
        assert one.pairs == (Pair(None, claim(0, 5, "A"), Relation.SPURIOUS),)

    def test_a_document_with_one_prediction_over_everything_is_matched_span_by_span(self) -> None:
        """Such a prediction makes one component of all; the exact pairs must not pay for it."""
        text = "x" * 6000
        gold = tuple(Annotation(i, i + 2, ("A",)) for i in range(0, 6000, 2))
        found = [Entity(a.start, a.end, "A", "xx") for a in gold] + [Entity(0, 6000, "A", text)]
        (one,) = judge([Document("d", text, annotations=gold)], [found])
        relations = Counter(pair.relation for pair in one.pairs)
        assert relations == {Relation.CORRECT: 3000, Relation.SPURIOUS: 1}

    def test_unlabelled_documents_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"'d7': expected a labelled document"):
            list(judge([Document("d7", TEXT)], [[]]))

    def test_both_sides_must_be_of_one_length(self) -> None:
        with pytest.raises(DataError, match="got 2 documents and 1 lists"):
            list(judge([document(), document()], [[]]))

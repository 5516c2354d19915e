"""The four schemes: the most credit by brute force, lawful, and equal to the tags' fast path."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.judge import judge, relation_of
from ossamma.evaluation.matching import Worth, best_worth_reference
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.schemes import (
    HALVES,
    OUTCOMES,
    Scheme,
    SchemeCounts,
    SchemeScores,
    Tally,
    scheme_scores,
)
from ossamma.schema.spans import Annotation, Entity
from tests.evaluation.spans import Case, cases, claim, document, mark, shuffled, sole_marks, swapped

WEAKER = (
    (Scheme.STRICT, Scheme.EXACT),
    (Scheme.EXACT, Scheme.PARTIAL),
    (Scheme.STRICT, Scheme.TYPE),
)


def score(*several: Case) -> dict[Scheme, SchemeScores]:
    return scheme_scores(judge([case[0] for case in several], [case[1] for case in several]))


def credit_of(scores: Mapping[Scheme, SchemeScores]) -> dict[Scheme, float]:
    return {scheme: one.micro.gold.credit for scheme, one in scores.items()}


def once(keys: Sequence[object]) -> list[bool]:
    return [key not in keys[:index] for index, key in enumerate(keys)]


def best(gold: Sequence[Annotation], found: Sequence[Entity], scheme: Scheme) -> Worth:
    """Most credit (in halves) and then most pairs, by trying every matching."""
    first_gold = once([(a.start, a.end, a.label) for a in gold])
    first_found = once([(e.start, e.end, e.label) for e in found])

    def worth(row: int, column: int) -> Worth | None:
        if not first_found[column] or (len(gold[row].labels) == 1 and not first_gold[row]):
            return None
        return HALVES[OUTCOMES[scheme][relation_of(gold[row], found[column])]], 1

    wanted = [(a.start, a.end) for a in gold]
    return best_worth_reference(wanted, [(e.start, e.end) for e in found], worth) or (0, 0)


class TestLaws:
    @given(cases(complete=True))
    def test_no_matching_has_more_credit_or_more_pairs(self, case: Case) -> None:
        for scheme, scores in score(case).items():
            counts = scores.micro
            pairs = counts.gold.total - counts.gold.alone
            expected = best(case[0].annotations or (), case[1], scheme)
            assert (2 * counts.gold.credit, pairs) == expected

    @given(cases())
    def test_both_sides_agree_on_what_they_share(self, case: Case) -> None:
        for scores in score(case).values():
            gold, found = scores.micro.gold, scores.micro.predicted
            assert (gold.correct, gold.incorrect, gold.partial) == (
                found.correct,
                found.incorrect,
                found.partial,
            )

    @given(cases())
    def test_possible_is_gold_and_actual_is_predicted(self, case: Case) -> None:
        (judged,) = judge([case[0]], [case[1]])
        gold = Counter(pair.gold.label for pair in judged.pairs if pair.gold)
        predicted = sum(pair.predicted is not None for pair in judged.pairs)
        for scores in score(case).values():
            assert {n: c.support for n, c in scores.per_type.items() if c.support} == gold
            assert scores.micro.predicted.total == predicted

    @given(cases())
    def test_strict_is_what_strict_scores_gives(self, case: Case) -> None:
        expected = strict_scores([case[0]], [case[1]])
        found = score(case)[Scheme.STRICT]
        assert found.micro.gold.correct == expected.micro.true_positives
        assert {n: c.support for n, c in found.per_type.items()} == {
            n: c.support for n, c in expected.per_type.items()
        }
        for ours, theirs in ((found.micro, expected.micro), (found.macro, expected.macro)):
            assert (ours.precision, ours.recall, ours.f1) == (
                theirs.precision,
                theirs.recall,
                theirs.f1,
            )

    @given(cases(sole_marks, complete=True))
    def test_swapping_the_sides_swaps_precision_and_recall(self, case: Case) -> None:
        there, back = score(case), score(swapped(case))
        for scheme in Scheme:
            one, other = there[scheme].micro, back[scheme].micro
            assert (one.gold, one.predicted) == (other.predicted, other.gold)
            assert (one.precision, one.recall, one.f1) == (other.recall, other.precision, other.f1)

    @given(cases(), st.integers(0, 100))
    def test_no_order_matters(self, case: Case, seed: int) -> None:
        assert score(shuffled(case, seed)) == score(case)

    @given(cases())
    def test_a_weaker_scheme_has_no_less_credit(self, case: Case) -> None:
        given_for = credit_of(score(case))
        for stronger, weaker in WEAKER:
            assert given_for[stronger] <= given_for[weaker]

    @given(st.lists(cases(), min_size=1, max_size=3))
    def test_documents_add_up(self, several: list[Case]) -> None:
        together = score(*several)
        alone = [score(case) for case in several]
        for scheme in Scheme:
            names = {name for one in alone for name in one[scheme].per_type}
            assert together[scheme].per_type == {
                name: sum(
                    (one[scheme].per_type.get(name, SchemeCounts()) for one in alone),
                    SchemeCounts(),
                )
                for name in sorted(names)
            }

    @given(st.lists(sole_marks, max_size=5, unique=True))
    def test_marks_as_predictions_are_perfect(self, gold: list[Annotation]) -> None:
        found = [claim(a.start, a.end, a.label) for a in gold]
        for scores in score((document(*gold), found)).values():
            for counts in scores.per_type.values():
                assert (counts.precision, counts.recall, counts.f1) == (1.0, 1.0, 1.0)
                assert counts.gold == counts.predicted == Tally(correct=counts.support)


class TestWorkedCases:
    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            (claim(0, 5, "A"), {"strict": 1.0, "exact": 1.0, "partial": 1.0, "type": 1.0}),
            (claim(0, 5, "B"), {"strict": 0.0, "exact": 1.0, "partial": 1.0, "type": 0.0}),
            (claim(0, 2, "A"), {"strict": 0.0, "exact": 0.0, "partial": 0.5, "type": 1.0}),
            (claim(3, 9, "B"), {"strict": 0.0, "exact": 0.0, "partial": 0.5, "type": 0.0}),
            (claim(6, 9, "A"), {"strict": 0.0, "exact": 0.0, "partial": 0.0, "type": 0.0}),
        ],
    )
    def test_credit_of_one_prediction_for_one_mark(
        self, found: Entity, expected: dict[str, float]
    ) -> None:
        assert credit_of(score((document(mark(0, 5, "A")), [found]))) == expected

    def test_of_a_type_the_sides_may_differ(self) -> None:
        scores = score((document(mark(0, 2, "A")), [claim(0, 2, "B")]))
        assert scores[Scheme.EXACT].per_type == {
            "A": SchemeCounts(gold=Tally(correct=1)),
            "B": SchemeCounts(predicted=Tally(correct=1)),
        }
        assert scores[Scheme.STRICT].per_type == {
            "A": SchemeCounts(gold=Tally(incorrect=1)),
            "B": SchemeCounts(predicted=Tally(incorrect=1)),
        }

    def test_an_open_mark_keeps_its_successes(self) -> None:
        scores = score((document(mark(0, 5, "AB")), [claim(0, 2, "A")]))
        assert scores[Scheme.TYPE].per_type == {
            "A|B": SchemeCounts(Tally(correct=1), Tally(correct=1))
        }
        assert scores[Scheme.STRICT].per_type == {
            "A": SchemeCounts(predicted=Tally(incorrect=1)),
            "A|B": SchemeCounts(gold=Tally(incorrect=1)),
        }

    def test_every_scheme_has_its_own_matching(self) -> None:
        """Strictly the second prediction is right; by type both can be, each with its mark."""
        gold = document(mark(0, 5, "A"), mark(3, 9, "A"))
        found = [claim(0, 5, "A"), claim(0, 4, "A")]
        assert credit_of(score((gold, found))) == {
            "strict": 1.0,
            "exact": 1.0,
            "partial": 1.5,
            "type": 2.0,
        }

    def test_exact_form(self) -> None:
        scores = score((document(mark(0, 5, "A"), mark(6, 9, "B")), [claim(0, 2, "A")]))
        row = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1, "tp": 0.5, "fp": 0.5}
        row |= {"fn": 0.5, "correct": 0, "incorrect": 0, "partial": 1, "missed": 0, "spurious": 0}
        row |= {"possible": 1, "actual": 1}
        table = scores[Scheme.PARTIAL].to_json()
        assert table["per_type"]["A"] == row
        assert (
            table["macro"]
            == table["weighted"]
            == dict.fromkeys(("precision", "recall", "f1"), 0.25)
        )
        assert json.loads(json.dumps(table, allow_nan=False)) == table

    def test_crowded_documents_are_scored_too(self) -> None:
        """Hundreds of spans in one tangle, whose best matching is known: each with its double."""
        generator = random.Random(3)
        text = "x" * 900
        gold = [Annotation(i, i + 5, (generator.choice("AB"),)) for i in range(0, 890, 3)]
        found = [Entity(a.start, a.end, a.label, "xxxxx") for a in gold]
        found += [Entity(a.start, a.end - 1, a.label, "xxxx") for a in gold[::10]]
        case = document()
        large = type(case)("d", text, annotations=tuple(gold))
        counts = score((large, found))
        assert counts[Scheme.STRICT].micro.gold == Tally(correct=len(gold))
        assert counts[Scheme.STRICT].micro.predicted.alone == len(gold[::10])

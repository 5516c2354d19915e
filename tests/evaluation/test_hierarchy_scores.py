"""Scores of nodes: siblings are right at their parent, and a node of one type is that type."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.hierarchy_scores import hierarchy_scores
from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Counts
from ossamma.schema.hierarchy import Hierarchy, RollUp
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation.spans import (
    TYPES,
    Case,
    cases,
    claim,
    disjoint,
    document,
    mark,
    shuffled,
    sole_marks,
    swapped,
)

HIERARCHY = Hierarchy(
    properties={"Upper": "kind", "Lower": "kind"},
    super_labels={"A": "Upper", "B": "Upper", "C": "Lower"},
    fine=(),
    roll_ups=(RollUp(name="all", description="", types=frozenset("ABC")),),
)


def score(*several: Case) -> dict[str, Counts]:
    judged = judge([case[0] for case in several], [case[1] for case in several])
    return dict(hierarchy_scores(judged, HIERARCHY).per_node)


def renamed(label: str) -> str:
    return HIERARCHY.super_labels[label]


class TestLaws:
    @given(st.integers(0, 10_000))
    def test_a_graph_label_is_scored_as_if_its_types_were_one(self, seed: int) -> None:
        """On spans that do not overlap, where no two marks compete."""
        generator = random.Random(seed)
        text = "x" * 30
        spans = [disjoint(generator, 30, 9) for _ in range(2)]
        spans[1] = sorted({*spans[1][:2], *spans[0][3:]})
        gold = [(*span, generator.choice(TYPES)) for span in spans[0]]
        found = [(*span, generator.choice(TYPES)) for span in spans[1]]

        def case(name_of: dict[str, str]) -> Case:
            marks = tuple(Annotation(s, e, (name_of[n],)) for s, e, n in gold)
            claims = [Entity(s, e, name_of[n], text[s:e]) for s, e, n in found]
            return Document("d", text, annotations=marks), claims

        upper = case({name: renamed(name) for name in TYPES})
        scores = score(case({name: name for name in TYPES}))
        assert {n: c for n, c in scores.items() if n != "all"} == dict(
            strict_scores([upper[0]], [upper[1]]).per_type
        )

    @given(cases(sole_marks))
    def test_a_label_of_one_type_has_the_scores_of_that_type(self, case: Case) -> None:
        strict = strict_scores([case[0]], [case[1]]).per_type
        assert score(case).get("Lower", Counts()) == strict.get("C", Counts())

    @given(cases(sole_marks))
    def test_a_node_has_no_less_success_than_its_types(self, case: Case) -> None:
        strict = strict_scores([case[0]], [case[1]]).per_type
        nodes = score(case)
        for node, below in (("Upper", "AB"), ("all", "ABC")):
            types = sum((strict.get(name, Counts()) for name in below), Counts())
            counts = nodes.get(node, Counts())
            assert counts.support == types.support
            assert counts.true_positives >= types.true_positives
            claimed = counts.true_positives + counts.false_positives
            assert claimed == types.true_positives + types.false_positives

    @given(cases(sole_marks, complete=True))
    def test_swapping_the_sides_swaps_the_errors(self, case: Case) -> None:
        back = score(swapped(case))
        assert {
            n: Counts(c.true_positives, c.false_negatives, c.false_positives)
            for n, c in score(case).items()
        } == back

    @given(cases(), st.integers(0, 100))
    def test_no_order_matters(self, case: Case, seed: int) -> None:
        assert score(shuffled(case, seed)) == score(case)

    @given(st.lists(cases(), min_size=2, max_size=3))
    def test_documents_add_up(self, several: list[Case]) -> None:
        alone = [score(case) for case in several]
        for node, counts in score(*several).items():
            assert counts == sum((one.get(node, Counts()) for one in alone), Counts())


class TestWorkedCases:
    def test_a_sibling_is_right_at_the_parent(self) -> None:
        assert score((document(mark(0, 2, "A")), [claim(0, 2, "B")])) == {
            "Upper": Counts(1, 0, 0),
            "all": Counts(1, 0, 0),
        }

    def test_a_repetition_is_not_right_at_the_parent_either(self) -> None:
        gold = document(mark(0, 2, "A"), mark(0, 2, "B"))
        scores = score((gold, [claim(0, 2, "A"), claim(0, 2, "A")]))
        assert scores == {"Upper": Counts(1, 1, 1), "all": Counts(1, 1, 1)}

    def test_the_best_pairing_of_a_node_need_not_be_that_of_the_types(self) -> None:
        gold = document(mark(0, 2, "A"), mark(0, 2, "C"))
        assert score((gold, [claim(0, 2, "B")])) == {
            "Upper": Counts(1, 0, 0),
            "Lower": Counts(0, 0, 1),
            "all": Counts(1, 0, 1),
        }

    def test_an_open_mark_below_a_node_is_the_node_s(self) -> None:
        scores = score((document(mark(0, 2, "AB")), []))
        assert scores == {"Upper": Counts(0, 0, 1), "all": Counts(0, 0, 1)}

    def test_an_open_mark_across_nodes_vouches_only(self) -> None:
        scores = score((document(mark(0, 2, "AC")), [claim(0, 2, "A"), claim(0, 2, "B")]))
        assert scores == {"Upper": Counts(0, 1, 0), "all": Counts(1, 1, 0)}

    def test_nodes_without_anything_have_no_row(self) -> None:
        judged = list(judge([document(mark(0, 2, "C"))], [[]]))
        assert list(hierarchy_scores(judged, HIERARCHY).to_json()) == ["Lower", "all"]

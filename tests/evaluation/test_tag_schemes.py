"""Schemes from tags: equal to the documents' path and to nervaluate; strict equal to conlleval."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from nervaluate.evaluator import Evaluator
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2

from ossamma.evaluation.metrics import strict_scores_from_tags
from ossamma.evaluation.schemes import Scheme, SchemeCounts
from ossamma.evaluation.scores import Counts
from ossamma.evaluation.tag_schemes import (
    scheme_scores_from_tags,
    scheme_scores_from_tags_reference,
)
from ossamma.schema.errors import DataError, LabelError
from tests.evaluation.spans import TYPES, corrupted, disjoint, random_tags, tags_of

Sentences = list[list[str]]
NERVALUATE = {
    Scheme.STRICT: "strict",
    Scheme.EXACT: "exact",
    Scheme.PARTIAL: "partial",
    Scheme.TYPE: "ent_type",
}


def random_case(seed: int) -> tuple[Sentences, Sentences]:
    """A few sentences with half of their tags alike."""
    generator = random.Random(seed)
    gold = [random_tags(generator, generator.randrange(15), TYPES) for _ in range(4)]
    return gold, [corrupted(generator, tags, TYPES) for tags in gold]


def starts_chunk(previous: str, tag: str) -> bool:
    """By conlleval: at B, at I after O, and wherever the type changes."""
    return tag[0] == "B" or (tag[0] == "I" and previous[1:] != tag[1:])


def ends_chunk(previous: str, tag: str) -> bool:
    """By conlleval: a chunk ends before B, before O, and where the type changes."""
    return previous[0] != "O" and (tag[0] in "BO" or previous[1:] != tag[1:])


def conlleval(gold: Sentences, predicted: Sentences) -> dict[str, Counts]:
    """Counts as conlleval takes them: word by word, with a flag for a chunk right so far."""
    right, claimed, wanted = Counter[str](), Counter[str](), Counter[str]()
    going = False
    lines = [pair for sides in zip(gold, predicted, strict=True) for pair in breaks(*sides)]
    for (last_gold, last_found), (tag, found) in pairwise([("O", "O"), *lines]):
        ends = ends_chunk(last_gold, tag), ends_chunk(last_found, found)
        if going and all(ends):
            right[last_gold[2:]] += 1
        going = going and not any(ends) and tag[1:] == found[1:]
        starts = starts_chunk(last_gold, tag), starts_chunk(last_found, found)
        going = going or (all(starts) and tag[2:] == found[2:])
        wanted[tag[2:]] += starts[0]
        claimed[found[2:]] += starts[1]
    names = sorted((+wanted).keys() | (+claimed).keys())
    return {n: Counts(right[n], claimed[n] - right[n], wanted[n] - right[n]) for n in names}


def breaks(gold: Sequence[str], predicted: Sequence[str]) -> list[tuple[str, str]]:
    """The lines of a sentence and the empty one behind it, which conlleval reads as outside."""
    return [*zip(gold, predicted, strict=True), ("O", "O")]


def crossing_case(seed: int) -> tuple[list[tuple[int, int, str]], list[tuple[int, int, str]]]:
    """Marks and predictions of which no mark meets more than one prediction.

    Each prediction lies anywhere over an empty stretch that reaches from the end of the mark
    before the first that it meets to the start of the mark after the last.
    """
    generator = random.Random(seed)
    gold = [(*span, generator.choice(TYPES)) for span in disjoint(generator, 40, 12)]
    found: list[tuple[int, int, str]] = []
    free = index = 0
    while index < len(gold):
        met = gold[index : index + generator.choice((1, 1, 1, 2, 3))]
        index += len(met)
        beyond = gold[index][0] if index < len(gold) else 42
        if met[0][0] > free and generator.random() < 0.3:
            found.append((free, met[0][0], generator.choice(TYPES)))
            free = met[0][0]
        chance = generator.random()
        if chance < 0.4 and len(met) == 1:
            found.append((*met[0][:2], met[0][2] if chance < 0.3 else generator.choice(TYPES)))
        elif chance < 0.85:
            start = generator.randint(free, met[0][1] - 1)
            end = generator.randint(max(start, met[-1][0]) + 1, beyond)
            found.append((start, end, generator.choice(TYPES)))
        free = max(met[-1][1], found[-1][1] if found else 0)
    return gold, found


def nervaluate(
    gold: list[tuple[int, int, str]], found: list[tuple[int, int, str]]
) -> dict[Scheme, tuple[float, ...]]:
    sides = [
        [[{"label": name, "start": start, "end": end - 1} for start, end, name in side]]
        for side in (gold, found)
    ]
    overall = Evaluator(*sides, tags=list(TYPES), loader="dict").evaluate()["overall"]
    return {
        scheme: (
            overall[name].correct,
            overall[name].incorrect,
            overall[name].partial,
            overall[name].missed,
            overall[name].spurious,
            overall[name].possible,
            overall[name].actual,
            overall[name].precision,
            overall[name].recall,
            overall[name].f1,
        )
        for scheme, name in NERVALUATE.items()
    }


def figures(counts: SchemeCounts) -> tuple[float, ...]:
    """In the order of `nervaluate`."""
    gold, found = counts.gold, counts.predicted
    outcomes = gold.correct, gold.incorrect, gold.partial, gold.alone, found.alone
    return *outcomes, gold.total, found.total, counts.precision, counts.recall, counts.f1


def ours(
    gold: list[tuple[int, int, str]], found: list[tuple[int, int, str]]
) -> dict[Scheme, tuple[float, ...]]:
    scores = scheme_scores_from_tags([tags_of(gold, 42)], [tags_of(found, 42)])
    return {scheme: figures(one.micro) for scheme, one in scores.items()}


class TestParity:
    def test_strict_equals_seqeval_on_a_thousand_cases(self) -> None:
        for seed in range(1000):
            gold, predicted = random_case(seed)
            scores = scheme_scores_from_tags(gold, predicted)[Scheme.STRICT]
            assert {
                name: (row.precision, row.recall, row.f1, row.support)
                for name, row in scores.per_type.items()
            } == seqeval(gold, predicted)

    def test_strict_equals_conlleval_on_a_thousand_cases(self) -> None:
        """On well-formed tags: conlleval lets an I- begin a chunk, which IOB2 does not."""
        for seed in range(1000):
            gold, predicted = random_case(seed)
            assert strict_scores_from_tags(gold, predicted).per_type == conlleval(gold, predicted)

    def test_all_four_equal_nervaluate_where_no_mark_meets_two_predictions(self) -> None:
        """A thousand cases on which the order of spans cannot change what nervaluate 1.2.1 says.

        It goes through the predictions once. Each takes, among the marks that are left, the one
        that suits it best by the scheme (the right one, or else the first that it overlaps), and
        keeps it. So a prediction never does worse than it could alone, and its choice harms
        another prediction only if that one wanted the same mark. Where no mark overlaps more than
        one prediction, no two ever want the same: the figures are the best ones, in any order. A
        prediction may overlap any number of marks. As soon as a mark overlaps two predictions, of
        which only the one that comes later would have (more) credit, its figures are too low: see
        the next test. Besides, an overlap must be at least 1 % of the mark, which marks below a
        hundred words always have.
        """
        for seed in range(1000):
            gold, found = crossing_case(seed)
            shares = [sum(s < end and start < e for s, e, _ in found) for start, end, _ in gold]
            assert max(shares, default=0) <= 1
            if gold or found:  # nervaluate fails on an empty pair of lists
                assert ours(gold, found) == nervaluate(gold, found), seed

    def test_nervaluate_loses_what_comes_second(self) -> None:
        gold, first, second = (0, 4, "A"), (0, 2, "A"), (2, 4, "B")
        one, other = nervaluate([gold], [first, second]), nervaluate([gold], [second, first])
        assert one[Scheme.TYPE] != other[Scheme.TYPE]
        assert ours([gold], [first, second])[Scheme.TYPE] == max(
            one[Scheme.TYPE], other[Scheme.TYPE]
        )

    def test_crossing_cases_have_all_that_they_should(self) -> None:
        """Else parity on them would say little."""
        several = sum(
            sum(s < end and start < e for start, end, _ in gold) > 1
            for gold, found in map(crossing_case, range(1000))
            for s, e, _ in found
        )
        outcomes = [sum(column) for column in zip(*map(all_strict, range(200)), strict=True)]
        assert several > 500
        assert min(outcomes) > 100


def all_strict(seed: int) -> tuple[float, ...]:
    """Correct, incorrect, missed and spurious of a crossing case, and halves."""
    found = ours(*crossing_case(seed))
    correct, incorrect, _, missed, spurious = found[Scheme.STRICT][:5]
    return correct, incorrect, missed, spurious, found[Scheme.PARTIAL][2]


def seqeval(gold: Sentences, predicted: Sentences) -> dict[str, tuple[float, float, float, int]]:
    """Precision, recall, F1 and support of each type, strictly."""
    names = sorted({tag[2:] for side in (gold, predicted) for tags in side for tag in tags} - {""})
    if not names:
        return {}
    columns = precision_recall_fscore_support(
        gold, predicted, average=None, scheme=IOB2, zero_division=0
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(names, rows, strict=True))


class TestFastPath:
    def test_equals_the_reference(self) -> None:
        for seed in range(300):
            sides = random_case(seed)
            assert scheme_scores_from_tags(*sides) == scheme_scores_from_tags_reference(*sides)

    @pytest.mark.parametrize("seed", range(5))
    def test_equals_the_reference_on_long_chains(self, seed: int) -> None:
        """Sentences without a word outside: everything meets several others."""
        generator = random.Random(seed)

        def crowded() -> list[str]:
            tags: list[str] = []
            while len(tags) < 60:
                name = generator.choice(TYPES)
                tags += [f"B-{name}"] + [f"I-{name}"] * generator.randrange(6)
            return tags[:60]

        gold, predicted = ([crowded() for _ in range(20)] for _ in range(2))
        fast = scheme_scores_from_tags(gold, predicted)
        assert fast == scheme_scores_from_tags_reference(gold, predicted)

    def test_without_entities_there_are_no_rows(self) -> None:
        for scores in scheme_scores_from_tags([["O"], []], [["O"], []]).values():
            assert scores.per_type == {}
            assert tuple(scores.macro) == (0.0, 0.0, 0.0)

    def test_faulty_tags_are_refused(self) -> None:
        with pytest.raises(DataError, match="got 1 gold and 2 predicted"):
            scheme_scores_from_tags([["O"]], [["O", "O"]])
        with pytest.raises(LabelError, match="predicted sentence 0, word 0"):
            scheme_scores_from_tags([["O"]], [["S-A"]])

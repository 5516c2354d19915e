"""Strict scores: equal to seqeval on every tag sequence, and lawful on character offsets."""

from __future__ import annotations

import itertools
import json
import math
import random
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from ossamma.evaluation.metrics import (
    strict_scores,
    strict_scores_from_tags,
    strict_scores_from_tags_reference,
)
from ossamma.evaluation.scores import Counts, Scores
from ossamma.schema.errors import DataError, LabelError
from ossamma.schema.spans import Annotation, Document, Entity

TEXT = "abcdef"
TYPES = ("A", "B", "C")
SCORERS = (strict_scores_from_tags, strict_scores_from_tags_reference)
AVERAGES = ("micro", "macro", "weighted")

Sentences = list[list[str]]
Scorer = Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], Scores]

plain_tags = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B", "B-C", "I-C"])
# All that seqeval accepts: bare letters, types with hyphens, hyphens too many, O with a type.
odd_tags = st.sampled_from(
    ["O", "B", "I", "B-A", "I-A", "B-A-B", "I-A-B", "B--A", "I-A-", "BA", "O-A", "B-_", "I-é"]
)


def paired_sentences(
    tags: st.SearchStrategy[str],
) -> st.SearchStrategy[list[list[tuple[str, str]]]]:
    """Sentences of (gold tag, predicted tag); half of the pairs agree, so that matches occur."""
    pair = st.one_of(tags.map(lambda tag: (tag, tag)), st.tuples(tags, tags))
    return st.lists(st.lists(pair, max_size=8), min_size=1, max_size=6)


def sides(pairs: list[list[tuple[str, str]]]) -> tuple[Sentences, Sentences]:
    return (
        [[gold for gold, _ in sentence] for sentence in pairs],
        [[predicted for _, predicted in sentence] for sentence in pairs],
    )


def seqeval_report(gold: Sentences, predicted: Sentences) -> dict[str, dict[str, float]]:
    """Seqeval's strict report; the NaN of its macro average over no type at all becomes 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "mean of empty slice", when there is no entity at all
        report = classification_report(
            gold, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0
        )
    return {
        row: {name: 0.0 if math.isnan(value) else float(value) for name, value in figures.items()}
        for row, figures in report.items()
    }


def assert_equals_seqeval(scores: Scores, gold: Sentences, predicted: Sentences) -> None:
    expected = seqeval_report(gold, predicted)
    averages = {name: expected.pop(f"{name} avg") for name in AVERAGES}
    assert {
        name: {
            "precision": counts.precision,
            "recall": counts.recall,
            "f1-score": counts.f1,
            "support": counts.support,
        }
        for name, counts in scores.per_type.items()
    } == expected
    for name, figures in averages.items():
        ours = getattr(scores, name)
        assert scores.micro.support == figures["support"]
        # Micro figures are the same divisions; means may round differently.
        tolerance = 0.0 if name == "micro" else 1e-12
        assert ours.precision == pytest.approx(figures["precision"], abs=tolerance, rel=0)
        assert ours.recall == pytest.approx(figures["recall"], abs=tolerance, rel=0)
        assert ours.f1 == pytest.approx(figures["f1-score"], abs=tolerance, rel=0)


class TestCounts:
    def test_ratios_of_a_worked_case(self) -> None:
        counts = Counts(true_positives=6, false_positives=2, false_negatives=6)
        assert (counts.precision, counts.recall, counts.support) == (0.75, 0.5, 12)
        assert counts.f1 == pytest.approx(0.6)

    @pytest.mark.parametrize("counts", [Counts(), Counts(0, 3, 0), Counts(0, 0, 3)])
    def test_zero_division_gives_zero(self, counts: Counts) -> None:
        assert (counts.precision, counts.recall, counts.f1) == (0.0, 0.0, 0.0)

    def test_counts_add_up(self) -> None:
        assert Counts(1, 2, 3) + Counts(10, 20, 30) == Counts(11, 22, 33)

    def test_negative_counts_are_refused(self) -> None:
        with pytest.raises(DataError, match="must not be negative"):
            Counts(0, -1, 0)


class TestTags:
    @given(paired_sentences(plain_tags))
    def test_equals_seqeval(self, pairs: list[list[tuple[str, str]]]) -> None:
        gold, predicted = sides(pairs)
        assert_equals_seqeval(strict_scores_from_tags(gold, predicted), gold, predicted)

    @given(paired_sentences(odd_tags))
    def test_equals_seqeval_on_odd_tags(self, pairs: list[list[tuple[str, str]]]) -> None:
        gold, predicted = sides(pairs)
        assert_equals_seqeval(strict_scores_from_tags(gold, predicted), gold, predicted)

    def test_equals_seqeval_on_every_short_pair_of_sentences(self) -> None:
        """All 5^3 gold by 5^3 predicted taggings of three words and two types, in one go."""
        tags = ("O", "B-A", "I-A", "B-B", "I-B")
        taggings = [list(tagging) for tagging in itertools.product(tags, repeat=3)]
        pairs = list(itertools.product(taggings, taggings))
        gold, predicted = [list(p[0]) for p in pairs], [list(p[1]) for p in pairs]
        assert_equals_seqeval(strict_scores_from_tags(gold, predicted), gold, predicted)

    @pytest.mark.parametrize("num_types", [30, 127, 128, 300])  # 255, 257 and more tags
    def test_equals_seqeval_on_many_long_sentences(self, num_types: int) -> None:
        generator = random.Random(5)
        tags = ["O"] * 20 + [f"{letter}-T{i}" for letter in "BI" for i in range(num_types)]
        lengths = [generator.randrange(40) for _ in range(300)]
        gold = [generator.choices(tags, k=length) for length in lengths]
        predicted = [
            [tag if generator.random() < 0.9 else generator.choice(tags) for tag in sentence]
            for sentence in gold
        ]
        scores = strict_scores_from_tags(gold, predicted)
        assert_equals_seqeval(scores, gold, predicted)
        assert scores.micro.f1 == f1_score(gold, predicted, mode="strict", scheme=IOB2)

    @given(paired_sentences(odd_tags))
    def test_fast_equals_reference(self, pairs: list[list[tuple[str, str]]]) -> None:
        gold, predicted = sides(pairs)
        assert strict_scores_from_tags(gold, predicted) == strict_scores_from_tags_reference(
            gold, predicted
        )

    @given(paired_sentences(plain_tags), st.randoms(use_true_random=False))
    def test_order_of_sentences_is_irrelevant(
        self, pairs: list[list[tuple[str, str]]], generator: random.Random
    ) -> None:
        before = strict_scores_from_tags(*sides(pairs))
        generator.shuffle(pairs)
        assert strict_scores_from_tags(*sides(pairs)).to_json() == before.to_json()

    @given(paired_sentences(plain_tags))
    def test_swapping_the_sides_swaps_the_errors(self, pairs: list[list[tuple[str, str]]]) -> None:
        gold, predicted = sides(pairs)
        swapped = strict_scores_from_tags(predicted, gold).per_type
        assert {
            name: Counts(c.true_positives, c.false_negatives, c.false_positives)
            for name, c in swapped.items()
        } == strict_scores_from_tags(gold, predicted).per_type

    @given(paired_sentences(plain_tags))
    def test_a_side_against_itself_is_perfect(self, pairs: list[list[tuple[str, str]]]) -> None:
        gold, _ = sides(pairs)
        for counts in strict_scores_from_tags(gold, gold).per_type.values():
            assert (counts.precision, counts.recall, counts.f1) == (1.0, 1.0, 1.0)

    @pytest.mark.parametrize("score", SCORERS)
    def test_entities_end_with_their_sentence(self, score: Scorer) -> None:
        scores = score([["B-A"], ["I-A", "O"]], [["B-A"], ["O", "O"]])
        assert scores.per_type == {"A": Counts(1, 0, 0)}

    @pytest.mark.parametrize("score", SCORERS)
    @pytest.mark.parametrize("sentences", [[], [[]], [["O", "O"], []]])
    def test_without_entities_every_figure_is_zero(
        self, score: Scorer, sentences: Sentences
    ) -> None:
        scores = score(sentences, sentences)
        assert scores.per_type == {}
        assert scores.num_documents == len(sentences)
        assert tuple(scores.macro) == tuple(scores.weighted) == (0.0, 0.0, 0.0)

    @pytest.mark.parametrize("score", SCORERS)
    def test_differing_lengths_are_refused_by_sentence(self, score: Scorer) -> None:
        with pytest.raises(DataError, match=r"sentence 1 .* got 2 gold and 1 predicted"):
            score([["O"], ["O", "O"]], [["O"], ["O"]])

    @pytest.mark.parametrize("score", SCORERS)
    def test_differing_numbers_of_sentences_are_refused(self, score: Scorer) -> None:
        with pytest.raises(DataError, match="got 2 gold and 1 predicted"):
            score([["O"], ["O"]], [["O"]])

    @pytest.mark.parametrize("score", SCORERS)
    @pytest.mark.parametrize("tag", ["E-A", "S-A", "b-A", "", "-", "X"])
    def test_other_schemes_are_refused_by_place(self, score: Scorer, tag: str) -> None:
        with pytest.raises(LabelError, match=r"predicted sentence 1, word 2 .* got '.*'"):
            score([["O"], ["O", "O", "O"]], [["O"], ["O", "O", tag]])


spans = st.sampled_from([(0, 2), (0, 3), (2, 5)])
candidates = st.sets(st.sampled_from(TYPES), min_size=1).map(lambda names: tuple(sorted(names)))
gold_annotations = st.tuples(spans, candidates).map(lambda x: Annotation(*x[0], x[1]))
entities = st.tuples(spans, st.sampled_from(TYPES)).map(
    lambda x: Entity(*x[0], x[1], TEXT[slice(*x[0])])
)
documents = st.builds(
    lambda found, annotates: Document("d", TEXT, annotations=found, annotates=annotates),
    st.lists(gold_annotations, max_size=6).map(tuple),
    st.none() | st.frozensets(st.sampled_from(TYPES)),
)
cases = st.lists(st.tuples(documents, st.lists(entities, max_size=8)), max_size=4)
Case = list[tuple[Document, list[Entity]]]


def score_case(case: Case) -> Scores:
    return strict_scores((document for document, _ in case), (found for _, found in case))


def most_matches(document: Document, found: Sequence[Entity]) -> int:
    """The largest number of right predictions, by trying every assignment of every span."""
    total = 0
    for span in {(e.start, e.end) for e in found}:
        types = sorted({e.label for e in found if (e.start, e.end) == span})
        gold = [a.labels for a in document.annotations or () if (a.start, a.end) == span]
        seats: list[tuple[str, ...]] = [*gold, *((),) * len(types)]
        total += max(
            sum(name in seat for name, seat in zip(types, seating, strict=True))
            for seating in itertools.permutations(seats, len(types))
        )
    return total


def one(*found: tuple[int, int, str], gold: Sequence[Annotation], annotates: str | None) -> Scores:
    document = Document(
        "d",
        TEXT,
        annotations=tuple(gold),
        annotates=None if annotates is None else frozenset(annotates),
    )
    return strict_scores([document], [[Entity(s, e, name, TEXT[s:e]) for s, e, name in found]])


class TestCharacterOffsets:
    @given(cases)
    def test_nothing_is_lost_or_counted_twice(self, case: Case) -> None:
        scores = score_case(case)
        assert scores.num_documents == len(case)
        left_out = Counter(scores.unscored_gold).total()
        assert scores.micro.support + left_out == sum(len(d.annotations or ()) for d, _ in case)
        judged = scores.micro.true_positives + scores.micro.false_positives
        assert judged + Counter(scores.unscored).total() == sum(len(found) for _, found in case)

    @given(cases)
    def test_the_support_does_not_depend_on_the_predictions(self, case: Case) -> None:
        found, nothing = score_case(case), score_case([(d, []) for d, _ in case])
        for name, counts in nothing.per_type.items():
            assert found.per_type[name].support == counts.support
        assert found.unscored_gold == nothing.unscored_gold

    @given(cases)
    def test_as_many_are_right_as_any_assignment_allows(self, case: Case) -> None:
        complete = [(replace(document, annotates=None), found) for document, found in case]
        best = sum(most_matches(document, found) for document, found in complete)
        assert score_case(complete).micro.true_positives == best

    @given(cases, st.randoms(use_true_random=False))
    def test_no_order_matters(self, case: Case, generator: random.Random) -> None:
        shuffled = []
        for document, found in case:
            gold = list(document.annotations or ())
            generator.shuffle(gold)
            again = Document("d", TEXT, annotations=tuple(gold), annotates=document.annotates)
            shuffled.append((again, generator.sample(found, len(found))))
        generator.shuffle(shuffled)
        assert score_case(shuffled).to_json() == score_case(case).to_json()

    @given(cases)
    def test_only_what_is_not_annotated_is_left_out(self, case: Case) -> None:
        for document, found in case:
            scores = strict_scores([document], [found])
            if document.annotates is None:
                assert scores.unscored == scores.unscored_gold == {}
                continue
            for label in scores.unscored_gold:
                assert not document.annotates.issuperset(label.split("|"))
            for name, counts in scores.per_type.items():
                if "|" not in name:
                    assert name in document.annotates
                assert document.annotates.issuperset(name.split("|")), counts

    @given(paired_sentences(plain_tags))
    def test_agrees_with_the_score_of_tags(self, pairs: list[list[tuple[str, str]]]) -> None:
        """One character per word: word numbers are character offsets."""
        gold, predicted = sides(pairs)
        documents = [
            Document(
                str(i),
                "x" * len(tags),
                annotations=tuple(Annotation(s, e, (t,)) for s, e, t in decode(tags)),
            )
            for i, tags in enumerate(gold)
        ]
        found = [[Entity(s, e, t, "x" * (e - s)) for s, e, t in decode(tags)] for tags in predicted]
        assert strict_scores(documents, found) == strict_scores_from_tags(gold, predicted)

    def test_a_prediction_needs_start_end_and_type(self) -> None:
        gold = [Annotation(0, 2, ("A",))]
        wrong = [(0, 2, "B"), (0, 1, "A"), (1, 2, "A")]
        assert one((0, 2, "A"), gold=gold, annotates=None).per_type == {"A": Counts(1, 0, 0)}
        assert one(*wrong, gold=gold, annotates=None).per_type == {
            "A": Counts(0, 2, 1),
            "B": Counts(0, 1, 0),
        }

    def test_any_candidate_type_is_right_and_counts_in_the_open_row(self) -> None:
        gold = [Annotation(0, 2, ("A", "B")), Annotation(2, 5, ("A", "B"))]
        assert one((0, 2, "B"), gold=gold, annotates=None).per_type == {"A|B": Counts(1, 0, 1)}

    def test_one_annotation_vouches_for_one_prediction(self) -> None:
        gold = [Annotation(0, 2, ("A", "B"))]
        assert one((0, 2, "B"), (0, 2, "A"), gold=gold, annotates=None).per_type == {
            "A|B": Counts(1, 0, 0),
            "B": Counts(0, 1, 0),
        }

    def test_a_match_gives_way_so_that_another_prediction_finds_one(self) -> None:
        gold = [Annotation(0, 2, ("A", "B")), Annotation(0, 2, ("A", "C"))]
        assert one((0, 2, "A"), (0, 2, "B"), gold=gold, annotates=None).per_type == {
            "A|B": Counts(1, 0, 0),
            "A|C": Counts(1, 0, 0),
        }

    def test_a_repetition_is_a_false_positive(self) -> None:
        gold = [Annotation(0, 2, ("A",))]
        scores = one((0, 2, "A"), (0, 2, "A"), gold=gold, annotates="A")
        assert (scores.per_type, scores.unscored) == ({"A": Counts(1, 1, 0)}, {})

    def test_a_type_that_is_not_annotated_has_no_score(self) -> None:
        """Of such a type only the marked ones could count, and its precision would be 1."""
        gold = [Annotation(0, 2, ("A",))]
        scores = one((0, 2, "A"), (0, 2, "A"), (2, 5, "A"), gold=gold, annotates="B")
        assert (scores.per_type, scores.unscored) == ({}, {"A": 3})
        assert scores.unscored_gold == {"A": 1}

    def test_an_open_annotation_is_judged_if_all_its_types_are_annotated(self) -> None:
        gold = [Annotation(0, 2, ("A", "B"))]
        scores = one((0, 2, "A"), (2, 5, "A"), gold=gold, annotates="A")
        assert (scores.per_type, scores.unscored) == ({"A": Counts(0, 1, 0)}, {"A": 1})
        assert scores.unscored_gold == {"A|B": 1}

    def test_types_that_the_document_does_not_annotate_are_left_out(self) -> None:
        gold = [Annotation(0, 2, ("A",))]
        scores = one((0, 2, "A"), (2, 5, "B"), (2, 5, "A"), gold=gold, annotates="A")
        assert (scores.per_type, scores.unscored) == ({"A": Counts(1, 1, 0)}, {"B": 1})

    def test_unlabelled_documents_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"'d7': expected a labelled document"):
            strict_scores([Document("d7", TEXT)], [[]])

    @pytest.mark.parametrize(("num_documents", "num_lists"), [(0, 2), (3, 1), (1, 2)])
    def test_differing_numbers_of_documents_are_refused(
        self, num_documents: int, num_lists: int
    ) -> None:
        labelled = [Document("d", TEXT, annotations=())] * num_documents
        with pytest.raises(DataError, match=f"got {num_documents} documents and {num_lists} lists"):
            strict_scores(labelled, [[] for _ in range(num_lists)])


def decode(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Entities of one sentence, by asking of every interval whether it is one."""
    return [
        (start, end, tags[start][2:])
        for start, end in itertools.combinations(range(len(tags) + 1), 2)
        if tags[start].startswith("B-")
        and all(tag == "I-" + tags[start][2:] for tag in tags[start + 1 : end])
        and (end == len(tags) or tags[end] != "I-" + tags[start][2:])
    ]


class TestJson:
    def test_exact_form(self) -> None:
        scores = one((0, 2, "B"), (2, 5, "C"), gold=[Annotation(0, 2, ("A", "B"))], annotates="AB")
        perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
        assert scores.to_json() == {
            "micro": perfect,
            "macro": dict.fromkeys(perfect, 0.0),
            "weighted": perfect,
            "per_type": {"A|B": {**perfect, "support": 1, "tp": 1, "fp": 0, "fn": 0}},
            "documents": 1,
            "unscored": {"C": 1},
            "unscored_gold": {},
        }

    @given(paired_sentences(plain_tags))
    def test_plain_types_survive_a_round_trip(self, pairs: list[list[tuple[str, str]]]) -> None:
        table = strict_scores_from_tags(*sides(pairs)).to_json()
        assert json.loads(json.dumps(table, allow_nan=False)) == table

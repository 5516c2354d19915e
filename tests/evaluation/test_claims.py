"""The figures of the claims count what they say, add up, and differ where micro-F1 does not."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.claims import (
    CLAIMS,
    Band,
    border_counts,
    claim_metrics,
    consistency_counts,
    rare_types,
    repeat_counts,
    strict_counts,
    type_counts,
    unseen_counts,
)
from ossamma.evaluation.judge import judge
from ossamma.evaluation.metrics import strict_scores
from ossamma.evaluation.scores import Counts
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Entity, Span

TYPES = ("A", "B", "C")
NAMES = ("ada", "Ada", "oslo", "lima", "x")


@st.composite
def texts_with_answers(draw):
    """A text of words, gold marks of one or two words, and predictions of any words."""
    words = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12))
    text = " ".join(words)
    spans, position = [], 0
    for word in words:
        spans.append(Span(position, position + len(word)))
        position += len(word) + 1

    def marks():
        found = draw(
            st.lists(
                st.tuples(
                    st.integers(0, len(words) - 1), st.integers(0, 1), st.sampled_from(TYPES)
                ),
                max_size=6,
            )
        )
        by_span = {
            (spans[first].start, spans[min(first + extra, len(words) - 1)].end): label
            for first, extra, label in found
        }
        return [(*span, label) for span, label in by_span.items()]

    gold = sorted(Annotation(start, end, (label,)) for start, end, label in marks())
    predicted = [Entity(s, e, label, text[s:e]) for s, e, label in marks()]
    document = Document(id="d", text=text, words=tuple(spans), annotations=tuple(gold))
    return document, predicted


def judged(case):
    return next(iter(judge([case[0]], [case[1]])))


def right(case):
    """Gold spans with their types that are among the predictions, by brute force."""
    document, predicted = case
    wanted = Counter((a.start, a.end, a.label) for a in document.annotations)
    claimed = Counter((e.start, e.end, e.label) for e in predicted)
    return wanted, claimed, wanted & claimed


@given(texts_with_answers())
def test_strict_counts_are_the_strict_scores(case):
    micro = strict_scores([case[0]], [case[1]]).micro
    assert strict_counts(judged(case)) == micro


@given(texts_with_answers(), st.sets(st.sampled_from(TYPES)))
def test_type_counts_are_the_strict_scores_of_these_types(case, types):
    scores = strict_scores([case[0]], [case[1]])
    wanted = sum((scores.per_type.get(name, Counts()) for name in types), Counts())
    assert type_counts(judged(case), types=types) == wanted


@given(texts_with_answers(), st.sets(st.sampled_from(["ada", "oslo", "x"])))
def test_unseen_counts_agree_with_brute_force(case, seen):
    document, _ = case
    sides = [
        sum(
            number
            for (start, end, _), number in side.items()
            if document.text[start:end].casefold() not in seen
        )
        for side in right(case)
    ]
    wanted, claimed, found = sides
    assert unseen_counts(judged(case), seen=seen) == Counts(found, claimed - found, wanted - found)


@given(texts_with_answers())
def test_what_is_seen_and_what_is_not_make_the_whole(case):
    everything = {"ada", "oslo", "lima", "x"} | {
        f"{a} {b}".casefold() for a in NAMES for b in NAMES
    }
    assert unseen_counts(judged(case), seen=everything) == Counts()
    assert unseen_counts(judged(case), seen=frozenset()) == strict_counts(judged(case))


@given(texts_with_answers())
def test_border_counts_agree_with_brute_force(case):
    """Touched marks are those of a pair; with exact borders those whose span was predicted."""
    document, predicted = case
    counts = border_counts(judged(case))
    spans = Counter((a.start, a.end) for a in document.annotations)
    exact = spans & Counter((e.start, e.end) for e in predicted)
    assert counts.true_positives == exact.total()
    assert counts.false_positives == 0
    assert counts.support <= len(document.annotations)


@given(texts_with_answers())
def test_types_do_not_matter_for_borders(case):
    document, predicted = case
    renamed = [Entity(e.start, e.end, "Z", e.text) for e in predicted]
    exact = border_counts(judged(case)).true_positives
    assert border_counts(judged((document, renamed))).true_positives == exact


def repeats_reference(document):
    """(index of a mark, index of the last mark before it with the same name, distance)."""
    marks = sorted(document.annotations)
    starts = [word.start for word in document.words]
    found = []
    for i, mark in enumerate(marks):
        earlier = [
            j
            for j, other in enumerate(marks[:i])
            if (document.text[other.start : other.end].casefold(), other.label)
            == (document.text[mark.start : mark.end].casefold(), mark.label)
        ]
        if earlier:
            j = earlier[-1]
            found.append((i, j, starts.index(mark.start) - starts.index(marks[j].start)))
    return found


@given(texts_with_answers(), st.integers(1, 6), st.sets(st.sampled_from(["ada", "x"])))
def test_repeats_agree_with_brute_force(case, reach, seen):
    document, _ = case
    marks = sorted(document.annotations)
    _, _, found = right(case)
    for band in (Band(up_to=reach), Band(above=reach)):
        chosen = [
            marks[i]
            for i, _, distance in repeats_reference(document)
            if distance in band
            and document.text[marks[i].start : marks[i].end].casefold() not in seen
        ]
        hits = sum(found[mark.start, mark.end, mark.label] > 0 for mark in chosen)
        assert repeat_counts(judged(case), band=band, seen=seen) == Counts(
            hits, 0, len(chosen) - hits
        )


@given(texts_with_answers(), st.integers(1, 6))
def test_near_and_far_are_all_repeats(case, reach):
    for count in (
        lambda band: repeat_counts(judged(case), band=band, seen=frozenset()),
        lambda band: consistency_counts(judged(case), band=band),
    ):
        parts = count(Band(up_to=reach)) + count(Band(above=reach))
        assert parts == count(Band())
        assert parts.support == len([r for r in repeats_reference(case[0]) if r[2] > 0])


@given(texts_with_answers())
def test_who_finds_all_or_nothing_is_consistent(case):
    document, _ = case
    all_of_it = [
        Entity(a.start, a.end, a.label, document.text[a.start : a.end])
        for a in document.annotations
    ]
    for answer in ([], all_of_it):
        assert consistency_counts(judged((document, answer)), band=Band()).false_negatives == 0


def test_consistency_is_no_recall():
    """Wrong twice in the same way is consistent; right once and wrong once is not."""
    text = "ada x ada"
    document = Document(
        id="d",
        text=text,
        words=(Span(0, 3), Span(4, 5), Span(6, 9)),
        annotations=(Annotation(0, 3, ("A",)), Annotation(6, 9, ("A",))),
    )

    def answered(*labels):
        places = ((0, 3), (6, 9))
        entities = [
            Entity(s, e, label, "ada")
            for (s, e), label in zip(places, labels, strict=True)
            if label
        ]
        return consistency_counts(judged((document, entities)), band=Band())

    assert answered("B", "B") == Counts(1, 0, 0)
    assert answered("A", "B") == Counts(0, 0, 1)
    assert answered("A", None) == Counts(0, 0, 1)


@given(st.lists(texts_with_answers(), min_size=2, max_size=4), st.integers(0, 99))
def test_figures_add_up_over_documents_in_any_order(cases, seed):
    metrics = claim_metrics([case[0] for case in cases[:1]], reach=2)
    other = list(cases)
    Random(seed).shuffle(other)
    for metric in metrics:
        total = sum((metric.count(judged(case)) for case in cases), Counts())
        assert sum((metric.count(judged(case)) for case in other), Counts()) == total


def training(**counts):
    return [
        Document(id=f"{name}{i}", text="x", annotations=(Annotation(0, 1, tuple(name.split("_"))),))
        for name, number in counts.items()
        for i in range(number)
    ]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.01, {"C"}), (1 / 3, {"C"}), (0.6, {"A", "C"}), (1.0, {"A", "B", "C"})],
)
def test_rare_types_are_those_with_the_fewest_mentions(share, expected):
    assert rare_types(training(A=3, B=9, C=1, A_B=50), share=share) == expected


def test_equally_rare_types_are_taken_by_name():
    assert rare_types(training(B=2, A=2, C=2)) == {"A"}
    assert rare_types([]) == frozenset()


def test_every_claim_names_a_figure_that_is_there():
    names = [metric.name for metric in claim_metrics([], reach=2)]
    assert {claim.metric for claim in CLAIMS} <= set(names)
    assert len(set(names)) == len(names)


def test_impossible_bands_and_shares_are_refused():
    for make in (lambda: Band(above=3, up_to=3), lambda: Band(above=-1), lambda: Band(up_to=0)):
        with pytest.raises(ConfigurationError, match="a band needs"):
            make()
    with pytest.raises(ConfigurationError, match="share must lie"):
        rare_types([], share=0.0)

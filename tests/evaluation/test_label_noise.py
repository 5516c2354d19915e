"""Suspects say what was disturbed: all four kinds, ranked by their score, and mend it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ossamma.evaluation.cross_calibration import calibrate_reading, cross_calibrate
from ossamma.evaluation.judge import Relation, judge
from ossamma.evaluation.label_noise import (
    NOTHING,
    Kind,
    Ranking,
    SuspectSettings,
    find_suspects,
    suggested_document,
    type_thresholds,
)
from ossamma.inference.calibration import Calibration, Temperature
from ossamma.inference.readings import DocumentReading, SpanReading
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Entity

TEXT = "ab cd ef gh ij kl mn op"
WORDS = [(start, start + 2) for start in range(0, len(TEXT), 3)]


def mark(first, last, *labels):
    return Annotation(WORDS[first][0], WORDS[last][1], labels or ("A",))


def entity(first, last, label="A", confidence=0.9):
    start, end = WORDS[first][0], WORDS[last][1]
    return Entity(start, end, label, TEXT[start:end], confidence)


def read(marks, entities, shares=None, *, name="d", annotates=None):
    """A reading: claims that are sure, marks with these shares (else all for other borders)."""
    document = Document(id=name, text=TEXT, annotations=tuple(marks), annotates=annotates)
    given = shares if shares is not None else [SpanReading(0.0, 0.0, 1.0, 0.0)] * len(marks)
    return DocumentReading(
        document=document,
        entities=tuple(sorted(entities)),
        claims=tuple(
            SpanReading(e.confidence, 0.0, 0.0, 1.0 - e.confidence) for e in sorted(entities)
        ),
        marks=tuple(given),
        unmarked=4,
        outside=3.6,
    )


def found_in(*readings, **settings):
    judged = list(judge((r.document for r in readings), (r.entities for r in readings)))
    return find_suspects(judged, readings, SuspectSettings(**settings))


def only(reading, **settings):
    (suspect,) = found_in(reading, **settings).suspects
    return suspect


def test_a_confident_entity_where_nothing_is_marked_is_missing():
    suspect = only(read([], [entity(1, 2)]))
    assert suspect.kind is Kind.MISSING
    assert (suspect.suggested, suspect.given) == (0.9, pytest.approx(0.1))
    assert suspect.score == pytest.approx(0.8)
    assert suspect.remove == ()
    assert (suspect.add.start, suspect.add.end, suspect.add.labels) == (3, 8, ("A",))
    assert "nothing is marked" in suspect.reason
    assert "'cd ef' is A with posterior 0.900" in suspect.reason


def test_a_mark_where_nothing_is_likely_is_spurious():
    suspect = only(read([mark(0, 0)], [], [SpanReading(0.01, 0.01, 0.0, 0.98)]))
    assert suspect.kind is Kind.SPURIOUS
    assert suspect.score == pytest.approx(0.97)
    assert suspect.remove == (mark(0, 0),)
    assert suspect.add is None
    assert "'ab' is marked A (posterior 0.010), but no entity" in suspect.reason


@pytest.mark.parametrize("label", ["A", "B"])
def test_other_borders_are_a_boundary_whatever_the_type(label):
    suspect = only(read([mark(0, 1)], [entity(0, 2, label)], [SpanReading(0.05, 0.0, 0.95, 0.0)]))
    assert suspect.kind is Kind.BOUNDARY
    assert suspect.score == pytest.approx(0.85)
    assert suspect.remove == (mark(0, 1),)
    assert suspect.add.label == label
    assert f"'ab cd' is marked A (posterior 0.050), but 'ab cd ef' is {label}" in suspect.reason


def test_same_borders_and_another_type_are_a_type():
    suspect = only(read([mark(0, 1)], [entity(0, 1, "B")], [SpanReading(0.1, 0.9, 0.0, 0.0)]))
    assert suspect.kind is Kind.TYPE
    assert "'ab cd' is marked A (posterior 0.100), but it is B" in suspect.reason


def test_what_agrees_is_no_suspect():
    shares = [SpanReading(0.0, 0.0, 0.0, 1.0)] * 2  # whatever the posterior
    reading = read([mark(0, 0), mark(2, 3, "A", "B")], [entity(0, 0), entity(2, 3, "B")], shares)
    assert found_in(reading).suspects == ()


def test_one_dispute_is_one_suspect():
    """Two marks, one entity over both; two entities in one mark: no mark is a suspect twice."""
    joined = found_in(read([mark(0, 0), mark(1, 1)], [entity(0, 1)]))
    assert [s.kind for s in joined.suspects] == [Kind.BOUNDARY]
    assert set(joined.suspects[0].remove) == {mark(0, 0), mark(1, 1)}
    parted = found_in(read([mark(0, 3)], [entity(0, 0), entity(2, 3)]))
    assert [s.kind for s in parted.suspects] == [Kind.BOUNDARY] * 2


def test_of_marks_that_the_model_cannot_mean_nothing_is_said():
    found = found_in(read([mark(0, 0), mark(2, 2)], [entity(2, 3)], [None, None]))
    assert found.suspects == ()
    assert found.unread == 2


def test_types_that_a_document_does_not_annotate_are_no_suspects():
    reading = read([], [entity(0, 0, "B"), entity(2, 2, "A")], annotates=frozenset({"A"}))
    assert [s.add.label for s in found_in(reading).suspects] == ["A"]


def test_rankings_and_least_scores():
    readings = [
        read([], [entity(0, 0, confidence=c)], name=str(number))
        for number, c in enumerate((0.6, 0.99, 0.4, 0.8))
    ]
    ranked = found_in(*readings).suspects
    assert [s.case.document for s in ranked] == ["1", "3", "0"]
    assert [s.score for s in ranked] == sorted((s.score for s in ranked), reverse=True)
    assert len(found_in(*readings, min_score=-1.0).suspects) == 4
    assert len(found_in(*readings, min_score=0.5).suspects) == 2
    shares = SpanReading(0.2, 0.35, 0.1, 0.35)
    other = read([mark(0, 0)], [entity(0, 0, "B", 0.35)], [shares])
    assert only(other, ranking=Ranking.SELF_CONFIDENCE).score == pytest.approx(0.8)
    assert only(other).score == pytest.approx(0.15)


def test_thresholds_are_mean_posteriors_and_hold_back_what_is_less_sure():
    shares = [SpanReading(0.9, 0.1, 0.0, 0.0), SpanReading(0.7, 0.0, 0.0, 0.3)]
    known = read([mark(0, 0), mark(2, 2)], [entity(0, 0), entity(2, 2)], shares)
    open_type = read([mark(0, 0, "A", "B")], [], [SpanReading(0.1, 0.0, 0.0, 0.9)])
    assert type_thresholds([known, open_type]) == {"A": pytest.approx(0.8), NOTHING: 0.9}
    unsure, sure = (read([], [entity(0, 0, confidence=c)]) for c in (0.75, 0.85))
    assert len(found_in(known, unsure, sure).suspects) == 2
    (kept,) = found_in(known, unsure, sure, by_type=True).suspects
    assert kept.suggested == 0.85
    # A type that nobody has marked has no threshold that could be reached.
    assert found_in(known, read([], [entity(0, 0, "Z", 0.99)]), by_type=True).suspects == ()


def test_json_says_it_all():
    suspect = only(read([mark(0, 1)], [entity(0, 2)], [SpanReading(0.05, 0.0, 0.95, 0.0)]))
    content = suspect.to_json()
    assert list(content) == [
        "kind", "document", "dataset", "given", "suggested", "score", "posteriors",
        "annotation_at_fault", "reason", "context",
    ]  # fmt: skip
    for side in ("given", "suggested"):
        assert TEXT[content[side]["start"] : content[side]["end"]] == content[side]["text"]
    assert content["annotation_at_fault"] is None


def disturb(marks, generator):
    """Spoil one mark or none; return the marks, and the kind of suspect that this makes."""
    kind = generator.choice([None, *Kind])
    chosen = generator.choice(marks)
    rest = [one for one in marks if one is not chosen]
    first = WORDS.index((chosen.start, chosen.start + 2))
    last = next(i for i, word in enumerate(WORDS) if word[1] == chosen.end)
    if kind is Kind.MISSING:
        return rest, kind
    if kind is Kind.TYPE:
        return [*rest, replace(chosen, labels=("Z",))], kind
    if kind is Kind.BOUNDARY:
        return [*rest, mark(first, last + 1, *chosen.labels)], kind
    if kind is Kind.SPURIOUS:
        return [*marks, mark(7, 7, "B")], kind
    return list(marks), kind


@pytest.mark.parametrize("seed", range(40))
def test_a_model_that_knows_the_truth_finds_and_mends_every_disturbance(seed):
    generator = random.Random(seed)
    truth = [mark(0, 0, "A"), mark(2, 3, "B"), mark(5, 5, "A")]
    marks, kind = disturb(truth, generator)
    entities = [Entity(m.start, m.end, m.label, TEXT[m.start : m.end], 0.97) for m in truth]
    sure = {(m.start, m.end, m.label) for m in truth}
    spans = {(m.start, m.end) for m in truth}
    shares = []
    for one in sorted(marks):
        if (one.start, one.end, one.label) in sure:
            shares.append(SpanReading(0.97, 0.0, 0.0, 0.03))
        elif (one.start, one.end) in spans:
            shares.append(SpanReading(0.01, 0.97, 0.0, 0.02))
        elif any(one.start < end and start < one.end for start, end in spans):
            shares.append(SpanReading(0.01, 0.0, 0.97, 0.02))
        else:
            shares.append(SpanReading(0.01, 0.0, 0.0, 0.99))
    reading = read(sorted(marks), entities, shares)
    found = found_in(reading, min_score=0.5).suspects
    assert [suspect.kind for suspect in found] == ([] if kind is None else [kind])
    mended = suggested_document(reading.document, found)
    assert {(m.start, m.end, m.label) for m in mended.annotations} == sure
    assert mended.text == reading.document.text
    new = [m for m in mended.annotations if m.origin]
    assert all(m.origin == f"suspect:{kind}" and m.confidence == 0.97 for m in new)
    (judged,) = judge([mended], [reading.entities])
    assert {pair.relation for pair in judged.pairs} == {Relation.CORRECT}


def test_calibration_keeps_shares_a_whole_and_their_order():
    shares = [SpanReading(0.6, 0.3, 0.1, 0.0), SpanReading(0.0, 0.0, 0.0, 1.0)]
    reading = read([mark(0, 0), mark(2, 2, "A", "B")], [entity(4, 4, "B", 0.7)], shares)
    cool = Calibration(overall=Temperature(2.0), per_type={"B": Temperature(1.0)})
    made = calibrate_reading(reading, cool)
    for before, after in zip(reading.marks, made.marks, strict=True):
        values = [after.kept, after.other_type, after.other_borders, after.nothing]
        assert sum(values) == pytest.approx(1.0)
        was = [before.kept, before.other_type, before.other_borders, before.nothing]
        assert sorted(range(4), key=values.__getitem__) == sorted(range(4), key=was.__getitem__)
    assert made.marks[0].kept < reading.marks[0].kept
    assert made.entities == reading.entities  # B has a calibrator that changes nothing
    assert made.document is reading.document
    identity = calibrate_reading(reading, Calibration(overall=Temperature()))
    assert identity.entities == reading.entities
    assert [one.kept for one in identity.marks] == pytest.approx([0.6, 0.0])


def test_a_fold_is_calibrated_by_the_others_alone():
    """The one fold is always right, the other half of the time: each gets the other's lesson."""
    generator = random.Random(0)
    readings, folds = [], []
    for number in range(400):
        fold = number % 2
        is_right = fold == 0 or generator.random() < 0.5
        marks = [mark(0, 0)] if is_right else []
        readings.append(read(marks, [entity(0, 0, confidence=0.9)], name=str(number)))
        folds.append(fold)
    made = cross_calibrate(readings, folds)
    by_fold = {fold: made[fold].entities[0].confidence for fold in (0, 1)}
    assert by_fold[0] == pytest.approx(0.5, abs=0.1)
    assert by_fold[1] > 0.99
    alone = cross_calibrate(readings[:1], [0])
    assert alone[0].entities == readings[0].entities


def test_scores_out_of_reach_are_refused():
    with pytest.raises(ConfigurationError, match="min_score"):
        SuspectSettings(min_score=1.5)

"""Errors are counted like the scores and the confusion, whatever is shown of them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.confusion import confusion
from ossamma.evaluation.errors import ErrorSettings, collect_errors
from ossamma.evaluation.judge import Relation, judge
from ossamma.evaluation.metrics import strict_scores_of
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Entity
from tests.evaluation import spans

TEXT = "In May Ada Lovelace met Charles Babbage in the old town of London ."


def entity(surface, label, confidence=1.0, text=TEXT):
    start = text.index(surface)
    return Entity(start, start + len(surface), label, surface, confidence)


def annotation(surface, label, text=TEXT):
    start = text.index(surface)
    return Annotation(start, start + len(surface), (label,))


def errors_of(marks, claims, text=TEXT, **settings):
    document = Document(id="d1", text=text, annotations=tuple(marks), dataset="letters")
    return collect_errors(judge([document], [claims]), ErrorSettings(**settings))


@given(st.lists(spans.cases(), min_size=1, max_size=4), st.integers(1, 5))
def test_errors_are_those_of_the_scores_and_of_the_confusion(cases, most):
    judged = list(judge(*zip(*cases, strict=True)))
    errors = collect_errors(judged, ErrorSettings(max_cases=most, max_surfaces=most))
    micro, table = strict_scores_of(judged).micro, confusion(judged)
    assert errors.false_positives == micro.false_positives
    assert errors.false_negatives == micro.false_negatives
    assert errors.counts[Relation.MISSED] == sum(table.missed)
    assert errors.counts[Relation.SPURIOUS] == sum(table.spurious)
    pairs = sum(sum(row) for row in table.counts) - micro.true_positives
    assert pairs == sum(
        errors.counts[one]
        for one in (Relation.WRONG_TYPE, Relation.WRONG_BOUNDARY, Relation.WRONG_BOTH)
    )
    assert sum(errors.kinds.values()) == sum(errors.counts.values())


@given(st.lists(spans.cases(), min_size=1, max_size=4), st.integers(1, 5))
def test_what_is_left_out_is_counted(cases, most):
    judged = list(judge(*zip(*cases, strict=True)))
    every = collect_errors(judged)
    some = collect_errors(judged, ErrorSettings(max_cases=most, max_surfaces=most))
    assert some.counts == every.counts
    assert some.kinds == every.kinds
    left_out = some.to_json()["left_out"]
    assert len(some.cases) == min(most, sum(every.counts.values()))
    assert len(some.cases) + left_out["cases"] == len(every.cases)
    assert len(some.surfaces) + left_out["surfaces"] == len(every.surfaces)
    assert set(some.cases) <= set(every.cases)
    # As many kinds are shown as can be.
    assert len({case.kind for case in some.cases}) == min(most, len(every.kinds))


@given(st.lists(spans.cases(), min_size=1, max_size=4))
def test_every_case_shows_its_spans_in_the_text(cases):
    errors = collect_errors(judge(*zip(*cases, strict=True)))
    for case in errors.cases:
        assert spans.TEXT[case.context_start :].startswith(case.context)
        for side in filter(None, (case.gold, case.predicted)):
            assert spans.TEXT[side.start : side.end] == side.text
            start = side.start - case.context_start
            assert case.context[start : start + len(side.text)] == side.text


@given(st.lists(spans.cases(), min_size=1, max_size=4))
def test_surfaces_count_every_error_once(cases):
    errors = collect_errors(judge(*zip(*cases, strict=True)))
    assert Counter(case.kind for case in errors.cases) == Counter(errors.kinds)
    total: Counter[object] = Counter()
    for surface, number in errors.surfaces:
        total[surface.kind] += number
    assert total == Counter(errors.kinds)
    numbers = [number for _, number in errors.surfaces]
    assert numbers == sorted(numbers, reverse=True)


def test_a_case_says_all_that_is_known():
    found = errors_of(
        [annotation("Charles Babbage", "PERSON"), annotation("London", "PLACE")],
        [entity("Babbage", "PERSON", 0.75), entity("May", "PERSON", 0.5)],
        context_words=2,
    )
    by_relation = {case["relation"]: case for case in found.to_json()["cases"]}
    assert by_relation["wrong boundary"] == {
        "relation": "wrong boundary",
        "document": "d1",
        "dataset": "letters",
        "gold": {"start": 24, "end": 39, "type": "PERSON", "text": "Charles Babbage"},
        "predicted": {
            "start": 32,
            "end": 39,
            "type": "PERSON",
            "text": "Babbage",
            "confidence": 0.75,
        },
        "context": {"start": 11, "text": "Lovelace met Charles Babbage in the"},
    }
    assert by_relation["missed"]["predicted"] is None
    assert by_relation["missed"]["context"]["text"] == "town of London ."
    assert by_relation["spurious"]["gold"] is None
    assert by_relation["spurious"]["context"]["text"] == "In May Ada Lovelace"


def test_the_most_confident_mistakes_of_a_kind_are_shown():
    names = ("Ada", "Charles", "London")
    claims = [entity(name, "PERSON", c) for name, c in zip(names, (0.2, 0.9, 0.5), strict=True)]
    found = errors_of([], claims, max_cases=2)
    assert [case.predicted.text for case in found.cases] == ["Charles", "London"]


def test_a_long_text_is_shortened_and_a_long_word_too():
    text = "x" * 1000 + " " + "y" * 1000 + " " + "z" * 1000
    found = errors_of([annotation("y" * 1000, "T", text)], [], text=text, context_characters=50)
    (case,) = found.cases
    assert case.context.count("y") == 400 + 50  # what follows the part that is shown
    assert case.gold.text == "y" * 400 + "…"
    assert (case.gold.start, case.gold.end) == (1001, 2001)
    assert len(case.context) <= 500


def test_the_json_is_plain():
    found = errors_of([annotation("London", "A|B")], [entity("London", "C")])
    content = found.to_json()
    assert json.loads(json.dumps(content)) == content
    assert content["kinds"] == [
        {"relation": "wrong type", "gold": "A|B", "predicted": "C", "count": 1, "shown": 1}
    ]
    assert content["surfaces"] == [
        {
            "relation": "wrong type",
            "gold": "A|B",
            "predicted": "C",
            "gold_text": "London",
            "predicted_text": "London",
            "count": 1,
        }
    ]


@pytest.mark.parametrize("name", ["context_words", "max_cases", "span_characters"])
def test_settings_are_checked(name):
    with pytest.raises(ConfigurationError, match=f"{name} must be >= 1, got 0"):
        ErrorSettings(**{name: 0})

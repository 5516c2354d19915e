from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.findings import Kind, findings_of, word_ranges
from ossamma.data.readers.conll import ConllFormat, read_conll
from ossamma.data.repair import MECHANICAL, Rule, repair
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Span


def document(text: str, *spans: tuple[int, int, str], **fields) -> Document:
    marks = tuple(Annotation(start, end, (label,)) for start, end, label in spans)
    return Document("d", text, annotations=marks, **fields)


def spans(one: Document) -> list[tuple[str, str]]:
    return [(one.text[mark.start : mark.end], mark.label) for mark in one.annotations]


TEXT = 'In "New  York, Ada stayed'


@pytest.mark.parametrize(
    ("rule", "given_spans", "expected"),
    [
        (Rule.TRIM_SPACE, [(14, 19, "A")], [("Ada", "A")]),
        (Rule.TRIM_SPACE, [(7, 9, "A")], []),
        (Rule.TRIM_PUNCTUATION, [(3, 14, "A")], [("New  York", "A")]),
        (Rule.TRIM_PUNCTUATION, [(13, 14, "A")], [(",", "A")]),
        (Rule.WIDEN_TO_WORDS, [(16, 21, "A")], [("Ada stayed", "A")]),
        (Rule.WIDEN_TO_WORDS, [(14, 17, "A")], [(" Ada", "A")]),
        (Rule.WIDEN_TO_WORDS, [(7, 9, "A")], [("  ", "A")]),
        (
            Rule.DROP_DUPLICATES,
            [(4, 7, "A"), (4, 7, "A"), (4, 7, "B")],
            [("New", "A"), ("New", "B")],
        ),
        (Rule.KEEP_LONGEST, [(4, 7, "A"), (4, 13, "B"), (9, 18, "C")], [("New  York", "B")]),
        (Rule.KEEP_LONGEST, [(4, 7, "A"), (9, 13, "B")], [("New", "A"), ("York", "B")]),
    ],
)
def test_each_rule(rule, given_spans, expected):
    repaired, _ = repair(document(TEXT, *given_spans), [rule])
    assert spans(repaired) == expected


def test_the_more_confident_of_equals_stays():
    marks = (
        Annotation(0, 3, ("A",), "", 0.5),
        Annotation(0, 3, ("A",), "lexicon:x", 0.9),
        Annotation(0, 3, ("B",), "", 0.8),
    )
    one = Document("d", "Ada", annotations=marks)
    assert repair(one, [Rule.DROP_DUPLICATES])[0].annotations == marks[1:]
    assert repair(one, [Rule.KEEP_LONGEST])[0].annotations == marks[1:2]


def test_punctuation_inside_a_word_of_the_document_stays():
    one = document("Acme, Yahoo! said", (0, 5, "A"), (6, 12, "A"))
    own = document(
        one.text,
        (0, 5, "A"),
        (6, 12, "A"),
        words=(Span(0, 4), Span(4, 5), Span(6, 12), Span(13, 17)),
    )
    assert spans(repair(one, [Rule.TRIM_PUNCTUATION])[0]) == [("Acme", "A"), ("Yahoo", "A")]
    assert spans(repair(own, [Rule.TRIM_PUNCTUATION])[0]) == [("Acme", "A"), ("Yahoo!", "A")]


def test_the_log_says_what_was_and_what_is():
    _, changes = repair(document(TEXT, (14, 17, "A"), (15, 16, "A")))
    assert json.loads(json.dumps([change.to_json() for change in changes])) == [
        {
            "document": "d",
            "rule": "trim-space",
            "before": {"start": 14, "end": 17, "label": "A", "text": " Ad", "origin": ""},
            "after": {"start": 15, "end": 17, "label": "A", "text": "Ad", "origin": ""},
        },
        {
            "document": "d",
            "rule": "widen-to-words",
            "before": {"start": 15, "end": 17, "label": "A", "text": "Ad", "origin": ""},
            "after": {"start": 15, "end": 18, "label": "A", "text": "Ada", "origin": ""},
        },
        {
            "document": "d",
            "rule": "widen-to-words",
            "before": {"start": 15, "end": 16, "label": "A", "text": "A", "origin": ""},
            "after": {"start": 15, "end": 18, "label": "A", "text": "Ada", "origin": ""},
        },
        {
            "document": "d",
            "rule": "drop-duplicates",
            "before": {"start": 15, "end": 18, "label": "A", "text": "Ada", "origin": ""},
            "after": None,
        },
    ]


def test_what_is_sound_is_not_touched():
    one = document(TEXT, (15, 18, "A"))
    assert repair(one) == (one, ())
    assert repair(one)[0] is one
    assert repair(Document("u", " text ")) == (Document("u", " text "), ())


def test_a_rule_that_does_not_exist():
    with pytest.raises(ConfigurationError, match=r"trim-space.*got 'trim'"):
        repair(document(TEXT), ["trim"])


@st.composite
def documents(draw):
    text = draw(st.text(st.sampled_from('ab ,."\n'), min_size=1, max_size=25))
    ranges = st.builds(
        lambda a, b: (min(a, b), max(a, b) + 1),
        st.integers(0, len(text) - 1),
        st.integers(0, len(text) - 1),
    )
    marks = draw(
        st.lists(
            st.builds(
                lambda span, label, confidence: Annotation(*span, (label,), "", confidence),
                ranges,
                st.sampled_from("AB"),
                st.sampled_from([0.5, 1.0]),
            ),
            max_size=6,
        )
    )
    words = None
    if draw(st.booleans()):
        # Words may be anything disjoint, even with white space in them.
        edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
        words = tuple(Span(*edge) for edge in list(pairwise(edges))[::2])
    return Document("d", text, words=words, annotations=tuple(marks))


rule_sets = st.lists(st.sampled_from(list(Rule)))


@given(documents(), rule_sets)
def test_nothing_changes_without_a_line_in_the_log(one, rules):
    """Replaying the log on the old spans gives the new ones."""
    repaired, changes = repair(one, rules)
    replayed = [(m.start, m.end, m.label) for m in one.annotations]
    for change in changes:
        before, after = change.before, change.after
        assert one.text[before.start : before.end] == before.text
        replayed.remove((before.start, before.end, before.label))
        if after is not None:
            assert one.text[after.start : after.end] == after.text
            assert (after.start, after.end) != (before.start, before.end)
            replayed.append((after.start, after.end, after.label))
    assert sorted(replayed) == sorted((m.start, m.end, m.label) for m in repaired.annotations)
    assert (repaired is one) == (not changes)
    assert (repaired.text, repaired.words) == (one.text, one.words)


@given(documents(), rule_sets)
def test_repairing_twice_is_repairing_once(one, rules):
    once, _ = repair(one, rules)
    assert repair(once, rules) == (once, ())


@given(documents())
def test_the_mechanical_rules_leave_none_of_their_findings(one):
    repaired, _ = repair(one, MECHANICAL)
    kinds = {finding.kind for finding in findings_of(repaired)}
    assert kinds.isdisjoint({Kind.SPACE, Kind.DUPLICATE, Kind.CONTRADICTION, Kind.OVERLAP})
    if not any(one.text[a:b] != one.text[a:b].strip() for a, b in word_ranges(one)):
        assert Kind.MISALIGNED not in kinds


@given(documents())
def test_of_overlapping_spans_each_that_goes_met_one_at_least_as_long_that_stays(one):
    repaired, changes = repair(one, [Rule.KEEP_LONGEST])
    for change in changes:
        gone = change.before
        assert any(
            mark.start < gone.end
            and gone.start < mark.end
            and mark.end - mark.start >= gone.end - gone.start
            for mark in repaired.annotations
        )


@pytest.mark.data
def test_real_spans_are_repaired():
    path = Path(os.environ["OSSAMMA_MIRROR"], "aptner/APTNERtrain.txt")
    corpus = read_conll(path, ConllFormat(on_error="skip"))
    results = [repair(one) for one in corpus.documents]
    changes = [change for _, log in results for change in log]
    found = [f for one in corpus.documents for f in findings_of(one) if f.kind is Kind.SPACE]
    assert len([change for change in changes if change.rule is Rule.TRIM_SPACE]) == len(found) > 0
    remaining = {finding.kind for one, _ in results for finding in findings_of(one)}
    assert Kind.SPACE not in remaining

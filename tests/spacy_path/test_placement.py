"""Every entity is either placed on whole tokens, of which no two share one, or told of."""

from __future__ import annotations

import spacy
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.spans import Entity
from ossamma.spacy_path.placement import Reason, place, token_range, token_range_reference

NLP = spacy.blank("en")
TEXTS = st.text(alphabet="ab .,-\n'$%é👍", min_size=1, max_size=30)


@st.composite
def cases(draw):
    text = draw(TEXTS)
    borders = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    spans = draw(st.lists(borders.filter(lambda b: b[0] < b[1]), max_size=6))
    numbers = st.sampled_from([0.2, 0.5, 0.5, 0.9, 1.0])
    return text, [
        Entity(s, e, draw(st.sampled_from("XY")), text[s:e], draw(numbers)) for s, e in spans
    ]


def tokens(text):
    doc = NLP.make_doc(text)
    return [t.idx for t in doc], [t.idx + len(t) for t in doc]


@given(cases())
def test_nothing_is_lost_and_no_token_is_used_twice(case):
    text, entities = case
    placement = place(entities, *tokens(text))
    told = [p.entity for p in placement.placed] + [o.entity for o in placement.left_out]
    assert sorted(told) == sorted(entities)
    used = [token for p in placement.placed for token in range(p.first, p.end)]
    assert used == sorted(set(used))


@given(cases())
def test_the_search_equals_its_slow_twin_and_spacys_own_expansion(case):
    text, entities = case
    doc = NLP.make_doc(text)
    starts, ends = tokens(text)
    for entity in entities:
        first, end = token_range(starts, ends, entity.start, entity.end)
        slow = token_range_reference(starts, ends, entity.start, entity.end)
        assert (first, end) == slow or (first >= end and slow[0] >= slow[1])
        if first < end:
            span = doc.char_span(entity.start, entity.end, alignment_mode="expand")
            assert first >= span.start
            assert end <= span.end
            assert doc[first:end].text.strip() == span.text.strip()


@given(cases())
def test_widened_says_whether_the_tokens_hold_more_than_the_entity(case):
    text, entities = case
    doc = NLP.make_doc(text)
    for p in place(entities, *tokens(text)).placed:
        said = doc[p.first : p.end].text
        assert p.is_widened == (said not in p.entity.text)


def test_the_more_confident_of_two_has_the_token():
    weak, strong = Entity(0, 2, "X", "ab", 0.4), Entity(1, 3, "Y", "bc", 0.6)
    placement = place([weak, strong], [0], [3])
    assert [p.entity for p in placement.placed] == [strong]
    assert [(o.entity, o.reason) for o in placement.left_out] == [(weak, Reason.OVERLAP)]


def test_taken_tokens_and_white_space_between_tokens_are_reasons():
    entities = [Entity(0, 2, "X", "ab"), Entity(2, 3, "X", " ")]
    placement = place(entities, [0, 3], [2, 5], taken=frozenset({0}))
    assert [o.reason for o in placement.left_out] == [Reason.TAKEN, Reason.NOWHERE]

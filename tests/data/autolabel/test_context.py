"""A context is a window of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.context import Context
from ossamma.schema.errors import ConfigurationError

WORDS = st.lists(st.sampled_from(["play", "group", "malware", "x", "of"]), max_size=8)


@given(WORDS, WORDS, st.integers(0, 4), st.integers(0, 4), st.sampled_from([" ", ", ", "\n\n"]))
def test_a_context_holds_where_a_word_is_in_the_window(left, right, before, after, joint):
    if not before + after:
        return
    context = Context(words=frozenset({"group", "malware"}), before=before, after=after)
    text = joint.join([*left, "NAME", *right])
    start = text.index("NAME")
    window = (left[-before:] if before else []) + right[:after]
    expected = bool({"group", "malware"} & set(window))
    assert context.holds(text, start, start + 4) is expected


def test_words_are_whole():
    context = Context(words=frozenset({"group"}))
    assert not context.holds("subgroup NAME groups", 9, 13)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"words": frozenset()}, "at least one word"),
        ({"words": frozenset({"two words"})}, "one word in lower case, got 'two words'"),
        ({"words": frozenset({"Group"})}, "one word in lower case, got 'Group'"),
        ({"words": frozenset({"a"}), "before": 0, "after": 0}, "got 0 before and 0 after"),
        ({"words": frozenset({"a"}), "before": -1}, "got -1 before"),
    ],
)
def test_a_context_that_can_never_hold_is_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        Context(**fields)

"""Where a name stands on its own: the table of neighbours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.boundaries import BoundaryRules
from ossamma.data.autolabel.folding import is_word_character
from tests.data.autolabel.strategies import texts

RULES = BoundaryRules(prefixes=frozenset({"non"}), suffixes=frozenset({"based"}))


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("NAME", True),
        ("(NAME)", True),
        ("the NAME.", True),
        ("NAME, then", True),
        ("NAME/NAME2", True),
        ("**NAME**", True),
        ("NAME's tools", True),
        ("NAME\u2019s tools", True),
        ("NAME'S TOOLS", True),
        ("NAME' tools", True),
        ("'NAME'", True),
        ("NAME-based", True),
        ("NAME-Based", True),
        ("non-NAME", True),
        ("NAME - and", True),
        ("NAME\u2014and", True),
        ("xNAME", False),
        ("NAMEx", False),
        ("NAME2", False),
        ("_NAME", False),
        ("NAME\u0301", False),
        ("NAME.exe", False),
        ("evil.NAME", False),
        ("user@NAME", False),
        ("NAME@host", False),
        ("c:\\NAME\\x", False),
        ("R&NAME", False),
        ("NAME-like", False),
        ("NAME-basedx", False),
        ("semi-NAME", False),
        ("NAME'd", False),
        ("NAME'sx", False),
        ("l'NAME", False),
        ("NAME-" + "based" * 10, False),
    ],
)
def test_neighbours(text, alone):
    start = text.index("NAME")
    assert RULES.allow(text, start, start + 4) is alone


@given(texts, texts)
def test_a_name_never_stands_alone_inside_of_a_word(left, right):
    text = f"{left}NAME{right}"
    start, end = len(left), len(left) + 4
    if RULES.allow(text, start, end):
        assert not left or not is_word_character(left[-1])
        assert not right or not is_word_character(right[0])


@given(st.sampled_from([" ", "\n", "(", '"', "\u2014", "*", ","]), texts)
def test_what_lies_behind_a_separator_does_not_matter(separator, rest):
    text = f"{rest}{separator} NAME {separator}{rest}"
    start = len(rest) + 2
    assert RULES.allow(text, start, start + 4)

"""People see the whole text with its entities, and nothing that a terminal would obey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.cli.rendering import colour_of, render
from ossamma.schema.spans import Entity

TEXT = "Ada met [Bob]"
ADA, BOB = Entity(0, 3, "PERSON", "Ada", 0.987), Entity(9, 12, "X[Y]", "Bob", 1.0)


def test_entities_stand_in_brackets_in_the_text():
    assert render(TEXT, [ADA, BOB]).plain == "[Ada PERSON 0.99] met [[Bob X[Y] 1.00]]"


def test_without_entities_the_text_is_shown():
    assert render(TEXT, []).plain == TEXT
    assert render("", []).plain == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc\r\nd", "a\tb\nc\nd"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\0\x07\r", "\\x00\\x07\\r"),
        ("\u202eabc", "\\u202eabc"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b\u3000c", "a\u00a0b\u3000c"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
    ids=ascii,
)
def test_what_a_terminal_would_obey_is_escaped(text, shown):
    assert render(text, []).plain == shown


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=30))
def test_any_text_can_be_printed(text):
    render(text, []).plain.encode("utf-8")


def test_a_type_keeps_its_colour():
    assert colour_of("PERSON") == colour_of("PERSON")
    assert len({colour_of(name) for name in map(str, range(50))}) > 4

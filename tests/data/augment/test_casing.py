"""Case changes in place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.augment.casing import like, lower, title, upper


@given(st.text())
def test_every_character_keeps_its_place(text):
    for change in (lower, upper, title):
        changed = change(text)
        assert len(changed) == len(text)
        for old, new in zip(text, changed, strict=True):
            assert new == old or new in old.lower() + old.upper() + "\u03c2"  # a final sigma


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_ascii_is_written_as_python_does(text):
    assert (lower(text), upper(text)) == (text.lower(), text.upper())


def test_characters_that_would_grow_stay():
    assert upper("stra\u00dfe") == "STRA\u00dfE"
    assert lower("\u0130z") == "\u0130z"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("big", "huge"),
        ("Big", "Huge"),
        ("BIG", "HUGE"),
        ("A", "Huge"),
        ("bIg", None),
        ("BiG", None),
        ("42", "huge"),
    ],
)
def test_like(pattern, expected):
    assert like("huge", pattern) == expected

"""Documents become fit parts: nothing is lost but what is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.cleaning import CleanCounts, CleanSettings, clean_parts, cut_evenly
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

OFF = CleanSettings(
    normal_form=None, boilerplate=None, quality=None, english=None, max_characters=0
)


def parts_of(text, settings):
    counts = CleanCounts()
    return list(clean_parts(Document("d", text, dataset="x"), settings, counts)), counts


@given(text=st.text(st.sampled_from("abc \n"), max_size=200), size=st.integers(1, 40))
def test_cutting_loses_white_space_only_and_is_even(text, size):
    parts = cut_evenly(text, size)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part) <= size for part in parts)
    assert all(part == part.strip() for part in parts[:-1])


def test_parts_are_about_equal_and_end_at_lines():
    text = "\n".join(f"line {number} of the book" for number in range(1000))
    parts = cut_evenly(text, 5000)
    assert "\n".join(parts) == text
    assert min(map(len, parts)) > 0.8 * max(map(len, parts))


@given(st.text(min_size=1))
def test_with_every_step_off_a_document_is_itself(text):
    assert parts_of(text, OFF)[0] == [Document("d", text, dataset="x")]


def test_parts_of_one_document_are_one_group():
    sentence = "The {0} committee met on {0} and decided that the {0} bridge would be {0} closed."
    lines = [sentence.format(chr(97 + number) * 4) for number in range(26)]
    parts, counts = parts_of("\n".join(lines), CleanSettings(max_characters=1000))
    assert [part.id for part in parts] == [f"d/{n + 1}" for n in range(len(parts))]
    assert {part.group for part in parts} == {"d"}
    assert counts.cut == 1


def test_every_loss_is_counted_by_its_rule():
    parts, counts = parts_of("Kurz.", CleanSettings())
    assert (parts, counts.documents, counts.characters) == ([], {"too short": 1}, {"too short": 5})
    parts, counts = parts_of("Skip to content\n\x00", CleanSettings())
    assert (parts, counts.documents, counts.lines) == ([], {"empty": 1}, {"navigation": 1})
    german = "Der Ausschuss hat am Freitag beschlossen, dass die alte Brücke nicht mehr offen ist."
    parts, counts = parts_of(german, CleanSettings())
    assert counts.to_json()["documents"] == {"another language": 1}
    assert parts_of(german, CleanSettings(english=None))[0][0].text == german


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match="max_characters"):
        CleanSettings(max_characters=-1)

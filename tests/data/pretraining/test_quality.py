"""Rules for whole documents: each has an example, a threshold and a switch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.quality import (
    QualitySettings,
    TextFacts,
    fault_of,
    letter_share_reference,
)
from ossamma.schema.errors import ConfigurationError

GOOD = "The committee met on Friday and decided that the old bridge would be closed until spring."
CASES = {
    "too short": ("Two words only.", {"min_words": 0}),
    "broken encoding": (GOOD + " \ufffd\ufffd", {"max_replacements": 1.0}),
    "too few letters": ("12 + 4 = 16 ; 3 * 5 = 15 ; a 9 - 2 = 7 b", {"min_letters": 0.0}),
    "words too long": ("Abcdefghijklmnopqrstuvwxyz " * 14, {"max_word_characters": 0.0}),
    "repetitive": ("buy now and save a lot " * 20, {"max_repeated_runs": 1.0}),
}
OFF = QualitySettings(
    min_words=0,
    min_letters=0.0,
    max_word_characters=0.0,
    max_repeated_runs=1.0,
    max_replacements=1.0,
)


def test_a_good_text_breaks_no_rule():
    assert fault_of(GOOD, QualitySettings()) is None


@pytest.mark.parametrize("rule", sorted(CASES))
def test_each_rule_finds_its_example_and_can_be_switched_off(rule):
    text, off = CASES[rule]
    assert fault_of(text, QualitySettings()) == rule
    assert fault_of(text, QualitySettings(**off)) != rule


@given(st.text())
def test_without_rules_every_text_is_fit(text):
    assert fault_of(text, OFF) is None


@given(st.text(st.characters() | st.sampled_from("ab 1.\n\u00e9\u3000"), max_size=40))
def test_fast_letter_share_equals_reference(text):
    assert TextFacts(text).letter_share == pytest.approx(letter_share_reference(text))


@given(st.lists(st.sampled_from("abc"), min_size=0, max_size=30))
def test_repeated_runs_are_counted_one_by_one(words):
    runs = [tuple(words[start : start + 5]) for start in range(len(words) - 4)]
    expected = 1 - len(set(runs)) / len(runs) if runs else 0.0
    assert TextFacts(" ".join(words)).repeated_runs == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong", [{"min_letters": 2.0}, {"min_words": -1}, {"max_repeated_runs": -1}]
)
def test_impossible_thresholds_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        QualitySettings(**wrong)

"""Boilerplate goes line by line; sentences stay whatever they speak of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.boilerplate import (
    BoilerplateSettings,
    is_navigation,
    without_boilerplate,
)
from ossamma.schema.errors import ConfigurationError

OFF = BoilerplateSettings(navigation_words=0, repeated_times=0)


@pytest.mark.parametrize(
    "line",
    ["Skip to main content", "Home | News | Sport | Contact", "© 2019 Acme. All rights reserved.",
     "Log in / Sign up", "Share this:", "Read more >", "We use cookies", "Privacy Policy",
     "Advertisement", "Subscribe to our newsletter", "Home > Products > Tools > Saws"],
)  # fmt: skip
def test_navigation(line):
    assert is_navigation(line, 10)


@pytest.mark.parametrize(
    "line",
    ["The login page leaks the session cookie.", "Testing for cookies attributes", "Login Speed",
     "| T1105 | Remote File Copy |", "HEAD | Request a file | only headers | yes, 200",
     "He subscribed to the theory.", "A 1976 advertisement for the Apple I computer.",
     "Cookie Exceptions windows does not update", "Copyright law protects authors.", ""],
)  # fmt: skip
def test_text_that_speaks_of_such_things_stays(line):
    assert not is_navigation(line, 10)


def test_short_lines_all_over_a_document_go_and_counts_say_so():
    lines = [f"A sentence of its own, number {n}." for n in range(12)]
    text = "\n".join(line for each in lines for line in (each, "Reply  Quote"))
    found, dropped = without_boilerplate(text, BoilerplateSettings())
    assert found == "\n".join(lines)
    assert dropped == {"repeated short line": 12}


def test_a_line_said_often_in_a_long_document_stays():
    text = "\n".join("Yes." if n % 40 == 0 else f"Line {n} of a novel." for n in range(400))
    assert without_boilerplate(text, BoilerplateSettings()) == (text, {})


@given(st.text(st.sampled_from("ab |\n>"), max_size=60))
def test_what_stays_is_some_of_the_lines_in_order(text):
    found, dropped = without_boilerplate(text, BoilerplateSettings())
    rest = iter(text.split("\n"))
    kept = [line for line in found.split("\n") if line.strip()]
    assert all(any(line.strip() == other.strip() for other in rest) for line in kept)
    assert len([line for line in text.split("\n") if line.strip()]) == len(kept) + dropped.total()
    assert without_boilerplate(text, OFF) == (text, {})


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match="repeated_share"):
        BoilerplateSettings(repeated_share=2.0)
    with pytest.raises(ConfigurationError, match="navigation_words"):
        BoilerplateSettings(navigation_words=-1)

"""The law for regular expressions: it refuses what can explode and lets the rest pass."""

from __future__ import annotations

import pytest

from ossamma.data.autolabel.bounded import unbounded


@pytest.mark.parametrize(
    "regex",
    [
        "cve-[0-9]{4}-[0-9]{4,7}",
        "a{1,63}b",
        "a?b",
        "a?+b",
        "[*+]{1,3}",
        "[]*]",
        "[^]*]",
        r"\*\+\{",
        r"[\]*]",
        "(?:ab){1,8}",
        "(?:[a-z]{3}-){1,8}",
        "(?:a{1,3}+b){1,8}",
        "(?:a{1,3}b){1,8}+",
        "(?:a|b){1,8}+",
        "(?:a|b)?",
        "(?:a{1,3})?",
        "(?P<host>a{1,3}+(?:b|c){1,4}+)",
        "(?<![a-z])x(?!y)",
        "a{0,4096}",
    ],
)
def test_bounded(regex):
    assert unbounded(regex) == ""


@pytest.mark.parametrize(
    ("regex", "fault"),
    [
        ("a*", "a repeat without limit"),
        ("a+", "a repeat without limit"),
        ("[a-z]+", "a repeat without limit"),
        ("(?:a)*", "a repeat without limit"),
        ("a{2,}", "must end at 4096"),
        ("a{0,5000}", "must end at 4096"),
        ("a{5000}", "must end at 4096"),
        ("(?:a{1,9}){1,9}", "varies inside"),
        ("(?:a?b){1,9}", "varies inside"),
        ("(?:a|aa){1,50}", "varies inside"),
        ("(?:(?:a|b)c){1,9}", "varies inside"),
        ("((a{1,3}b)){2}", "varies inside"),
        ("a{1,3}++", "a repeat without limit"),
        (r"\\*", "a repeat without limit"),
    ],
)
def test_not_bounded(regex, fault):
    assert fault in unbounded(regex)

"""Laws of rules as data: patterns are bounded, words are plain, rules only narrow."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.schema.candidates import DROP
from ossamma.schema.dataset_table import DatasetTable
from ossamma.schema.errors import ProfileError
from ossamma.schema.label_rules import (
    MAX_PATTERN_LENGTH,
    Condition,
    Place,
    Rule,
    check_bounded,
    place_named,
    plain,
)


@pytest.mark.parametrize(
    "pattern",
    [
        "[a-z]{1,9}",
        "a?b??",
        r"\*\+\{3,\}",
        "[*+]{0,400}",
        "(?:a|b{2})?c",
        "(?i:gmt)",
        r"\S{1,9}\.exe",
        "[]*]{2}",
        "[^]+]{2}",
        "(?=a)a",
    ],
)
def test_bounded_patterns_are_taken(pattern):
    check_bounded(pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a*", "without bound"),
        ("a+", "without bound"),
        (r"\\+", "without bound"),
        ("[a]+", "without bound"),
        ("a{2,}", "no small upper bound"),
        ("a{,}", "no small upper bound"),
        ("a{401}", "no small upper bound"),
        ("a{1,99999}", "no small upper bound"),
        ("(ab){2}", "a group is repeated"),
        ("(a{1,9}){1,9}", "a group is repeated"),
        (r"(a)\1", "a reference back"),
        ("(?P<x>a)", "a named reference"),
        ("(a", "valid and bounded"),
        ("[a", "a set that does not end"),
        ("[[a]", "or that holds another"),
        ("[a--b]", "or that holds another"),
        ("a" * (MAX_PATTERN_LENGTH + 1), "characters"),
    ],
)
def test_unbounded_patterns_are_refused(pattern, why):
    with pytest.raises(ProfileError, match=re.escape(why)):
        check_bounded(pattern)


@given(st.text(alphabet="ab*+?{}()[]|\\,123^-.", max_size=12))
def test_what_passes_compiles_and_repeats_no_group(pattern):
    try:
        check_bounded(pattern)
    except ProfileError:
        return
    re.compile(pattern)
    outside = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)
    assert not set("*+") & set(outside)
    assert not re.search(r"\)\{(\d+(,\d*)?|,\d+)\}", outside)  # `{` alone is a character


@given(st.text(max_size=30))
def test_plain_text_stays_plain(text):
    assert plain(plain(text)) == plain(text)
    assert plain(f"  {text} ") == plain(text)


@given(st.text(alphabet=string.ascii_letters + " .'", max_size=20))
def test_plain_ignores_case(text):
    assert plain(text.upper()) == plain(text) == plain(text.lower())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("U.S.", "u.s"),
        ("(GMT),", "gmt"),
        ("C$", "c$"),
        ("South \n African", "south african"),
        ('"', '"'),
        ("...", "..."),
        ("", ""),
    ],
)
def test_plain_words(text, expected):
    assert plain(text) == expected


def test_a_condition_has_words_or_a_pattern():
    with pytest.raises(ProfileError, match="either words or a pattern"):
        Condition(Place.SURFACE)
    with pytest.raises(ProfileError, match="either words or a pattern"):
        Condition(Place.SURFACE, frozenset({"a"}), "a")
    with pytest.raises(ProfileError, match="must be plain"):
        Condition(Place.SURFACE, frozenset({"GMT"}))
    assert Condition.of_words(Place.SURFACE, ["GMT", "gmt.", ""]).words == {"gmt"}


def test_places_are_known_by_name():
    assert [place_named(place.value) for place in Place] == list(Place)
    with pytest.raises(ProfileError, match="did you mean last_word"):
        place_named("lastword")


@pytest.mark.parametrize("name", ["", "Two", "a-b", "1a", "x" * 61])
def test_a_rule_is_called_by_a_plain_name(name):
    with pytest.raises(ProfileError, match="name must match"):
        Rule(name=name, label="any", types=("CAT",))


def table(*rules: Rule) -> DatasetTable:
    return DatasetTable(
        name="animals",
        title="",
        labels={"any": ("CAT", "DOG"), "one": ("CAT",), "noise": DROP},
        annotates=frozenset(),
        rules=rules,
    )


def test_a_rule_leaves_fewer_candidates():
    made = table(
        Rule(name="a", label="any", types=("CAT",)),
        Rule(name="b", label="one", types=DROP),
        Rule(name="c", label="any", types=DROP),
    )
    assert [rule.name for rule in made.rules_of("any")] == ["a", "c"]
    assert made.rules_of("noise") == ()


@pytest.mark.parametrize(
    ("label", "types"),
    [("any", ("CAT", "DOG")), ("any", ("COW",)), ("one", ("CAT",)), ("one", ("CAT", "DOG"))],
)
def test_a_rule_that_does_not_narrow_is_refused(label, types):
    with pytest.raises(ProfileError, match="a rule leaves some of the candidates"):
        table(Rule(name="a", label=label, types=types))


def test_a_rule_needs_a_label_that_means_something():
    with pytest.raises(ProfileError, match=r"expected a label of the table.*did you mean any"):
        table(Rule(name="a", label="anny", types=("CAT",)))
    with pytest.raises(ProfileError, match="dropped in any case"):
        table(Rule(name="a", label="noise", types=("CAT",)))

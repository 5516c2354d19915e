"""Laws of applying rules: what a mention shows, where a condition looks, which rule decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.context_rules import (
    MAX_NEIGHBOUR,
    MAX_SURFACE,
    Mention,
    first_rule,
    holds,
    mention_at,
)
from ossamma.schema.label_rules import Condition, Place, Rule

TEXT = "won the Cup\nat 1230 GMT in the Moslem-Croat half , he said"


def marked(surface: str, text: str = TEXT) -> Mention:
    start = text.index(surface)
    return mention_at(text, start, start + len(surface))


def condition(place: Place, *words: str, pattern: str = "") -> Condition:
    return Condition(place, pattern=pattern) if pattern else Condition.of_words(place, words)


def rule(name: str, *when: Condition, unless: tuple[Condition, ...] = ()) -> Rule:
    return Rule(name=name, label="MISC", types=("X",), when=when, unless=unless)


@pytest.mark.parametrize(
    ("surface", "words", "before", "after"),
    [
        ("won", ("won",), "", "the"),
        ("Cup", ("Cup",), "the", ""),  # a line ends here
        ("at", ("at",), "", "1230"),
        ("GMT", ("GMT",), "1230", "in"),
        ("Moslem-Croat", ("Moslem", "Croat"), "the", "half"),
        ("half", ("half",), "Moslem-Croat", ","),
        ("he said", ("he", "said"), ",", ""),
    ],
)
def test_a_mention_shows_its_words_and_neighbours_of_the_same_line(surface, words, before, after):
    assert marked(surface) == Mention(surface, words, before, after)


@given(st.text(min_size=1, max_size=40), st.data())
def test_a_mention_depends_only_on_its_line(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    alone = mention_at(text, start, end)
    shifted = mention_at(f"more\n{text}\nmore", start + 5, end + 5)
    assert alone == shifted
    assert alone.surface == text[start:end]
    assert "".join(alone.words) in alone.surface.translate(
        {ord(c): None for c in alone.surface if c.isspace() or c in "-/‐‑‒–—―"}  # noqa: RUF001
    )
    assert not any(c.isspace() for c in alone.before + alone.after)


def test_neighbours_are_read_only_so_far():
    text = "x" * 10_000 + " GMT " + "y" * 10_000
    mention = marked("GMT", text)
    assert mention.before == "x" * (MAX_NEIGHBOUR - 1)
    assert mention.after == "y" * (MAX_NEIGHBOUR - 1)


@pytest.mark.parametrize(
    ("place", "words", "expected"),
    [
        (Place.SURFACE, ("moslem-croat",), True),
        (Place.SURFACE, ("moslem",), False),
        (Place.FIRST_WORD, ("Moslem",), True),
        (Place.FIRST_WORD, ("Croat",), False),
        (Place.LAST_WORD, ("CROAT",), True),
        (Place.LAST_WORD, ("Moslem",), False),
        (Place.ANY_WORD, ("x", "Croat"), True),
        (Place.ANY_WORD, ("x",), False),
        (Place.ALL_WORDS, ("Croat", "Moslem", "x"), True),
        (Place.ALL_WORDS, ("Croat",), False),
        (Place.BEFORE, ("THE",), True),
        (Place.BEFORE, ("half",), False),
        (Place.AFTER, ("half",), True),
        (Place.AFTER, ("the",), False),
    ],
)
def test_a_condition_looks_at_its_place(place, words, expected):
    assert holds(condition(place, *words), marked("Moslem-Croat")) is expected


@pytest.mark.parametrize(
    ("place", "pattern", "expected"),
    [
        (Place.SURFACE, "[A-Z]{3}", True),
        (Place.SURFACE, "[A-Z]{2}", False),  # the whole text has to match
        (Place.SURFACE, "[a-z]{3}", False),  # case matters
        (Place.BEFORE, "[0-9]{1,4}", True),
        (Place.AFTER, "[0-9]{1,4}", False),
        (Place.ALL_WORDS, "[A-Z]{3}", True),
    ],
)
def test_a_pattern_matches_the_whole_of_its_place(place, pattern, expected):
    assert holds(condition(place, pattern=pattern), marked("GMT")) is expected


def test_no_neighbour_is_an_empty_text():
    assert holds(condition(Place.BEFORE, pattern="x?"), marked("won"))
    assert not holds(condition(Place.BEFORE, "won"), marked("won"))


def test_a_mention_without_words_has_no_first_or_any_or_all():
    dash = mention_at("a - b", 2, 3)
    assert dash.words == ()
    for place in (Place.FIRST_WORD, Place.LAST_WORD, Place.ANY_WORD, Place.ALL_WORDS):
        assert not holds(condition(place, pattern=".?"), dash)


def test_no_pattern_is_tried_on_a_text_that_is_too_long():
    anything = condition(Place.SURFACE, pattern=".{0,400}")
    text = "x" * (MAX_SURFACE + 1)
    assert holds(anything, mention_at(text, 0, MAX_SURFACE))
    assert not holds(anything, mention_at(text, 0, MAX_SURFACE + 1))


def test_the_first_rule_that_holds_decides():
    gmt = condition(Place.SURFACE, "GMT")
    number = condition(Place.BEFORE, pattern="[0-9]{1,4}")
    word = condition(Place.BEFORE, pattern="[a-z]{1,9}")
    mention = marked("GMT")
    assert first_rule([], mention) is None
    assert first_rule([rule("a", gmt, word)], mention) is None  # all of when
    assert first_rule([rule("a", gmt, unless=(word, number))], mention) is None  # none of unless
    chosen = first_rule([rule("a", word), rule("b", gmt, number), rule("c")], mention)
    assert chosen is not None
    assert chosen.name == "b"
    assert first_rule([rule("c")], mention) == rule("c")  # without conditions it always holds


CONDITIONS = st.builds(
    lambda place, words: condition(place, *words),
    st.sampled_from(Place),
    st.sets(st.sampled_from("abc"), min_size=1),
)


@given(
    st.lists(st.tuples(st.lists(CONDITIONS, max_size=2), st.lists(CONDITIONS, max_size=2))),
    st.lists(st.sampled_from("abc"), min_size=3, max_size=5),
)
def test_the_choice_is_right_by_brute_force(parts, words):
    rules = [rule(f"r{i}", *w, unless=tuple(u)) for i, (w, u) in enumerate(parts)]
    text = " ".join(words)
    mention = mention_at(text, 2, 3)
    held = []
    for one in rules:
        good = True
        for each in one.when:
            good = good and holds(each, mention)
        for each in one.unless:
            good = good and not holds(each, mention)
        if good:
            held.append(one)
    assert first_rule(rules, mention) == (held[0] if held else None)

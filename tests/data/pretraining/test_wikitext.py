"""Wikitext: the prose stays, word for word, and the markup goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.pretraining.wikitext import plain_text, tidy, without_back_matter


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("'''Ada''' ''Lovelace''", "Ada Lovelace"),
        ("[[Paris]], [[Paris, Texas|the other]] and [[:Category:Cities|a list]]",
         "Paris, the other and a list"),
        ("a [[File:x.png|thumb|A [[cap]] tion]] b [[Category:X]] c [[fr:Paris]]", "a b c"),
        ("[[Re:Zero]] and [[Alien: Resurrection]]", "Re:Zero and Alien: Resurrection"),
        ("one<ref name=a>Smith {{cite|x}}</ref> two<ref name=a/>.", "one two."),
        ("{{Infobox|a={{b|c}}\n|d=e}}\nText.", "Text."),
        ("{|class=x\n|-\n|a||b\n{|\n|inner\n|}\n|}\nAfter.", "After."),
        ("x<!-- a\nb -->y", "xy"),
        ("see [http://x.org the site] or http://y.org and [http://z.org].",
         "see the site or http://y.org and."),
        ("== Life ==\n* one\n* two\n# three", "Life\none\ntwo\nthree"),
        ("born ({{IPA|x}}; 1815) in ({{lang-de|Y}})", "born (1815) in"),
        ("{{convert|10|km|mi}} of {{lang|fr|mot}}{{nbsp}}and {{nowrap|5 m}}{{snd}}so",
         "10 km of mot and 5 m \u2013 so"),
        ("a &amp; b &nbsp; c &#65; &#x110000; d", "a & b c A &#x110000; d"),
        ("<nowiki>[[not a link]]</nowiki> __NOTOC__ <math>x^2</math> <br/>y",
         "[[not a link]]\ny"),
        ("", ""),
        ("{{Only|a|template}}", ""),
    ],
)  # fmt: skip
def test_examples(wikitext, expected):
    assert plain_text(wikitext) == expected


def test_sections_of_references_go_and_others_stay():
    page = "Intro.\n== Life ==\nL.\n=== References ===\nR.\n==See also==\n* x\n== Works ==\nW.\n"
    assert without_back_matter(page) == (
        "Intro.\n== Life ==\nL.\n=== References ===\nR.\n== Works ==\nW.\n"
    )
    assert plain_text(page) == "Intro.\nLife\nL.\nReferences\nR.\nWorks\nW."


@pytest.mark.parametrize(
    "wikitext",
    ["{{" * 5000, "[[" * 5000, "{{a|" * 2000 + "}}" * 2000, "<div>" * 3000, "'''''" * 3000,
     "{|\n|" * 1500, "&#99999999999;", "[http://x " * 2000],
)  # fmt: skip
def test_hostile_markup_ends(wikitext):
    plain_text(wikitext)  # neither an error nor a recursion without end


words = st.text(st.sampled_from("abcdefgh"), min_size=1, max_size=6)


@given(lines=st.lists(st.lists(words, min_size=1, max_size=5).map(" ".join), max_size=5))
def test_plain_prose_stays_as_it_is(lines):
    text = "\n".join(f"{line}." for line in lines)
    assert plain_text(text) == text


@given(st.text(st.sampled_from("ab (),;:*#\n\u00a0."), max_size=40))
def test_tidying_never_adds_and_leaves_no_empty_line(text):
    found = tidy(text)
    assert sorted(filter(str.isalnum, found)) == sorted(filter(str.isalnum, text))
    assert all(any(map(str.isalnum, line)) for line in found.split("\n") if found)

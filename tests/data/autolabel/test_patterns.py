"""Patterns are tried where they can match, and only there; their time is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.patterns import Pattern, PatternFinder, Scope, tokens
from ossamma.schema.errors import ConfigurationError


def pattern(regex, **fields):
    return Pattern(name="p", regex=regex, labels=("X",), **fields)


def found(text, *patterns):
    return [text[mark.start : mark.end] for mark in sorted(PatternFinder(patterns).find(text))]


def test_a_match_must_not_be_part_of_a_word():
    assert found("cve-1 xcve-1 cve-12 (cve-2)", pattern("cve-[0-9]")) == ["cve-1", "cve-2"]


def test_case_matters_only_if_it_must():
    assert found("T1 t1", pattern("t[0-9]")) == ["T1", "t1"]
    assert found("T1 t1", pattern("T[0-9]", exact=True)) == ["T1"]


def test_a_letter_that_grows_when_lowered_keeps_its_place():
    assert found("İİ T1", pattern("t[0-9]")) == ["T1"]


def test_a_match_is_trimmed_before_it_is_judged():
    url = pattern(r"h://\S{1,50}", trim=".,)", scope=Scope.TOKEN)
    assert found("(see h://a.b/c).", url) == ["h://a.b/c"]


def test_endings_look_at_the_host():
    host = r"(?P<host>[a-z]{1,9}\.[a-z]{1,9})/[a-z.]{0,9}"
    path = pattern(host, endings=frozenset({"com"}), scope=Scope.TOKEN)
    assert found("a.com/x.exe a.exe/x.com", path) == ["a.com/x.exe"]
    file = pattern(r"[a-z]{1,9}\.[a-z]{1,9}", endings=frozenset({"exe"}), scope=Scope.TOKEN)
    assert found("a.com b.EXE", file) == ["b.EXE"]


def test_contexts_stop_and_checks_judge_a_match():
    need = Context(words=frozenset({"id"}))
    assert found("id g1", pattern("g[0-9]", need=need)) == ["g1"]
    assert found("g1", pattern("g[0-9]", need=need)) == []
    assert found("id g1", pattern("g[0-9]", avoid=need)) == []
    assert found("g1 G2", pattern("g[0-9]", stop=frozenset({"g2"}))) == ["g1"]
    assert found("ab a1", pattern("a[b1]", checks=("digit",))) == ["a1"]


def test_gates_only_save_time():
    gated = pattern("cve-[0-9]", gates=("cve",))
    assert found("a CVE-1", gated) == ["CVE-1"]
    assert found("nothing", gated) == []


@pytest.mark.parametrize(
    "token",
    [
        "a.com", "1.2.3.4", "1.2.3[.]4", "1[.]2[.]3[.]4", "1[.2[.3[.4", "a[dot]com", "a(dot)b",
        "u@h", "u[at]h", "h://x", "h:\\\\x", "h[:]//x", "fe80::1", "a:b:c", "x.7z", r"a\.b.c",
        "0" * 32, "ab" * 16, "x" * 40 + "0123456789abcdef" * 4,
    ],
)  # fmt: skip
def test_tokens_that_are_looked_at(token):
    text = f"one two\t{token}\nthree"
    assert tokens(text) == [(8, 8 + len(token))]


@pytest.mark.parametrize(
    "token",
    ["word", "end.", "1.2", "(that)", "and/or", "12:30", "a-b", "f" * 31, "g" * 40, "…"],
)
def test_tokens_that_are_not(token):
    assert tokens(f"one two\t{token}\nthree") == []


@given(st.text(alphabet="a0.:@[] \n\u00a0g", max_size=120))
def test_looked_at_tokens_are_whole_and_in_order(text):
    end = 0
    for start, stop in tokens(text):
        assert end <= start < stop
        assert not any(map(str.isspace, text[start:stop]))
        assert start == 0 or text[start - 1].isspace()
        assert stop == len(text) or text[stop].isspace()
        end = stop


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"regex": "a("}, "not a regular expression"),
        ({"regex": "a*"}, "a repeat without limit"),
        ({"regex": "a?"}, "matches nothing"),
        ({"regex": "a", "checks": ("luhn",)}, "no check 'luhn'; there are address"),
        ({"regex": "a", "confidence": 1.5}, "lie in"),
        ({"regex": "a", "labels": ()}, "at least one"),
        ({"regex": "a", "labels": ("Y", "X")}, "sorted"),
    ],
)
def test_what_cannot_be_is_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        Pattern(**{"name": "p", "labels": ("X",)} | fields)

"""The one-pass search finds what the search term by term finds, and names mean what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.boundaries import BoundaryRules
from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.lexicon import Lexicon, Source, Term, TermCase, TermFinder
from ossamma.schema.errors import ConfigurationError
from tests.data.autolabel.strategies import lexicons, texts


@given(lexicons(), st.lists(texts, max_size=3))
def test_the_fast_search_is_the_slow_one(lexicon, several):
    finder = TermFinder(lexicon)
    for text in several:
        assert sorted(finder.find(text)) == sorted(finder.find_slowly(text))


@given(lexicons(), st.data())
def test_a_name_is_found_in_a_text_of_names(lexicon, data):
    """Every plain term that stands alone as it is written is found, whatever stands around."""
    plain = [term for term in lexicon.terms if not term.needs_context]
    if not plain:
        return
    chosen = data.draw(st.lists(st.sampled_from(plain), min_size=1, max_size=4))
    text = " , ".join(term.surface for term in chosen)
    marks = TermFinder(lexicon).find(text)
    start = 0
    for term in chosen:
        end = start + len(term.surface)
        if term.surface[0] not in " -.'&" and term.surface[-1] not in " -.'&":
            assert (start, end) in {(mark.start, mark.end) for mark in marks}
        start = end + 3


def finder(*terms, **sources):
    known = {term.source: Source(name=term.source) for term in terms} | sources
    rules = BoundaryRules(suffixes=frozenset({"based"}))
    return TermFinder(Lexicon(terms, known, rules))


def found(searcher, text):
    return [(text[mark.start : mark.end], mark.labels) for mark in sorted(searcher.find(text))]


def term(surface, label="X", source="s", **fields):
    return Term(surface, (label,), source, **fields)


@pytest.mark.parametrize(
    ("surface", "case", "text", "hits"),
    [
        (
            "Poison Ivy",
            TermCase.INSENSITIVE,
            "poison\nivy, POISON-IVY",
            ["poison\nivy", "POISON-IVY"],
        ),
        ("Poison Ivy", TermCase.CAPITAL, "poison ivy Poison Ivy Poison ivy", ["Poison Ivy"]),
        ("Play", TermCase.CAPITAL, "play Play PLAY", ["Play", "PLAY"]),
        ("njRAT", TermCase.CAPITAL, "njrat NJRAT njRAT", ["njrat", "NJRAT", "njRAT"]),
        ("RIG", TermCase.EXACT, "rig Rig RIG", ["RIG"]),
        (
            "Straße",
            TermCase.INSENSITIVE,
            "STRASSE straße strasse",
            ["STRASSE", "straße", "strasse"],
        ),
        ("ss", TermCase.INSENSITIVE, "ß ss xß", ["ß", "ss"]),
        ("s", TermCase.INSENSITIVE, "ß \u1e9e s", ["s"]),
        ("İzmir", TermCase.INSENSITIVE, "ay İZMİR İzmir", ["İzmir"]),
        ("admin@338", TermCase.INSENSITIVE, "the admin@338, admin 338", ["admin@338"]),
        ("C&C", TermCase.EXACT, "C&C C C", ["C&C"]),
        (".NET", TermCase.EXACT, ".NET and ASP.NET", [".NET"]),
        ("net.exe", TermCase.INSENSITIVE, "net.exe, net.exec", ["net.exe"]),
        ("Android", TermCase.CAPITAL, "Android-based Android's Android-x", ["Android", "Android"]),
        ("漢字", TermCase.INSENSITIVE, "、漢字。漢字x", ["漢字"]),
    ],
)
def test_how_names_are_written(surface, case, text, hits):
    assert [hit for hit, _ in found(finder(term(surface, case=case)), text)] == hits


def test_text_behind_letters_that_grow_keeps_its_place():
    text = "İİßßﬃ APT28 ßİ"
    assert found(finder(term("APT28")), text) == [("APT28", ("X",))]


def test_an_ambiguous_name_needs_its_context():
    source = Source(name="s", context=Context(words=frozenset({"ransomware"}), before=1, after=1))
    search = finder(term("Play", needs_context=True), s=source)
    assert found(search, "Play Ransomware; the ransomware Play") == [("Play", ("X",))] * 2
    assert found(search, "Play the ransomware") == []


def sources_of_two_types(priority=0):
    group = Context(words=frozenset({"group"}), before=1, after=1)
    malware = Context(words=frozenset({"malware"}), before=1, after=1)
    return {
        "g": Source(name="g", context=group, confidence=0.7),
        "m": Source(name="m", context=malware, confidence=0.8, priority=priority),
    }


def test_the_context_tells_a_name_of_two_types_apart():
    search = finder(term("Winnti", "G", "g"), term("Winnti", "M", "m"), **sources_of_two_types())
    assert found(search, "the Winnti group") == [("Winnti", ("G",))]
    assert found(search, "the Winnti malware") == [("Winnti", ("M",))]
    (mark,) = search.find("against Winnti in")
    assert mark.labels == ("G", "M")
    assert (mark.origin, mark.confidence) == ("lexicon:g", 0.8)


def test_the_higher_priority_wins_at_one_place():
    search = finder(term("Winnti", "G", "g"), term("Winnti", "M", "m"), **sources_of_two_types(1))
    assert found(search, "the Winnti group") == [("Winnti", ("M",))]


def test_a_term_of_higher_priority_wins_only_where_it_fits():
    exact = term("Play", "M", "m", case=TermCase.EXACT)
    search = finder(term("Play", "G", "g"), exact, **sources_of_two_types(1))
    assert found(search, "Play, play") == [("Play", ("M",)), ("play", ("G",))]


def test_a_term_of_higher_priority_wins_only_in_its_context():
    ambiguous = term("Play", "M", "m", needs_context=True)
    search = finder(term("Play", "G", "g"), ambiguous, **sources_of_two_types(1))
    assert found(search, "Play malware. Then Play.") == [("Play", ("M",)), ("Play", ("G",))]


def test_an_empty_lexicon_finds_nothing():
    assert TermFinder(Lexicon((), {})).find("APT28") == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: term("..."), "needs a letter or digit"),
        (lambda: term(" a"), "one space between its words"),
        (lambda: term("a  b"), "one space between its words"),
        (lambda: Term("a", (), "s"), "types must be sorted"),
        (lambda: Term("a", ("Y", "X"), "s"), "types must be sorted"),
        (lambda: Source(name="s", confidence=0.0), "lie in \\(0, 1\\], got 0.0"),
        (lambda: Source(name="s", confidence=float("nan")), "got nan"),
        (lambda: Lexicon((term("a"),), {}), "source 's', which is not given"),
        (lambda: finder(term("a", needs_context=True)), "its source 's' has none"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()

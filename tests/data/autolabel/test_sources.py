"""Names become terms: clean, each once, the ambiguous ones told apart, the rest counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.lexicon import Source, TermCase
from ossamma.data.autolabel.rules import Brackets, LexiconRules, OneWord, SourceRule
from ossamma.data.autolabel.sources import build_lexicon
from ossamma.schema.errors import ConfigurationError, DataError

CONTEXT = Context(words=frozenset({"group"}))


def rule(*, context=CONTEXT, **fields):
    source = Source(name="s", context=context)
    base = {"source": source, "kind": "misp", "labels": ("X",), "files": ("*.json",)}
    return SourceRule(**base | fields)


def build(tmp_path, names, *, rules=None, **fields):
    content = {"values": [{"value": name} for name in names]}
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    common = rules or {"ordinary": frozenset({"play", "hive"}), "stop": frozenset({"unknown"})}
    lexicon, (report,) = build_lexicon(LexiconRules(sources=(rule(**fields),), **common), tmp_path)
    return lexicon, report


def surfaces(lexicon):
    return [term.surface for term in lexicon.terms]


@pytest.mark.parametrize(
    ("fields", "names", "expected"),
    [
        ({}, ["  Two   Words ", "Two Words", "two words"], ["Two Words"]),
        ({}, ["Alpha (Beta)"], ["Alpha"]),
        ({"brackets": Brackets.SPLIT}, ["Alpha (Beta)"], ["Alpha", "Beta"]),
        ({"brackets": Brackets.SPLIT}, ["Site ('Cross-site X')"], ["Site", "Cross-site X"]),
        ({"brackets": Brackets.KEEP}, ["Alpha (Beta)"], ["Alpha (Beta)"]),
        ({}, ["(Beta)", "f() Beta"], ["(Beta)", "f() Beta"]),
        ({"strip": ("inc", "llc")}, ["Acme, Inc.", "Acme LLC", "Inc"], ["Acme", "Inc"]),
        ({"plural": True}, ["Pump", "Bus", "RTU"], ["Pump", "Pumps", "Bus", "RTU", "RTUs"]),
        ({"not_starting": ("operation",)}, ["Operation X", "Xenon"], ["Xenon"]),
        ({"max_words": 2}, ["a b c", "Alpha beta"], ["Alpha beta"]),
        ({"min_length": 5}, ["Abcd", "Abcde"], ["Abcde"]),
        ({"one_word": OneWord.DROP}, ["Alpha", "Alpha beta"], ["Alpha beta"]),
        ({"stop": frozenset({"alpha"})}, ["ALPHA", "Unknown", "Beta"], ["Beta"]),
        ({}, ["1234", "...", "Beta"], ["Beta"]),
        ({}, ["hive", "Hive"], ["Hive"]),
    ],
)
def test_names_become_terms(tmp_path, fields, names, expected):
    lexicon, report = build(tmp_path, names, **fields)
    assert surfaces(lexicon) == expected
    assert report.terms == len(expected)


@pytest.mark.parametrize(
    ("name", "case", "needs_context"),
    [
        ("Sandworm", TermCase.CAPITAL, False),
        ("Play", TermCase.CAPITAL, True),
        ("Play Group", TermCase.CAPITAL, False),
        ("HIVE", TermCase.CAPITAL, True),
        ("UPS", TermCase.EXACT, True),
        ("PLATINUM", TermCase.EXACT, False),
    ],
)
def test_ambiguous_names_are_told_apart(tmp_path, name, case, needs_context):
    lexicon, report = build(tmp_path, [name])
    (term,) = lexicon.terms
    assert (term.case, term.needs_context) == (case, needs_context)
    assert report.ambiguous == needs_context


def test_a_common_word_in_capitals_is_a_name(tmp_path):
    rules = {"ordinary": frozenset({"platinum"})}
    (term,) = build(tmp_path, ["PLATINUM"], rules=rules)[0].terms
    assert (term.case, term.needs_context) == (TermCase.EXACT, False)
    (term,) = build(tmp_path, ["Platinum"], rules=rules)[0].terms
    assert term.needs_context


def test_without_a_context_the_ambiguous_are_left_out(tmp_path):
    lexicon, report = build(tmp_path, ["Play", "Alpha"], context=None)
    assert surfaces(lexicon) == ["Alpha"]
    assert report.left_out == {"ambiguous, and the source has no context": 1}


@given(st.lists(st.text(max_size=12), max_size=8))
def test_every_name_is_a_term_or_counted(tmp_path_factory, names):
    tmp_path = tmp_path_factory.mktemp("names")
    lexicon, report = build(tmp_path, names)
    assert report.terms == len(lexicon.terms)
    assert report.terms + sum(report.left_out.values()) <= len(names)
    again, _ = build(tmp_path, names)
    assert again.terms == lexicon.terms


def test_own_lists_are_trusted_but_for_what_they_call_ambiguous(tmp_path):
    own = rule(kind="list", files=(), terms=("Play", "PLC"), ambiguous=frozenset({"plc"}))
    common = frozenset({"play"})
    rules = LexiconRules(sources=(own,), ordinary=common, stop=common)
    lexicon, (report,) = build_lexicon(rules, tmp_path)
    assert [(t.surface, t.needs_context) for t in lexicon.terms] == [("Play", False), ("PLC", True)]
    assert report.files == ()


def test_files_are_found_below_the_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.json").write_text('{"values": [{"value": "Deep"}]}')
    lexicon, report = build(tmp_path, ["Alpha"], files=("*.json", "**/b.json"))
    assert surfaces(lexicon) == ["Alpha", "Deep"]
    assert report.files == ("a.json", "deep/b.json")


def test_a_missing_file_is_named_with_its_folder(tmp_path):
    with pytest.raises(DataError, match=r"wants files none\.json below .*there are none"):
        build(tmp_path, [], files=("none.json",))


@pytest.mark.parametrize(
    "fields",
    [{"kind": "list"}, {"terms": ("a",)}, {"files": ()}, {"kind": "list", "files": ()}],
)
def test_a_rule_has_files_or_terms(fields):
    with pytest.raises(ConfigurationError, match="expected `terms` for the kind 'list'"):
        rule(**fields)

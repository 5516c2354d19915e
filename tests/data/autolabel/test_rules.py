"""Rule files: what they say is what comes out, and every fault names its line."""

from __future__ import annotations

import pytest

from ossamma.data.autolabel.lexicon import TermCase
from ossamma.data.autolabel.patterns import Scope
from ossamma.data.autolabel.rules import Brackets, OneWord, read_lexicon_rules, read_patterns
from ossamma.schema.errors import ProfileError

LEXICONS = """\
hyphen:
  prefixes: non
  suffixes: based like
contexts:
  actor: {words: group gang, before: 2, after: 3}
stop: Unknown, Two Words
ordinary: play Hive
sources:
  - name: groups
    kind: misp
    files: "**/threat-actor.json"
    labels: [THREAT_ACTOR, APT_GROUP]
    confidence: 0.8
    priority: 7
    context: actor
    not_starting: [operation]
    case: exact
    one_word: context
    brackets: split
  - name: own
    kind: list
    labels: [TOOL]
    plural: yes
    terms: >-
      one name,
      another
"""
PATTERNS = """\
fragments:
  dot: '(?:\\.|\\[\\.\\])'
  host: '[a-z]{1,9}+<<dot>>[a-z]{1,9}+'
lists:
  tlds: com net
contexts:
  version: {words: version}
patterns:
  - name: domain
    labels: [INDICATOR]
    regex: |-
      (?<!x)
      <<host>>
    scope: token
    endings: tlds
    checks: [host, lower_ending]
    avoid: version
    stop: [a.com]
    trim: '.'
  - name: code
    labels: [CVE]
    regex: 'C[0-9]{2}'
    exact: yes
    gates: c
    min_length: 3
"""


def write(tmp_path, text):
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_lexicon_rules(tmp_path):
    rules = read_lexicon_rules(write(tmp_path, LEXICONS))
    groups, own = rules.sources
    assert rules.stop == {"unknown", "two words"}
    assert rules.ordinary == {"play", "hive"}
    assert rules.boundaries.prefixes == {"non"}
    assert rules.boundaries.suffixes == {"based", "like"}
    assert groups.source.name == "groups"
    assert (groups.source.confidence, groups.source.priority) == (0.8, 7)
    assert groups.source.context.words == {"group", "gang"}
    assert (groups.source.context.before, groups.source.context.after) == (2, 3)
    assert groups.labels == ("APT_GROUP", "THREAT_ACTOR")
    assert groups.files == ("**/threat-actor.json",)
    assert groups.not_starting == ("operation",)
    assert (groups.case, groups.one_word) == (TermCase.EXACT, OneWord.CONTEXT)
    assert groups.brackets is Brackets.SPLIT
    assert own.terms == ("one name", "another")
    assert own.plural


def test_patterns(tmp_path):
    domain, code = read_patterns(write(tmp_path, PATTERNS))
    assert domain.regex == r"(?<!x)[a-z]{1,9}+(?:\.|\[\.\])[a-z]{1,9}+"
    assert domain.endings == {"com", "net"}
    assert domain.scope is Scope.TOKEN
    assert domain.checks == ("host", "lower_ending")
    assert domain.avoid.words == {"version"}
    assert (domain.stop, domain.trim) == ({"a.com"}, ".")
    assert (code.exact, code.gates, code.min_length) == (True, ("c",), 3)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("kind: misp", "kind: mispp", 9, "unknown kind 'mispp'.*did you mean misp"),
        ("confidence: 0.8", "confidence: high", 9, "'confidence' must be a number, got 'high'"),
        ("confidence: 0.8", "confidence: 2", 9, "must lie in"),
        ("context: actor", "context: actors", 9, "names 'actors'.*did you mean actor"),
        ("case: exact", "case: exactly", 9, "'exactly' is not a valid TermCase"),
        ("labels: [TOOL]", "label: [TOOL]", 22, "unknown key 'label'"),
        ("{words: group gang,", "{words: Group gang,", 5, "one word in lower case"),
        ("kind: list", "kind: kev", 20, "expected `terms` for the kind 'list'"),
        ("sources:", "source:", 9, "unknown key 'source'"),
        ("before: 2", "before: two", 5, "must be a number"),
    ],
)
def test_faults_of_lexicons_name_their_line(tmp_path, old, new, line, message):
    file = write(tmp_path, LEXICONS.replace(old, new))
    with pytest.raises(ProfileError, match=rf"rules\.yaml:{line}: .*{message}"):
        read_lexicon_rules(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("'C[0-9]{2}'", "'C[0-9]*'", "rules.yaml:20: pattern 'code': a repeat without limit"),
        ("<<host>>\n", "<<hosts>>\n", "no fragment 'hosts'; there are dot, host"),
        ("endings: tlds", "endings: tld", "'endings' names 'tld'.*did you mean tlds"),
        ("checks: [host,", "checks: [hosts,", "no check 'hosts'"),
        ("scope: token", "scope: tokens", "'tokens' is not a valid Scope"),
        ("exact: yes", "exact: maybe", "must be yes or no"),
        ("labels: [CVE]", "labels: []", "at least one"),
    ],
)
def test_faults_of_patterns_are_named(tmp_path, old, new, message):
    file = write(tmp_path, PATTERNS.replace(old, new))
    with pytest.raises(ProfileError, match=message):
        read_patterns(file)

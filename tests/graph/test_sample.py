"""A sample is drawn by its seed and the keys alone; what is judged of it is counted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.graph.batch import batch_of
from ossamma.graph.judged import precisions, read_sample, write_sample
from ossamma.graph.recording import Recorder
from ossamma.graph.sample import EVENLY, MENTION, MERGE, RARE, SampleSettings, draw, rule_of
from ossamma.graph.stores.embedded import EmbeddedStore
from ossamma.graph.stores.memory import MemoryStore
from ossamma.graph.values import EdgeType, Mention
from ossamma.schema.errors import ConfigurationError, FormatError
from tests.graph import cyber
from tests.graph.writer import SETTINGS as SMALL

TEXTS = [f"Report {number}. {text}" for number in range(5) for text in cyber.TEXTS]
TEXTS.append("Fancy Baer, too, is APT28.\n")


def filled(store, texts=TEXTS):
    recorder = Recorder(cyber.KNOWLEDGE, cyber.HIERARCHY, bundle="words")
    for number, text in enumerate(texts):
        [entities] = cyber.WordRecogniser().recognise([text])
        store.write(batch_of(recorder.values(f"{number}", text, entities, time="2026")))
    return store


@pytest.fixture(scope="module")
def store():
    return filled(MemoryStore())


def test_a_seed_gives_one_sample_and_another_seed_another(store):
    settings = SampleSettings(mentions=9, merges=3, each=1)
    backwards = filled(MemoryStore(), TEXTS[::-1])
    keys = [row.key for row in draw(store, settings)]
    assert [row.key for row in draw(backwards, settings)] == keys
    other = [row.key for row in draw(store, replace(settings, seed=2))]
    assert other[:9] != keys[:9]


def test_a_larger_sample_holds_the_smaller(store):
    keys = [row.key for row in draw(store, SampleSettings(mentions=20, merges=0, each=0))]
    few = [row.key for row in draw(store, SampleSettings(mentions=7, merges=0, each=0))]
    assert keys[:7] == few


def test_over_many_seeds_every_mention_is_drawn_about_as_often(store):
    total = len(list(store.scan(Mention)))
    drawn = Counter(
        row.key
        for seed in range(300)
        for row in draw(store, SampleSettings(mentions=total // 4, merges=0, each=0, seed=seed))
    )
    assert len(drawn) == total
    assert 40 < min(drawn.values()) <= max(drawn.values()) < 115  # 75 on average


def test_a_mention_stands_in_its_sentence_and_a_merge_has_both_names(store):
    rows = draw(store, SampleSettings(mentions=1000, merges=1000))
    for row in rows:
        if row.kind == MENTION:
            assert f"\u00ab{row.name}\u00bb" in row.context
            assert row.context.replace("\u00ab", "").replace("\u00bb", "") in " ".join(
                " ".join(TEXTS).split()
            )
        else:
            assert row.name != row.other
            assert row.rule in row.context or "of the letters of" in row.context
            assert row.source
    assert sum(row.kind == MENTION for row in rows) == len(list(store.scan(Mention)))
    assert sum(row.kind == MERGE for row in rows) == len(store.edges([EdgeType.SAME_AS]))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_a_long_sentence_is_cut(store):
    rows = draw(store, SampleSettings(merges=0, each=0, context=5))
    longest = max(len(row.name) for row in rows)
    assert all(len(row.context) <= longest + 5 + 5 + 4 for row in rows)
    assert any("\u2026" in row.context for row in rows)


def test_of_every_rule_there_are_some_and_those_too_many_are_marked(store):
    edges = store.edges([EdgeType.SAME_AS])
    rows = draw(store, SampleSettings(mentions=0, merges=1, each=2))
    by_rule = Counter(row.rule for row in rows)
    there = Counter(rule_of(edge.reason) for edge in edges)
    assert len(there) >= 2
    assert all(by_rule[rule] >= min(2, there[rule]) for rule in there)
    assert [row.drawn for row in rows] == [EVENLY] + [RARE] * (len(rows) - 1)
    assert len({row.key for row in rows}) == len(rows)


def test_rules_do_not_hold_the_names():
    assert rule_of("0.93 of the letters of 'fancy\nbear'") == "a share of the letters"
    assert rule_of("alias") == "alias"


def test_what_was_written_is_read_and_counted(store, tmp_path):
    rows = draw(store, SampleSettings(mentions=8, merges=2, each=3))
    verdicts = ["right"] * 6 + ["wrong", "unclear", "right"] + [""] + ["wrong"] * 99
    rows = [replace(row, verdict=v) for row, v in zip(rows, verdicts, strict=False)]
    write_sample(rows, tmp_path / "s.csv")
    assert read_sample(tmp_path / "s.csv") == rows
    found = {(one.kind, one.by, one.group): one for one in precisions(rows)}
    mentions = found[MENTION, "all", ""]
    assert (mentions.right, mentions.wrong, mentions.unclear) == (6, 1, 1)
    assert mentions.share == pytest.approx(6 / 7)
    # Wilson's interval of 6 of 7, by hand.
    assert mentions.interval.to_json() == pytest.approx([0.4869, 0.9743], abs=1e-4)
    assert (found[MERGE, "all", ""].right, found[MERGE, "all", ""].wrong) == (1, 0)
    rare = sum(row.drawn == RARE for row in rows)
    assert sum(one.wrong for key, one in found.items() if key[:2] == (MERGE, "rule")) == rare > 0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("right", "rihgt", "right, wrong"),
        ("number,kind", "kind,number", "columns"),
        ("1,", "x,", "12"),
    ],
)
def test_what_is_no_judged_sample_is_refused(store, tmp_path, before, after, message):
    path = tmp_path / "s.csv"
    rows = draw(store, SampleSettings(mentions=2, merges=0, each=0))
    write_sample([replace(row, verdict="right") for row in rows], path)
    path.write_text(path.read_text("utf-8").replace(before, after, 1), encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_sample(path)
    with pytest.raises(FormatError):
        read_sample(tmp_path / "none.csv")
    with pytest.raises(ConfigurationError):
        SampleSettings(mentions=-1)


def test_the_verbs_draw_and_count(tmp_path):
    place, out = tmp_path / "graph.lbug", tmp_path / "s.csv"
    filled(EmbeddedStore(place, SMALL)).close()
    line = ["graph", "sample", str(place), "--mentions", "5", "--merges", "2", "--out", str(out)]
    done = CliRunner().invoke(app, [*line, "--each", "0", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"mentions": 5, "merges": 2, "rare": 0, "out": str(out)}
    write_sample([replace(row, verdict="right") for row in read_sample(out)], out)
    done = CliRunner().invoke(app, ["graph", "precision", str(out), "--json"])
    first = json.loads(done.stdout)[0]
    assert (first["kind"], first["right"], first["precision"]) == ("mention", 5, 1.0)
    assert first["interval"][1] == 1.0
    assert "mention all" in CliRunner().invoke(app, ["graph", "precision", str(out)]).stdout
    for verb in ("sample", "precision"):
        assert "Examples" in CliRunner().invoke(app, ["graph", verb, "--help"]).stdout

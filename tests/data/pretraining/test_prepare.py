"""Prepared corpora: the same inputs give the same bytes, and every loss is counted."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from ossamma.data.pretraining.cleaning import CleanSettings
from ossamma.data.pretraining.prepare import (
    HeldOutShare,
    PrepareSettings,
    prepare,
    remove_work,
)
from ossamma.data.pretraining.prints import DuplicateSettings
from ossamma.data.pretraining.sources import TextSource
from ossamma.data.readers.jsonl import read_jsonl, write_jsonl
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.spans import Document

SUBJECTS = ["ministry", "committee", "company", "garden", "river", "computer", "novel", "market"]
NOTICE = "This notice stands under every article of the collection and says nothing new at all."
SETTINGS = PrepareSettings(
    held_out=HeldOutShare(share=0.2), duplicates=DuplicateSettings(line_copies=2)
)
HELD = "The harbour master of Bergen had never seen so many whales in one single afternoon."


def article(generator: random.Random) -> str:
    words = [
        f"the {generator.choice(SUBJECTS)} of number {generator.randrange(10**6)} was seen"
        for _ in range(8)
    ]
    return ", and ".join(words) + "."


@pytest.fixture
def sources(tmp_path):
    """Two sources that share a document, with a notice, a German text and a repeated one."""
    generator = random.Random(7)
    shared = article(generator)
    german = "Der Ausschuss hat am Freitag beschlossen, dass die alte Brücke nicht mehr offen ist."
    first = [shared, german, *(article(generator) for _ in range(30)), "Too short."]
    second = [
        *(f"{article(generator)}\n{NOTICE}" for _ in range(9)),
        shared.upper(),
        f"{article(generator)} {HELD}",
    ]
    (tmp_path / "one.txt").write_text("\n\n".join(first))
    lines = [json.dumps({"id": f"r{n}", "text": text}) for n, text in enumerate(second)]
    (tmp_path / "two.jsonl").write_text("\n".join([*lines, "{broken"]))
    write_jsonl(tmp_path / "test.jsonl", [Document("h", f"{HELD} It rained.", annotations=())])
    return (
        TextSource(name="one", path=tmp_path / "one.txt", format="text", licence="CC0-1.0"),
        TextSource(name="two", path=tmp_path / "two.jsonl", format="text_json"),
    )


def contents(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}


def run(sources, out, settings=SETTINGS, **kwargs):
    return prepare(
        sources, settings, out, protected=[sources[0].path.parent / "test.jsonl"], **kwargs
    )


def test_every_document_is_kept_or_counted(tmp_path, sources):
    prepared = run(sources, tmp_path / "out")
    one, two = prepared.card["sources"]
    assert one["read"]["documents"] == 33
    assert one["cleaned"]["documents"] == {"another language": 1, "too short": 1}
    assert two["read"]["left_out"] == {"bad JSON": 1}
    assert two["protected"] == {"sentence": 1}
    assert two["duplicates"] == {"exact": 1, "near": 0, "lines": 7, "left too short": 0}
    for facts in (one, two):
        left = sum(facts["cleaned"]["documents"].values()) + facts["duplicates"]["exact"]
        kept = sum(part["documents"] for part in facts["kept"].values())
        assert kept + left == facts["read"]["documents"]
        assert facts["kept"]["held_out"]["documents"] > 0
    text = "".join(path.read_text() for path in (tmp_path / "out").glob("*.jsonl"))
    assert text.count(NOTICE) == 2
    assert HELD not in text
    markdown = (tmp_path / "out" / "card.md").read_text()
    assert "| two | duplicates | lines | 7 |" in markdown
    assert "CC0-1.0" in markdown
    assert str(tmp_path) not in markdown + (tmp_path / "out" / "card.json").read_text()


def test_files_are_what_the_card_says(tmp_path, sources):
    prepared = run(sources, tmp_path / "out")
    for source, facts in zip(prepared.sources, prepared.card["sources"], strict=True):
        for part, path in (("train", source.train), ("held_out", source.held_out)):
            documents = read_jsonl(path).documents
            assert len(documents) == facts["kept"][part]["documents"]
            assert sum(len(d.text) for d in documents) == facts["kept"][part]["characters"]
            assert {d.dataset for d in documents} == {source.name}
            assert all(SETTINGS.held_out.has(d) == (part == "held_out") for d in documents)


def test_the_same_inputs_give_the_same_bytes_wherever_and_however(tmp_path, sources):
    run(sources, tmp_path / "out")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("one.txt", "two.jsonl", "test.jsonl"):
        shutil.copy(tmp_path / name, moved / name)
    again = [
        TextSource(name="one", path=moved / "one.txt", format="text", licence="CC0-1.0"),
        TextSource(name="two", path=moved / "two.jsonl", format="text_json"),
    ]
    run(again, moved / "out")
    assert contents(moved / "out") == contents(tmp_path / "out")


class Killed(BaseException):
    """What no code catches, as a kill is."""


@pytest.mark.parametrize("at", range(3))
def test_a_killed_preparation_continues(tmp_path, sources, at):
    run(sources, tmp_path / "whole")
    out = tmp_path / "out"

    def kill(_title, done, _total):
        if done == at:
            raise Killed

    with pytest.raises(Killed):
        run(sources, out, step=kill)
    assert not (out / "card.json").exists()
    steps = []
    run(sources, out, step=lambda title, *_: steps.append(title))
    assert steps == ["reading one", "reading two", "finding duplicates"][at:]
    assert contents(out) == contents(tmp_path / "whole")


def test_only_what_changed_is_read_again(tmp_path, sources):
    out = tmp_path / "out"
    before = run(sources, out)
    steps: list[str] = []

    def again(settings=SETTINGS):
        steps.clear()
        return run(sources, out, settings, step=lambda title, *_: steps.append(title))

    assert again().card == before.card
    assert steps == []
    sources[1].path.write_text(json.dumps({"text": article(random.Random(1))}))
    assert again().card["fingerprint"] != before.card["fingerprint"]
    assert steps == ["reading two", "finding duplicates"]
    again(PrepareSettings(held_out=HeldOutShare(share=0.5), duplicates=SETTINGS.duplicates))
    assert steps == ["finding duplicates"]
    again(PrepareSettings(clean=CleanSettings(english=None)))
    assert steps == ["reading one", "reading two", "finding duplicates"]
    (out / "one.jsonl").unlink()
    again(PrepareSettings(clean=CleanSettings(english=None)))
    assert steps == ["finding duplicates"]
    remove_work(out)
    again(PrepareSettings(clean=CleanSettings(english=None)))
    assert steps == []


@pytest.mark.slow
def test_the_number_of_workers_does_not_show(tmp_path, sources):
    run(sources, tmp_path / "one")
    run(sources, tmp_path / "two", PrepareSettings(
        held_out=SETTINGS.held_out, duplicates=SETTINGS.duplicates, workers=2
    ))  # fmt: skip
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_source_can_be_cleaned_in_its_own_way(tmp_path, sources):
    own = TextSource(
        name="own", path=sources[0].path, format="text", clean=CleanSettings(english=None)
    )
    prepared = prepare([own], SETTINGS, tmp_path / "out")
    assert prepared.card["sources"][0]["cleaned"]["documents"] == {"too short": 1}


def test_what_cannot_be_prepared_is_refused(tmp_path, sources):
    with pytest.raises(ConfigurationError, match="names of their own"):
        prepare([sources[0], sources[0]], SETTINGS, tmp_path / "out")
    with pytest.raises(ConfigurationError, match="names of their own"):
        prepare([], SETTINGS, tmp_path / "out")
    wrong = TextSource(name="w", path=sources[1].path, format="text_json", options={"text": "body"})
    with pytest.raises(DataError, match="no string 'body'"):
        prepare([sources[0], wrong], SETTINGS, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "work").iterdir()) == ["one"]
    with pytest.raises(ConfigurationError, match="workers"):
        PrepareSettings(workers=0)
    with pytest.raises(ConfigurationError, match="share"):
        HeldOutShare(share=1.0)

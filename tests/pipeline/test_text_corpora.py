"""Prepared texts of a plan: fetched, cleaned, weighted, and taken by a pre-training run."""

from __future__ import annotations

import json
import random

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.cli.pretrain import _text_files
from ossamma.data.readers.jsonl import read_jsonl, write_jsonl
from ossamma.pipeline.text_corpora import MIXTURE_FILE, read_mixture
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document

HELD = "The harbour master of Bergen had never seen so many whales in one single afternoon."


def article(generator):
    things = ["ministry", "river", "garden", "company", "novel", "market"]
    return ", and ".join(
        f"the {generator.choice(things)} of number {generator.randrange(10**6)} was seen"
        for _ in range(8)
    )


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with a plan of two texts, one of them short, and a protected set."""
    monkeypatch.chdir(tmp_path)
    generator = random.Random(3)
    texts = [article(generator) for _ in range(20)]
    (tmp_path / "news.txt").write_text("\n\n".join([*texts, f"{texts[0]}, {HELD}"]))
    lines = [{"text": "the bridge is open again today"}, {"text": texts[1]}, {"text": "too short"}]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    write_jsonl(tmp_path / "test.jsonl", [Document("h", HELD, annotations=())])
    (tmp_path / "plan.yaml").write_text(
        "licences: [yes]\n"
        "sources:\n"
        "  - {name: news, path: news.txt, format: text, redistributable: yes, weight: 0.5}\n"
        "  - {name: notes, path: notes.jsonl, format: text_json, redistributable: yes,"
        " min_words: 5, weight: 3}\n"
    )
    return tmp_path


def prepare(*more):
    arguments = ["data", "prepare", "--plan", "plan.yaml", "--out", "texts", "--offline", *more]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_texts_are_clean_unprotected_and_weighted(work):
    result = prepare("--protect", "test.jsonl", "--json")
    assert result.exit_code == 0
    news = list(read_jsonl(work / "texts" / "news.jsonl").documents)
    notes = list(read_jsonl(work / "texts" / "notes.jsonl").documents)
    assert not any(HELD in document.text for document in (*news, *notes))
    # The second text repeats a document of the first; its own lower bound keeps the short one.
    assert [document.text for document in notes] == ["the bridge is open again today"]
    assert read_mixture(work / "texts") == {
        work / "texts" / "news.jsonl": 0.5,
        work / "texts" / "notes.jsonl": 3.0,
    }
    card = json.loads(result.stdout)
    assert [source["name"] for source in card["sources"]] == ["news", "notes"]


def test_a_source_of_which_nothing_is_left_is_not_in_the_mixture(work):
    (work / "notes.jsonl").write_text(json.dumps({"text": "too short"}))
    assert prepare().exit_code == 0
    assert [path.name for path in read_mixture(work / "texts")] == ["news.jsonl"]


def test_terms_are_checked_before_anything_is_written(work):
    plan = (work / "plan.yaml").read_text()
    (work / "plan.yaml").write_text(plan.replace("redistributable: yes, min", "min"))
    result = prepare()
    assert result.exit_code == 2
    assert "source notes" in result.stderr
    assert not (work / "texts").exists()


def test_a_prepared_folder_stands_for_its_files_and_multiplies_weights(work):
    prepare()
    files = _text_files(f"{work / 'texts'}:2")
    assert [(file.path.name, file.weight) for file in files] == [
        ("news.jsonl", 1.0),
        ("notes.jsonl", 6.0),
    ]


@pytest.mark.parametrize("content", [None, "[1]", "{", '{"a.jsonl": "much"}'])
def test_a_folder_without_a_mixture_is_an_error_with_the_way_out(tmp_path, content):
    if content is not None:
        (tmp_path / MIXTURE_FILE).write_text(content)
    with pytest.raises(DataError, match="ossamma data prepare"):
        read_mixture(tmp_path)

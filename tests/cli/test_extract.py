"""`ossamma extract` answers every text once, in order, with entities that are where they say."""

from __future__ import annotations

import json
import shutil

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.export.bundle import load
from ossamma.export.shipped import SHIPPED_FOLDER
from tests import tiny

TEXT = "Ada Lovelace waited in Oslo\r\nAlan Turing slept 👍🏽 in New York"


@pytest.fixture
def bundle(trained):
    return trained.outcome.bundle


def records(result):
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def expected(bundle, text):
    return [
        {
            "start": e.start,
            "end": e.end,
            "label": e.label,
            "text": e.text,
            "confidence": e.confidence,
        }
        for e in load(bundle).recognise([text])[0]
    ]


def test_standard_input_gives_one_line(ossamma, bundle):
    [record] = records(ossamma("extract", "--bundle", bundle, "--json", input=TEXT.encode()))
    assert record == {"id": "stdin", "text": TEXT, "entities": expected(bundle, TEXT)}
    assert record["entities"]


@pytest.mark.parametrize("text", ["", "\n"])
def test_nothing_is_a_text_without_entities(ossamma, bundle, text):
    [record] = records(ossamma("extract", "--bundle", bundle, "--json", input=text.encode()))
    assert record == {"id": "stdin", "text": text, "entities": []}


def test_files_give_a_line_each_in_order(ossamma, bundle, tmp_path):
    names = ["b.txt", "a.txt", "c.txt"]
    for name in names:
        (tmp_path / name).write_bytes(f"{TEXT} {name}".encode())
    found = records(ossamma("extract", "--bundle", bundle, "--json", *names))
    assert [record["id"] for record in found] == names
    for record in found:
        assert record["text"] == f"{TEXT} {record['id']}"
        assert record["entities"] == expected(bundle, record["text"])


def test_the_run_folder_and_the_environment_name_the_bundle(ossamma, trained, bundle):
    by_run = ossamma("extract", "--bundle", trained.request.out, "--json", input=TEXT.encode())
    by_name = ossamma("extract", "--json", input=TEXT.encode(), env={"OSSAMMA_BUNDLE": str(bundle)})
    assert records(by_run) == records(by_name)


def test_without_a_bundle_the_one_of_the_package_reads(ossamma):
    text = "Barack Obama visited Berlin."
    (record,) = records(ossamma("extract", "--json", input=text.encode()))
    assert record["entities"] == expected(SHIPPED_FOLDER, text)
    assert {entity["label"] for entity in record["entities"]} == {"PERSON", "PLACE"}


def test_a_bundle_that_is_not_there_is_named(ossamma):
    result = ossamma("extract", "--bundle", "nowhere", input=b"Ada")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no bundle at nowhere" in result.stderr


def test_lines_are_texts_of_their_own(ossamma, bundle):
    found = records(
        ossamma("extract", "--bundle", bundle, "--json", "--lines", input=b"Ada\n\nBob")
    )
    assert [(r["id"], r["text"]) for r in found] == [
        ("stdin:1", "Ada"),
        ("stdin:2", ""),
        ("stdin:3", "Bob"),
    ]


def test_less_certain_entities_are_left_out(ossamma, bundle):
    [every] = records(ossamma("extract", "--bundle", bundle, "--json", input=TEXT.encode()))
    confidences = sorted(entity["confidence"] for entity in every["entities"])
    limit = confidences[len(confidences) // 2]
    [some] = records(
        ossamma(
            "extract", "--bundle", bundle, "--json", "--min-confidence", limit, input=TEXT.encode()
        )
    )
    assert some["entities"] == [e for e in every["entities"] if e["confidence"] >= limit]


@pytest.mark.parametrize("name", ["a.conll", "a.jsonl"])
def test_what_it_writes_can_be_evaluated(ossamma, trained, bundle, tmp_path, name):
    made = tiny.documents(8, seed=2, prefix="test")
    gold = tmp_path / name
    if name.endswith("conll"):
        tiny.write_conll(gold, made)
    else:
        write_jsonl(gold, made)
    result = ossamma("extract", "--bundle", bundle, "--json", "--documents", gold)
    assert len(records(result)) == 8
    (tmp_path / "predictions.jsonl").write_text(result.stdout)
    scores = ossamma("evaluate", "--pred", "predictions.jsonl", "--gold", gold, "--json")
    direct = ossamma("evaluate", "--bundle", bundle, "--gold", gold, "--json")
    assert records(scores) == records(direct)


def test_for_people_the_whole_text_is_shown(ossamma, bundle):
    result = ossamma("extract", "--bundle", bundle, input=TEXT.encode())
    assert result.exit_code == 0
    for entity in expected(bundle, TEXT):
        shown = f"[{entity['text']} {entity['label']} {entity['confidence']:.2f}]"
        assert shown in result.stdout
    bare = result.stdout
    for entity in expected(bundle, TEXT):
        bare = bare.replace(
            f"[{entity['text']} {entity['label']} {entity['confidence']:.2f}]", entity["text"], 1
        )
    assert bare == TEXT.replace("\r\n", "\n") + "\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.txt"], "cannot read nowhere.txt: no such file"),
        (["."], "it is a folder"),
        (["good.txt", "bad.txt"], "bad.txt:2: expected UTF-8 text, got byte 0xff"),
        (["--documents"], "--documents needs at least one file"),
        (["--documents", "bad.txt"], "bad.txt:"),
        (["--documents", "--lines", "good.txt"], "exclude each other"),
        (["--min-confidence", "2", "good.txt"], "'--min-confidence'"),
    ],
)
def test_a_fault_ends_with_2_and_nothing_on_stdout(ossamma, bundle, tmp_path, arguments, complaint):
    (tmp_path / "good.txt").write_text("Ada")
    (tmp_path / "bad.txt").write_bytes(b"Ada\n\xff")
    result = ossamma("extract", "--bundle", bundle, "--json", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_a_damaged_bundle_is_refused(ossamma, bundle, tmp_path):
    shutil.copytree(bundle, tmp_path / "b")
    with (tmp_path / "b" / "labels.json").open("a") as file:
        file.write(" ")
    result = ossamma("extract", "--bundle", "b", input=b"Ada")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "labels.json is damaged" in result.stderr


def test_into_a_folder_come_the_bytes_of_standard_output_and_only_once(ossamma, bundle, tmp_path):
    write_jsonl(tmp_path / "a.jsonl", tiny.documents(20, seed=4))
    words = ["extract", "--bundle", bundle, "--json", "--documents", "--shard-size", "0.001"]
    printed = ossamma(*words, "a.jsonl")
    first = records(ossamma(*words, "--out", "out", "a.jsonl"))[0]
    assert (first["known"], first["documents"]) == (0, 20)
    assert first["shards"] > 2
    parts = sorted((tmp_path / "out").glob("part-*"))
    assert len(parts) == first["shards"]
    assert "".join(part.read_text() for part in parts) == printed.stdout
    parts[1].unlink()
    again = records(ossamma(*words, "--out", "out", "a.jsonl"))[0]
    assert (again["known"], again["shards"]) == (first["shards"] - 1, first["shards"])
    other = ossamma("extract", "--documents", "--shard-size", "0.001", "--out", "out", "a.jsonl")
    assert other.exit_code == 2
    assert "out was begun with bundle" in other.stderr


def test_bad_lines_are_told_of_when_the_others_are_done(ossamma, bundle, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "Ada"}\n{"id": "b"}\n{"text": "Bob"}\n')
    words = ["extract", "--bundle", bundle, "--documents", "--shard-size", "0.00001"]
    result = ossamma(*words, "--out", "out", "a.jsonl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "1 of 3 shards could not be written" in result.stderr
    assert 'a.jsonl:2: expected the key "text"' in result.stderr
    assert len(list((tmp_path / "out").glob("part-*"))) == 2
    (tmp_path / "a.jsonl").write_text('{"text": "Ada"}\n{"text": "b"}\n{"text": "Bob"}\n')
    assert (
        "3 shards in out, 2 of them known already"
        in ossamma(*words, "--out", "out", "a.jsonl").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--out", "out"], "which can be read again by several workers"),
        (["--engine", "ray", "a.txt"], "give --json or --out DIR"),
        (["--workers", "2", "a.txt"], "belong to --engine ray"),
        (["--json", "--documents", "twice.jsonl"], "twice.jsonl:2: expected an id that no earlier"),
    ],
)
def test_what_does_not_go_together_is_refused(ossamma, bundle, tmp_path, arguments, complaint):
    (tmp_path / "a.txt").write_text("Ada")
    (tmp_path / "twice.jsonl").write_text('{"id": "a", "text": ""}\n{"id": "a", "text": ""}\n')
    result = ossamma("extract", "--bundle", bundle, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr

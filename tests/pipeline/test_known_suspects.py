"""Suspects are read for the gold file that they are of, and for no other."""

from __future__ import annotations

import hashlib
import json

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.suspect_notes import FORMAT
from ossamma.pipeline.gold import read_gold
from ossamma.pipeline.judgement import GoldRequest, report_of
from ossamma.pipeline.known_suspects import read_suspects
from ossamma.pipeline.predictions import judge_predictions
from ossamma.schema.errors import DataError, FormatError
from tests import tiny

GOLD = tiny.documents(10, seed=4)


@pytest.fixture
def gold_file(tmp_path):
    path = tmp_path / "gold.jsonl"
    write_jsonl(path, GOLD)
    return path


def answer(folder, gold, *, document="d0", **changes):
    """An answer of `data suspects`, with one suspect."""
    folder.mkdir()
    content = {
        "format": FORMAT,
        "source": {"path": "g", "sha256": hashlib.sha256(gold.read_bytes()).hexdigest()},
        "models": "models",
        "settings": {"suggest_from": 0.9},
    }
    (folder / "suspects.json").write_text(json.dumps(content | changes))
    suspect = {
        "rank": 1,
        "kind": "missing",
        "document": document,
        "given": None,
        "suggested": {"start": 0, "end": 3},
        "score": 0.95,
        "annotation_at_fault": None,
    }
    (folder / "suspects.jsonl").write_text(json.dumps(suspect) + "\n")
    return folder


def test_suspects_lie_in_the_data_set_of_their_file(tmp_path, gold_file):
    other = tmp_path / "other.jsonl"
    write_jsonl(other, GOLD)
    with other.open("a") as file:
        file.write("\n")
    gold = read_gold((other, gold_file), None)
    known = read_suspects([answer(tmp_path / "a", gold_file)], gold)
    assert known.at("gold.jsonl", "d0", 2, 9).rank == 1
    assert known.at("other.jsonl", "d0", 2, 9) is None
    (source,) = known.sources
    assert source["of"] == str(gold_file)
    assert source["review"] is None


def test_a_report_has_them(tmp_path, gold_file):
    half = [d.__class__(id=d.id, text=d.text, annotations=d.annotations[:1]) for d in GOLD]
    write_jsonl(tmp_path / "p.jsonl", half)
    request = GoldRequest(files=(gold_file,))
    judgement = judge_predictions([tmp_path / "p.jsonl"], request)
    missed = next(
        (case["document"], case["gold"])
        for case in report_of(judgement, request=request)["errors"]["cases"]
    )
    folder = answer(tmp_path / "a", gold_file, document=missed[0])
    line = json.loads((folder / "suspects.jsonl").read_text())
    line["suggested"] = missed[1]
    (folder / "suspects.jsonl").write_text(json.dumps(line))
    review = {"reviewed": 1}
    (folder / "review.json").write_text(json.dumps(review))
    report = report_of(judgement, request=request, suspects=(folder,))
    assert report["label_noise"]["sources"][0]["review"] == review
    noted = [case for case in report["errors"]["cases"] if case["suspect"]]
    assert [case["document"] for case in noted] == [missed[0]]
    assert sum(row["grave"] for row in report["label_noise"]["errors"].values()) == 1


def test_another_files_suspects_are_refused(tmp_path, gold_file):
    gold = read_gold((gold_file,), None)
    folder = answer(tmp_path / "a", gold_file)
    with pytest.raises(DataError, match="a second one"):
        read_suspects([folder, folder], gold)
    with gold_file.open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match="suspects of a gold file"):
        read_suspects([folder], read_gold((gold_file,), None))


def test_damage_is_told(tmp_path, gold_file):
    gold = read_gold((gold_file,), None)
    with pytest.raises(FormatError, match="data suspects"):
        read_suspects([tmp_path / "nothing"], gold)
    with pytest.raises(FormatError, match="something else"):
        read_suspects([answer(tmp_path / "b", gold_file, format="x")], gold)
    with pytest.raises(FormatError, match="KeyError"):
        read_suspects([answer(tmp_path / "c", gold_file, settings={})], gold)
    folder = answer(tmp_path / "d", gold_file)
    (folder / "suspects.jsonl").write_text('{"document": "d0"}\n')
    with pytest.raises(FormatError, match="a suspect"):
        read_suspects([folder], gold)
    folder = answer(tmp_path / "e", gold_file)
    (folder / "review.json").write_text("{")
    with pytest.raises(FormatError, match="data review"):
        read_suspects([folder], gold)

"""What was found becomes a folder: report, pages and predictions that agree."""

from __future__ import annotations

import json

import pytest

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.evaluation.report import read_report
from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.pipeline.judgement import GoldRequest, report_of, write_folder
from ossamma.pipeline.predictions import judge_predictions
from ossamma.schema.errors import DataError
from tests import tiny

GOLD = tiny.documents(10, seed=4)
SETTINGS = ResamplingSettings(resamples=100)


@pytest.fixture
def request_(tmp_path):
    return GoldRequest(files=(tiny.write_conll(tmp_path / "gold.conll", GOLD),))


@pytest.fixture
def judgement(tmp_path, request_):
    half = [d.__class__(id=d.id, text=d.text, annotations=d.annotations[:1]) for d in GOLD]
    path = tmp_path / "p.jsonl"
    write_jsonl(path, half)
    return judge_predictions([path], request_)


def test_the_folder_is_whole(tmp_path, request_, judgement):
    report = report_of(judgement, request=request_, resampling=SETTINGS)
    write_folder(judgement, report, tmp_path / "deep" / "out")
    names = {path.name for path in (tmp_path / "deep" / "out").iterdir()}
    assert names == {"report.html", "report.md", "report.json", "predictions.jsonl"}
    assert read_report(tmp_path / "deep" / "out" / "report.json") == report


def test_its_predictions_give_the_same_report(tmp_path, request_, judgement):
    report = report_of(judgement, request=request_, resampling=SETTINGS)
    write_folder(judgement, report, tmp_path)
    again = judge_predictions([tmp_path / "predictions.jsonl"], request_)
    other = report_of(again, request=request_, resampling=SETTINGS)
    differing = {"created", "system"}
    assert {k: v for k, v in report.items() if k not in differing} == {
        k: v for k, v in other.items() if k not in differing
    }


def test_a_training_file_tells_seen_from_unseen(tmp_path, request_, judgement):
    report = report_of(judgement, request=request_, train=request_.files[0])
    assert set(report["slices"]["seen"]) == {"seen"}
    empty = tmp_path / "train.jsonl"
    empty.write_text(json.dumps({"text": "Nobody.", "entities": []}) + "\n")
    report = report_of(judgement, request=request_, train=empty)
    assert set(report["slices"]["seen"]) == {"unseen"}


def test_a_profile_gives_types_and_hierarchy(tmp_path):
    path = tmp_path / "g.jsonl"
    record = {"text": "APT1", "entities": [{"start": 0, "end": 4, "label": "APT_GROUP"}]}
    path.write_text(json.dumps(record) + "\n")
    request = GoldRequest(files=(path,), profile="ner11")
    report = report_of(judge_predictions([path], request), request=request)
    assert report["profile"] == "ner11"
    assert len(report["types"]) > 50
    assert all(row["f1"] == 1.0 for row in report["hierarchy"].values())
    assert set(report["slices"]["shape"]) == {"name"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path, request_, judgement):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot make the folder"):
        write_folder(judgement, {}, tmp_path / "file" / "out")

"""Kept answers give the very test that the models would, and none where it would be false."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from ossamma.evaluation.resampling import ResamplingSettings
from ossamma.pipeline.judgement import PREDICTIONS_FILE as FILE_OF_REPORTS
from ossamma.pipeline.judgement import GoldRequest
from ossamma.pipeline.run_folder import PREDICTIONS_FILE, RUN_FILE
from ossamma.pipeline.run_judgement import compare_on_gold
from ossamma.pipeline.run_significance import compare_answers
from ossamma.pipeline.train_run import train
from ossamma.schema.errors import CheckpointError, DataError
from tests import tiny

FEW = ResamplingSettings(resamples=100)


@pytest.fixture(scope="module")
def other(tmp_path_factory, trained):
    """A run on the same files with other weights."""
    out = tmp_path_factory.mktemp("other") / "run"
    train(replace(trained.request, out=out, recipe=tiny.recipe("training.seed=5")))
    return out


@pytest.fixture
def runs(trained, other, tmp_path):
    """Copies of two runs to spoil."""
    for name, run in (("a", trained.request.out), ("b", other)):
        shutil.copytree(run, tmp_path / name)
    return [tmp_path / "a", tmp_path / "b"]


def change(run, **changes):
    path = run / RUN_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.e2e
def test_answers_and_models_agree(trained, runs):
    request = GoldRequest(files=(trained.request.test,))
    kept, fresh = compare_answers(runs, FEW), compare_on_gold(runs, request, FEW)
    assert [each.to_json() for each in kept] == [each.to_json() for each in fresh]
    gain = kept[0].comparison.micro["f1"].difference
    scores = [json.loads((run / "metrics.json").read_text())["test"] for run in runs]
    assert gain == pytest.approx(scores[1]["micro"]["f1"] - scores[0]["micro"]["f1"])
    turned = compare_answers(runs[::-1], FEW)
    assert turned[0].comparison.micro["f1"].difference == pytest.approx(-gain)


def test_a_run_does_not_differ_from_itself(trained):
    run = trained.request.out
    found = compare_answers([run, run, run], FEW)
    assert [(each.first, each.second) for each in found] == [(str(run), str(run))] * 2
    assert found[0].comparison.micro["f1"].difference == 0.0
    assert found[0].comparison.micro["f1"].p_randomisation == 1.0


def test_runs_and_reports_call_their_answers_the_same():
    assert PREDICTIONS_FILE == FILE_OF_REPORTS


@pytest.mark.e2e
def test_no_test_where_it_would_be_false(trained, runs, tmp_path):
    first, second = runs
    data = json.loads((second / RUN_FILE).read_text())["data"]
    change(second, data={**data, "test": {**data["test"], "sha256": "0" * 64}})
    with pytest.raises(DataError, match="tested on different files"):
        compare_answers(runs, FEW)
    change(second, data={name: data[name] for name in ("train", "dev")})
    with pytest.raises(DataError, match=r"b was trained without a test file"):
        compare_answers(runs, FEW)
    change(second, data=data)
    moved = {**data, "test": {**data["test"], "path": str(tmp_path / "gone.conll")}}
    change(first, data=moved)
    assert compare_answers(runs, FEW), "the other run knows where it is"
    change(second, data=moved)
    with pytest.raises(DataError, match=r"no longer the same, at .*gone\.conll"):
        compare_answers(runs, FEW)
    shutil.copyfile(trained.request.dev, tmp_path / "gone.conll")
    with pytest.raises(DataError, match="no longer the same"):
        compare_answers(runs, FEW)
    (second / PREDICTIONS_FILE).unlink()
    with pytest.raises(CheckpointError, match="has kept no answers"):
        compare_answers(runs, FEW)

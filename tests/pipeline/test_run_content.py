"""Whatever lies in a run folder, reading it tells of it and never fails."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.pipeline.run_content import CURVES, is_run, read_run, require_run
from ossamma.schema.errors import CheckpointError
from tests.pipeline.run_folders import metrics, record, write_run

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from([*record(), *CURVES, "steps", "scores"]), JSON)


def test_a_whole_run_is_read(tmp_path):
    run = require_run(write_run(tmp_path / "a", record(), metrics()))
    assert (run.record, run.metrics, run.fault) == (record(), metrics(), "")
    assert run.curve("loss") == [(0.5, 2.0), (1.5, 1.0)]
    assert run.curve("eval_f1") == [(1.0, 0.25), (2.0, 0.5)]
    assert run.times() == [1_000.0, 1_010.0, 1_020.0, 1_030.0]
    assert run.text("data", "test", "sha256") == "b" * 64
    assert run.number("recipe", "training", "learning_rate") == 0.01
    assert run.metric("dev", "micro", "f1") == 0.5
    assert run.at("data", "nothing", "there") is None


@given(content=FIELDS, figures=FIELDS, log=st.lists(FIELDS, max_size=3))
def test_any_json_is_read_without_a_fault_of_ours(tmp_path_factory, content, figures, log):
    folder = tmp_path_factory.mktemp("any") / "a"
    run = read_run(write_run(folder, {**record(), **content}, figures, log=tuple(log)))
    for name in CURVES:
        assert all(isinstance(y, float) for _, y in run.curve(name))
    number = run.number("recipe")
    assert number is None or (math.isfinite(number) and number == content["recipe"])
    run.times()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\ud800", '"text"', "[" * 100_000])
def test_a_damaged_record_is_a_finding(tmp_path, content):
    folder = write_run(tmp_path / "a", record(), metrics())
    (folder / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    run = read_run(folder)
    assert run.fault.startswith("run.json")
    assert run.record == {}
    with pytest.raises(CheckpointError, match="is not a run that can be read"):
        require_run(folder)


def test_a_finished_run_without_scores_is_damaged(tmp_path):
    assert "metrics.json is missing" in read_run(write_run(tmp_path / "a")).fault
    unfinished = write_run(tmp_path / "b", record(status="failed"))
    assert read_run(unfinished).fault == ""
    pretraining = write_run(tmp_path / "c", record(kind="pretraining"))
    assert read_run(pretraining).fault == ""


def test_a_record_of_another_program_is_foreign(tmp_path):
    foreign = read_run(write_run(tmp_path / "a", {"project": "x"}))
    assert (foreign.is_foreign, foreign.fault) == (True, "")
    with pytest.raises(CheckpointError, match="not a record of a run"):
        require_run(tmp_path / "a")


def test_torn_lines_are_left_out(tmp_path):
    folder = write_run(tmp_path / "a", record(), metrics())
    log = folder / "metrics.jsonl"
    log.write_text(log.read_text() + '{"step": 20, "lo')
    assert [row["step"] for row in read_run(folder).log] == [4, 8, 12, 16]


def test_curves_without_epochs_go_over_steps(tmp_path):
    log = ({"step": 3, "loss": 1.0}, {"loss": 5.0}, {"step": 4, "loss": "x"})
    assert read_run(write_run(tmp_path / "a", log=log)).curve("loss") == [(3.0, 1.0)]


def test_a_folder_is_a_run_by_its_files(tmp_path):
    assert not is_run(tmp_path)
    assert not is_run(tmp_path / "nowhere")
    (tmp_path / "metrics.jsonl").touch()
    assert is_run(tmp_path)
    assert read_run(tmp_path).fault == "run.json is missing"
    assert json.dumps(read_run(tmp_path).record) == "{}"

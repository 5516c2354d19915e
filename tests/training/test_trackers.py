"""Trackers get the run's own settings and figures, and can neither stop nor confuse a training."""

from __future__ import annotations

import json
import logging
import re
import time
from importlib.util import find_spec

import pytest
from transformers import TrainerControl, TrainerState

from ossamma.schema.errors import ConfigurationError, TrainingError
from ossamma.training.run_files import TRACKERS_FILE
from ossamma.training.trackers import TRACKERS, TrackedRun, TrackerLog, check_trackers, tracked

needs = {
    name: pytest.mark.skipif(find_spec(name) is None, reason=f"{package} is not installed")
    for name, package in TRACKERS.items()
}


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """MLflow, with a store of files in an empty folder."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ossamma")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    library = pytest.importorskip("mlflow")
    library.set_tracking_uri((tmp_path / "store").as_uri())
    yield library
    while library.active_run() is not None:
        library.end_run()
    library.set_tracking_uri(None)


@pytest.fixture
def run(tmp_path):
    """A run folder with settings of every kind."""
    (tmp_path / "a").mkdir()
    settings = {"training.rate": 0.01, "init": None, "many": ["x"], **dict.fromkeys("abc", "d")}
    return TrackedRun(folder=tmp_path / "a", settings=settings)


def interrupted(run):
    with tracked(["mlflow"], run) as trackers:
        trackers.log({"loss": 2.0}, 1)
        raise KeyboardInterrupt


def again(run):
    return TrackedRun(folder=run.folder, settings=run.settings, resume=True)


def kept(library, run):
    identifier = json.loads((run.folder / TRACKERS_FILE).read_text())["mlflow"]
    return library.MlflowClient().get_run(identifier)


@needs["mlflow"]
def test_mlflow_has_name_settings_and_figures(mlflow, run):
    with tracked(["mlflow"], run) as trackers:
        trackers.log({"loss": 2.0, "test.A&B.f1": 0.5}, 1)
        trackers.log({"loss": 1.0, "note": "text", "bad": float("nan")}, 2)
    found = kept(mlflow, run)
    assert (found.info.run_name, found.info.status) == ("a", "FINISHED")
    wanted = {name: str(value) for name, value in run.settings.items() if value is not None}
    assert found.data.params == wanted
    assert found.data.metrics == {"loss": 1.0, "test.A_B.f1": 0.5}
    history = mlflow.MlflowClient().get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 2.0), (2, 1.0)]
    assert mlflow.active_run() is None


@needs["mlflow"]
def test_more_settings_than_mlflow_takes_at_once(mlflow, run):
    settings = {f"s{number}": number for number in range(250)}
    with tracked(["mlflow"], TrackedRun(folder=run.folder, settings=settings)):
        pass
    assert len(kept(mlflow, run).data.params) == 250


@needs["mlflow"]
def test_a_resumed_run_goes_on_in_the_same_place(mlflow, run):
    with pytest.raises(KeyboardInterrupt):
        interrupted(run)
    before = kept(mlflow, run).info
    assert before.status == "FAILED"
    with tracked(["mlflow"], again(run)) as trackers:
        trackers.log({"loss": 1.0}, 2)
    after = kept(mlflow, run)
    assert (after.info.run_id, after.info.status) == (before.run_id, "FINISHED")
    assert len(mlflow.MlflowClient().get_metric_history(before.run_id, "loss")) == 2
    with tracked(["mlflow"], run):
        pass  # a new run, not a resumed one
    assert kept(mlflow, run).info.run_id != before.run_id


@needs["mlflow"]
def test_a_run_of_the_caller_goes_on(mlflow, run):
    with mlflow.start_run(run_name="theirs") as theirs:
        with tracked(["mlflow"], run) as trackers:
            trackers.log({"loss": 1.0}, 1)
        assert mlflow.active_run().info.run_id == theirs.info.run_id
    assert not (run.folder / TRACKERS_FILE).exists()
    assert mlflow.get_run(theirs.info.run_id).data.metrics == {"loss": 1.0}


@needs["mlflow"]
def test_a_store_that_is_refused_ends_the_run_before_it_begins(mlflow, run, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "false")
    reached = []
    refusal = pytest.raises(TrainingError, match=r"mlflow does not take the run.*leave out --log")
    with refusal, tracked(["mlflow"], run):
        reached.append(True)
    assert not reached


@needs["mlflow"]
def test_a_store_that_is_lost_does_not_end_the_training(mlflow, run, caplog, tmp_path):
    with (
        caplog.at_level(logging.WARNING, "ossamma.training.trackers"),
        tracked(["mlflow"], run) as trackers,
    ):
        trackers.log({"loss": 2.0}, 1)
        store = tmp_path / "store"
        store.rename(tmp_path / "moved")
        store.write_text("no folder")
        trackers.log({"loss": 1.0}, 2)
        trackers.log({"loss": 0.5}, 3)
    said = [record for record in caplog.records if record.name == "ossamma.training.trackers"]
    assert len(said) == 1
    assert "mlflow takes no more figures" in said[0].getMessage()


@needs["mlflow"]
def test_what_the_trainer_logs_arrives(mlflow, run):
    with tracked(["mlflow"], run) as trackers:
        state = TrainerState(global_step=7, epoch=0.5)
        TrackerLog(trackers).on_log(None, state, TrainerControl(), logs={"eval_f1": 0.25})
    assert kept(mlflow, run).data.metrics == {"eval_f1": 0.25, "epoch": 0.5}


@pytest.mark.slow
@needs["wandb"]
def test_wandb_offline_has_name_settings_and_figures(run, tmp_path, monkeypatch):
    for name, value in {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(tmp_path),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
    }.items():
        monkeypatch.setenv(name, value)
    with tracked(["wandb"], run) as trackers:
        trackers.log({"loss": 2.125}, 1)
    identifier = json.loads((run.folder / TRACKERS_FILE).read_text())["wandb"]
    with tracked(["wandb"], again(run)) as trackers:
        trackers.log({"loss": 1.375}, 2)
    figures = (rb"loss.{1,8}2\.125", rb"loss.{1,8}1\.375", rb"training\.rate.{1,8}0\.01")
    missing = list(figures)
    limit = time.monotonic() + 60  # the files are written by a process of its own
    while missing and time.monotonic() < limit:
        files = sorted(tmp_path.glob(f"wandb/offline-run-*-{identifier}/*.wandb"))
        content = b"".join(file.read_bytes() for file in files)
        missing = [figure for figure in figures if not re.search(figure, content, re.DOTALL)]
        time.sleep(0.1)
    assert not missing


def test_without_trackers_nothing_happens(run):
    with tracked([], run) as trackers:
        trackers.log({"loss": 1.0}, 1)
    assert list(run.folder.iterdir()) == []


def test_an_unknown_tracker_is_refused():
    with pytest.raises(ConfigurationError, match=r"unknown tracker 'tensorflow'.*mlflow, wandb"):
        check_trackers(["tensorflow"])


def test_a_tracker_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr("ossamma.training.trackers.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match="pip install mlflow-skinny"):
        check_trackers(["mlflow"])

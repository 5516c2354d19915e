"""`--log` names trackers once, and the environment has the last word on how they are set up."""

from __future__ import annotations

import os

import pytest

from ossamma.cli.options import Tracker
from ossamma.cli.trackers import tracker_names
from ossamma.training.trackers import TRACKERS

NAMES = ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_DISABLE_TELEMETRY", "WANDB_PROJECT")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    for name in ("WANDB_ERROR_REPORTING", "WANDB_QUIET"):
        monkeypatch.setenv(name, "theirs")


def test_each_tracker_is_named_once():
    assert tracker_names([Tracker.WANDB, Tracker.MLFLOW, Tracker.WANDB]) == ("wandb", "mlflow")


def test_the_options_are_those_that_the_library_knows():
    assert {tracker.value for tracker in Tracker} == set(TRACKERS)


def test_without_the_option_the_environment_stays():
    assert tracker_names(None) == ()
    assert not set(NAMES) & set(os.environ)


def test_our_name_stands_only_where_there_is_none(monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    tracker_names([Tracker.WANDB])
    assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "ossamma"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["WANDB_PROJECT"] == "theirs"
    assert os.environ["WANDB_QUIET"] == "theirs"

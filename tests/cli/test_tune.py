"""`ossamma tune` searches, keeps what is finished on Ctrl-C, and goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tests import tiny

pytestmark = pytest.mark.e2e
SETTINGS = [part for assignment in tiny.ASSIGNMENTS for part in ("--set", assignment)]
SPACE = {"dimensions": {"rate": {"sets": "training.learning_rate", "low": 0.001, "high": 0.1}}}


@pytest.fixture
def options(files, tmp_path):
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    return [
        "--profile", "native", "--train", files["train"], "--dev", files["dev"],
        "--space", tmp_path / "space.yaml", "--out", tmp_path / "search", *SETTINGS,
    ]  # fmt: skip


def test_a_search_for_machines(ossamma, options, tmp_path):
    result = ossamma("tune", *options, "--trials", 2, "--json")
    assert result.exit_code == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["counts"] == {"complete": 2}
    assert outcome["best"]["f1"] == max(trial["f1"] for trial in outcome["trials"])
    stored = json.loads((tmp_path / "search" / "study.json").read_text())
    assert stored["trials"] == outcome["trials"]
    assert "[1/2] trial 0: dev F1" in result.stderr


def test_a_search_for_people_whose_recipe_trains(ossamma, options, files, tmp_path):
    result = ossamma("tune", *options, "--trials", 1)
    assert result.exit_code == 0, result.stderr
    for shown in ("trials: 1 complete", "best: trial 0, dev F1", "  rate = 0.01", "study.html"):
        assert shown in result.stdout
    again = ossamma(
        "train", "--profile", "native", "--train", files["train"], "--dev", files["dev"],
        "--recipe", tmp_path / "search" / "best.yaml", "--out", "run",
    )  # fmt: skip
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--space", "nowhere.yaml"], "expected a search space"),
        (["--storage", "nowhere"], "expected the URL of a database"),
        (["--set", "training.epoch=1"], "did you mean epochs"),
    ],
)
def test_faults_are_told_without_a_traceback(ossamma, options, arguments, complaint):
    result = ossamma("tune", *options, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_what_is_finished(options, tmp_path, workers):
    command = [sys.executable, "-m", "ossamma.cli.app", "tune", *map(str, options)]
    command += ["--workers", str(workers), "--trials", "40"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        for line in process.stderr:
            if line.startswith("[1/40]"):
                break
        time.sleep(0.5)  # into another trial
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(120) == 130, said
    assert "Traceback" not in said, said
    study = json.loads((tmp_path / "search" / "study.json").read_text())
    states = [trial["state"] for trial in study["trials"]]
    assert "complete" in states
    assert set(states) <= {"complete", "interrupted"}
    assert (tmp_path / "search" / "best.yaml").is_file()

"""Whatever happens to the native trainer, the run ends in the right state and says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ossamma.export.bundle import load
from ossamma.pipeline.processes import is_gone
from ossamma.pipeline.supervision.leash import leashed
from ossamma.pipeline.supervision.native_request import NativeJob, read_job, write_job
from ossamma.pipeline.supervision.native_train import (
    MANIFEST,
    NativeTrainRequest,
    train_native,
)
from ossamma.pipeline.supervision.watch import WatchSettings
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError, TrainingError
from tests import tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PLANTED = Path(__file__).with_name("planted_native.py")


@pytest.fixture
def job(tmp_path):
    files = tiny.corpus(tmp_path / "corpus")
    return NativeJob(
        profile="native",
        train=str(files["train"]),
        dev=str(files["dev"]),
        assignments=tiny.ASSIGNMENTS,
    )


@pytest.fixture
def train(job, tmp_path):
    """Train for real, with a fault in each start that the words name."""

    def run(*words, said=None, **changes):
        plan = tmp_path / "plan"
        plan.write_text(" ".join(words), encoding="utf-8")
        trainer = (sys.executable, str(PLANTED), str(plan))
        given = {"job": job, "out": tmp_path / "models" / "m", "trainer": trainer}
        request = NativeTrainRequest(**given | changes)
        return train_native(request, say=(said if said is not None else []).append)

    run.first = tmp_path / "models" / "m_v1"
    return run


def manifest(run):
    return json.loads((run / MANIFEST).read_text(encoding="utf-8"))


def test_a_killed_run_goes_on_and_ends_with_the_weights_of_an_undisturbed_one(train):
    undisturbed = train("ok")
    assert undisturbed.run == train.first
    with pytest.raises(TrainingError, match=r"killed: .*signal 9"):
        train("kill@7")
    second = train.first.with_name("m_v2")
    assert manifest(second)["status"] == "failed"
    outcome = train("ok", resume=True)
    assert (outcome.run, outcome.attempts) == (second, 2)
    assert [a["ending"] for a in manifest(second)["attempts"]] == ["killed", "finished"]
    before, after = (load(run.bundle).model.state_dict() for run in (undisturbed, outcome))
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(CheckpointError, match="is finished"):
        train("ok", resume=True)


def test_out_of_memory_makes_batches_smaller_and_steps_of_as_many_windows(train):
    said = []
    outcome = train("oom@7", "oom@8", "ok", said=said)
    attempts = manifest(outcome.run)["attempts"]
    assert [a["ending"] for a in attempts] == ["out of memory", "out of memory", "finished"]
    assert [(a["batch_size"], a["accumulation"]) for a in attempts] == [(4, 1), (2, 2), (1, 4)]
    assert len({a["batch_size"] * a["accumulation"] for a in attempts}) == 1
    assert any("the weights may differ" in line for line in log_of(outcome.run, 2).splitlines())
    assert any("out of memory" in note for note in outcome.notes)


def test_a_batch_of_one_window_cannot_be_divided(train):
    with pytest.raises(TrainingError, match="out of memory"):
        train(*["oom@0"] * 4)
    content = manifest(train.first)
    assert (content["status"], len(content["attempts"])) == ("failed", 3)


@pytest.mark.parametrize(
    ("word", "ending", "message"),
    [
        ("nan@7", "diverged", "the loss became nan at step 8"),
        ("disk@3", "disk full", "make room"),
        ("crash@3", "crashed", "ZeroDivisionError"),
        ("hang@3", "stalled", "no step for"),
    ],
)
def test_every_other_end_is_a_failure_with_its_reason(train, word, ending, message):
    watch = WatchSettings(stall_seconds=45.0 if ending == "stalled" else 600.0)
    with pytest.raises(TrainingError, match=message):
        train(word, watch=watch)
    content = manifest(train.first)
    assert content["status"] == "failed"
    assert message in content["reason"]
    assert content["attempts"][-1]["ending"] == ending
    assert not (train.first / "run" / "bundle").exists()


def test_faults_of_the_input_are_told_before_anything_is_made(train, job, tmp_path):
    with pytest.raises(DataError, match="the same"):
        train("ok", job=NativeJob(profile="native", train=job.train, dev=job.train))
    with pytest.raises(DataError, match="cannot read"):
        train("ok", job=NativeJob(profile="native", train=job.train, dev=str(tmp_path / "none")))
    with pytest.raises(ConfigurationError):
        train("ok", job=NativeJob(**job.to_json() | {"assignments": ("training.epochs=0",)}))
    assert not train.first.parent.exists()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise's own
def test_another_run_is_not_resumed_and_a_dead_notifier_changes_nothing(train, job):
    with pytest.raises(CheckpointError, match="no run"):
        train("ok", resume=True)
    said = []
    with pytest.raises(TrainingError, match="ZeroDivisionError"):
        train("crash@0", said=said, notify=("json://127.0.0.1:9/",))
    assert any("warning: the notification" in line for line in said)
    assert "ZeroDivisionError" in manifest(train.first)["reason"]
    other = NativeJob(**job.to_json() | {"assignments": (*tiny.ASSIGNMENTS, "training.seed=7")})
    with pytest.raises(CheckpointError, match="other settings"):
        train("ok", job=other, resume=True)


def test_a_request_goes_through_its_file(job, tmp_path):
    write_job(tmp_path / "r.json", job.divided(2, 3), out=tmp_path / "o", resume=True)
    request = read_job(tmp_path / "r.json")
    training = request.recipe.training
    assert (training.batch_size, training.gradient_accumulation_steps) == (2, 3)
    assert (request.out, request.resume, request.test) == (tmp_path / "o", True, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_leashed_child_ends_when_its_supervisor_is_killed(tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    code = (
        "import subprocess, sys, time\n"
        "from ossamma.pipeline.supervision.leash import leashed\n"
        "child = subprocess.Popen(leashed('waits'))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    assert leashed("waits")[-2:] == (str(os.getpid()), "waits")
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    ) as supervisor:
        child = int(supervisor.stdout.readline())
        time.sleep(1.0)
        supervisor.send_signal(signal.SIGKILL)
    host = os.uname().nodename
    limit = time.monotonic() + 120
    while time.monotonic() < limit and not is_gone(host, child):
        time.sleep(0.2)
    assert is_gone(host, child)


def log_of(run, number):
    return (run / "attempts" / f"{number:02}" / "train.log").read_text(encoding="utf-8")

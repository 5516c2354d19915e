"""Kill a run anywhere, resume it, and it ends with the bits of a run that was never touched."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app
from ossamma.export.manifest import sha256, verify
from tests import tiny

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals"),
]

SOURCE = Path(__file__).resolve().parents[2] / "src"
NUM_STEPS = 6 * 6  # 24 windows in batches of 4, 6 epochs
START = "from ossamma.cli.app import main\n"

DIE = """
import importlib, os, signal
module = importlib.import_module({module!r})
owner = getattr(module, {owner!r}) if {owner!r} else module
before, calls = getattr(owner, {name!r}), []

def dies(*arguments, **options):
    calls.append(1)
    if len(calls) < {call}:
        return before(*arguments, **options)
    {last_act}
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, {name!r}, dies)
"""
POINTS = {
    "before the first checkpoint": (
        "ossamma.training.trainer",
        "TaggingTrainer",
        "compute_loss",
        3,
    ),
    "while a step is taken": ("ossamma.training.trainer", "TaggingTrainer", "compute_loss", 20),
    "while the Trainer writes a checkpoint": ("transformers", "Trainer", "_save_rng_state", 2),
    "before a checkpoint is sealed": ("ossamma.training.best_model", "", "seal_checkpoint", 3),
    "while old checkpoints are removed": ("shutil", "", "rmtree", 4),
    "while the best model is written": ("ossamma.export.bundle", "", "seal", 2),
    "before the best model is in its place": ("ossamma.export.new_folder", "", "_replace", 2),
    "after the last step": ("ossamma.pipeline.train_run", "", "load", 1),
}


def arguments(files, out):
    return [
        "train",
        "--profile",
        "native",
        *(part for name, path in files.items() for part in (f"--{name}", str(path))),
        "--out",
        str(out),
        *(part for assignment in tiny.ASSIGNMENTS for part in ("--set", assignment)),
        "--set",
        "training.epochs=6",
        "--set",
        "training.min_delta=0",
    ]


def start(code, files, out):
    """Start a run in a process of its own."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", f"{START}{code}\nmain()", *arguments(files, out)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def steps_logged(run):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], sorted(line)) for line in lines]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tiny.corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def undisturbed(files, tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    result = CliRunner().invoke(app, arguments(files, run))
    assert result.exit_code == 0, result.stderr
    assert [step for step, keys in steps_logged(run) if "loss" in keys] == list(
        range(1, NUM_STEPS + 1)
    )
    return run


def assert_resumes(run, files, undisturbed):
    result = CliRunner().invoke(app, [*arguments(files, run), "--resume"])
    assert result.exit_code == 0, result.stderr
    for bundle in ("bundle", "best"):
        verify(run / bundle)
        weights, expected = (folder / bundle / "model.safetensors" for folder in (run, undisturbed))
        assert sha256(weights) == sha256(expected), "not a single bit may differ"
    assert steps_logged(run) == steps_logged(undisturbed), "every step is logged once"
    assert sorted(path.name for path in run.iterdir()) == sorted(
        path.name for path in undisturbed.iterdir()
    ), "nothing is left over"
    scores, expected = (
        json.loads((folder / "metrics.json").read_text()) for folder in (run, undisturbed)
    )
    for figures in (scores, expected):
        figures["training"].pop("seconds")
    assert scores == expected


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.replace(" ", "-"))
def test_killed_at_a_chosen_point(files, undisturbed, tmp_path, point):
    module, owner, name, call = POINTS[point]
    last_act = "pass"
    if name == "_replace":  # the old bundle has already gone
        last_act = "arguments[0].rename(arguments[0].with_name('.best.old'))"
    if name == "_save_rng_state":
        last_act = "open(arguments[1] + '/rng_state.pth', 'wb').write(b'half')"
    code = DIE.format(module=module, owner=owner, name=name, call=call, last_act=last_act)
    run = tmp_path / "run"
    process = start(code, files, run)
    assert process.wait() == -signal.SIGKILL
    assert not (run / "bundle").exists()
    assert_resumes(run, files, undisturbed)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_a_random_step(files, undisturbed, tmp_path, seed):
    run = tmp_path / "run"
    log = run / "metrics.jsonl"
    # At least one sealed checkpoint is there, and some steps are still to come.
    target = random.Random(seed).randrange(8, NUM_STEPS - 10)
    process = start("", files, run)
    while not (log.exists() and log.read_bytes().count(b'"loss"') >= target):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert list((run / "checkpoints").glob("checkpoint-*/sealed.json"))
    assert_resumes(run, files, undisturbed)


def test_killed_twice(files, undisturbed, tmp_path):
    """Once before a seal, and once more by the run that resumed it."""
    run = tmp_path / "run"
    module, owner, name, _ = POINTS["before a checkpoint is sealed"]
    code = DIE.format(module=module, owner=owner, name=name, call=3, last_act="pass")
    assert start(code, files, run).wait() == -signal.SIGKILL
    again = f"{code}\nimport sys\nsys.argv.append('--resume')"
    assert start(again, files, run).wait() == -signal.SIGKILL
    assert_resumes(run, files, undisturbed)

"""Real runs of both backends on tiny data, from a built set to a package and back again."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
import spacy
import yaml

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.export.bundle import load
from ossamma.pipeline.processes import is_gone
from ossamma.pipeline.taskmaster.phases import Phase, RunBackend
from ossamma.pipeline.taskmaster.plan import RunPlan
from ossamma.pipeline.taskmaster.run import RunRequest, carry_out
from ossamma.pipeline.taskmaster.status import PhaseState, read_status
from ossamma.pipeline.taskmaster.workers import workers_of
from tests import tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GATES = {
    "gates": [
        {
            "name": "overall F1",
            "source": "this test",
            "metric": "f1",
            "average": "micro",
            "operator": ">",
            "threshold": 0.0001,
            "max_width": 1,
        },
        {
            "name": "nobody can know",
            "source": "this test",
            "not_measurable": "it is not asked",
            "if_not_measured": "skip",
        },
    ]
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for seed, (name, size) in enumerate({"train": 200, "dev": 30, "test": 40}.items()):
        write_jsonl(folder / f"{name}.jsonl", tiny.documents(size, seed, name))
    (folder / "gates.yaml").write_text(yaml.safe_dump(GATES), encoding="utf-8")
    return folder


def run(inputs, out, backend, **options):
    plan = RunPlan(
        profile="rag9",
        backend=backend,
        built=str(inputs),
        **{"gates": str(inputs / "gates.yaml")} | options,
    )
    said = []
    request = RunRequest(plan=plan, out=out)
    return carry_out(request, workers_of(backend), say=said.append), said


def test_the_native_backend_from_data_to_release_and_what_a_change_costs(inputs, tmp_path):
    own = shutil.copytree(inputs, tmp_path / "inputs")
    out = tmp_path / "run"
    settings = (*tiny.ASSIGNMENTS, "training.epochs=3")
    status, said = run(own, out, RunBackend.NATIVE, settings=settings)
    assert {record.state for record in status.phases.values()} == {PhaseState.DONE}
    assert status.of(Phase.GATE).facts["outcome"] == "skipped"
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "- [x] **PASS** overall F1 > 0.0001, measured" in report
    assert "- [ ] **NOT MEASURABLE** nobody can know" in report
    entities = load(out / "release").recognise(["Ada Lovelace met Alan Turing ."])
    assert len(entities) == 1
    evaluated = json.loads((out / "evaluation" / "report.json").read_text(encoding="utf-8"))
    assert evaluated["training"]["best_f1"] == status.of(Phase.TRAIN).facts["dev_score"]

    _, said = run(own, out, RunBackend.NATIVE, settings=settings)
    assert all("up to date" in line for line in said if not line.startswith("report:"))

    stricter = json.loads(json.dumps(GATES))
    stricter["gates"][0]["operator"] = "<"
    (own / "gates.yaml").write_text(yaml.safe_dump(stricter), encoding="utf-8")
    status, said = run(own, out, RunBackend.NATIVE, settings=settings)
    assert status.of(Phase.GATE).facts["outcome"] == "failed"
    assert status.of(Phase.PACKAGE).state is PhaseState.REFUSED
    assert not (out / "release").exists()
    assert sum("up to date" in line for line in said) == 4
    assert "[x]" not in (out / "report.md").read_text(encoding="utf-8")

    status, _ = run(own, out, RunBackend.NATIVE, settings=(*settings, "training.seed=5"))
    assert (out / "models" / "rag9_v1" / "manifest.json").is_file()
    assert status.of(Phase.TRAIN).outputs["model"] == "models/rag9_v2/run/bundle"


KILLED = """
import sys
from ossamma.pipeline.taskmaster.phases import RunBackend
from ossamma.pipeline.taskmaster.plan import plan_from
from ossamma.pipeline.taskmaster.run import RunRequest, carry_out
from ossamma.pipeline.taskmaster.workers import workers_of
import json, pathlib
plan = plan_from(json.loads(sys.argv[1]))
carry_out(RunRequest(plan=plan, out=pathlib.Path(sys.argv[2]), last="train"),
          workers_of(plan.backend))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_run_that_is_killed_while_it_trains_goes_on_in_the_same_version(inputs, tmp_path):
    out = tmp_path / "run"
    settings = (*tiny.ASSIGNMENTS, "training.epochs=8", "training.patience=40")
    plan = RunPlan(profile="rag9", built=str(inputs), settings=settings)
    command = [sys.executable, "-c", KILLED, json.dumps(plan.to_json()), str(out)]
    version = out / "models" / "rag9_v1"
    with subprocess.Popen(command) as process:
        limit = time.monotonic() + 400
        while time.monotonic() < limit and not list(version.glob("run/checkpoints/*/*")):
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    manifest = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    child = manifest["process"]["child"]
    while time.monotonic() < limit and not is_gone(manifest["process"]["host"], child):
        time.sleep(0.1)
    assert read_status(out).seen(Phase.TRAIN).state is PhaseState.LEFT
    request = RunRequest(plan=plan, out=out, last="train")
    said = []
    status = carry_out(request, workers_of(plan.backend), say=said.append)
    assert status.of(Phase.TRAIN).outputs["model"] == "models/rag9_v1/run/bundle"
    assert not version.with_name("rag9_v2").exists()
    assert any("goes on in" in line for line in said)


def test_the_spacy_backend_from_data_to_a_package(inputs, tmp_path):
    out = tmp_path / "run"
    short = ("training.max_steps=60", "training.eval_frequency=20")
    status, _ = run(inputs, out, RunBackend.SPACY, cpu=True, settings=short)
    assert {record.state for record in status.phases.values()} == {PhaseState.DONE}
    package = out / status.of(Phase.PACKAGE).outputs["package"]
    model = next(package.glob("en_rag9/en_rag9-*"))
    assert "ner" in spacy.load(model).pipe_names
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "GPU: the run is on the CPU" in report
    assert "- [x] **PASS** overall F1" in report

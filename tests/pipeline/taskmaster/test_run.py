"""The laws of a run: what is up to date is kept, what changed is made again with all after it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ossamma.pipeline.run_folder import held
from ossamma.pipeline.taskmaster.phases import NEEDS, Phase, RunBackend, all_before, phases_of
from ossamma.pipeline.taskmaster.plan import RunPlan, plan_from
from ossamma.pipeline.taskmaster.run_report import state_of
from ossamma.pipeline.taskmaster.status import STATUS_FILE, PhaseState, read_status
from ossamma.schema.errors import CheckpointError, ConfigurationError, TrainingError
from tests.pipeline.taskmaster import plain_workers
from tests.pipeline.taskmaster.plain_workers import Workshop

EVERY = [(backend, phase) for backend in RunBackend for phase in phases_of(backend)]
each_phase = pytest.mark.parametrize(("backend", "phase"), EVERY)
ROOT = Path(__file__).resolve().parents[3]


def after(backend, phase):
    """What must be made again: the phase and all that need it, in their order."""
    return [p for p in phases_of(backend) if p == phase or phase in all_before(p, backend)]


@pytest.mark.parametrize("backend", RunBackend)
def test_what_a_phase_needs_stands_before_it(backend):
    order = phases_of(backend)
    assert all(order.index(n) < order.index(p) for p in order for n in NEEDS[backend][p])


@pytest.mark.parametrize("backend", RunBackend)
def test_a_run_makes_every_phase_once(backend, tmp_path):
    workshop = Workshop(backend)
    assert workshop.run(tmp_path / "run") == list(phases_of(backend))
    states = {workshop.status.of(phase).state for phase in phases_of(backend)}
    assert states == {PhaseState.DONE}
    assert workshop.run(tmp_path / "run") == []


@each_phase
def test_a_changed_input_makes_its_phase_and_all_after_it_and_nothing_else(
    backend, phase, tmp_path
):
    workshop = Workshop(backend)
    workshop.run(tmp_path)
    workshop.knobs[phase] = "1"
    assert workshop.run(tmp_path) == after(backend, phase)
    assert workshop.resumed == []
    assert workshop.run(tmp_path) == []


@each_phase
def test_the_end_does_not_depend_on_the_way(backend, phase, tmp_path):
    short, long = Workshop(backend), Workshop(backend)
    long.run(tmp_path / "long")
    short.knobs[phase] = long.knobs[phase] = "1"
    long.run(tmp_path / "long")
    short.run(tmp_path / "short")
    for made in phases_of(backend):
        contents = [tmp_path / way / f"{made}.made" for way in ("long", "short")]
        assert contents[0].read_text() == contents[1].read_text()


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("other")])
@each_phase
def test_an_output_that_is_gone_or_altered_is_made_again(backend, phase, spoil, tmp_path):
    workshop = Workshop(backend)
    workshop.run(tmp_path)
    before = (tmp_path / f"{phase}.made").read_text()
    spoil(tmp_path / f"{phase}.made")
    # It comes out as it was, so nothing after it has changed.
    assert workshop.run(tmp_path) == [phase]
    assert (tmp_path / f"{phase}.made").read_text() == before


@each_phase
def test_a_fault_ends_the_run_there_and_it_goes_on_from_there(backend, phase, tmp_path):
    workshop = Workshop(backend)

    def fault():
        raise TrainingError("a fault | of <some> kind")

    workshop.faults[phase] = fault
    with pytest.raises(TrainingError, match="a fault"):
        workshop.run(tmp_path)
    status = read_status(tmp_path)
    assert status.of(phase).state is PhaseState.FAILED
    assert "a fault" in status.of(phase).message
    later = phases_of(backend)[phases_of(backend).index(phase) + 1 :]
    assert all(status.of(each).state is PhaseState.WAITING for each in later)
    assert r"a fault \| of &lt;some>" in (tmp_path / "report.md").read_text()
    workshop.faults.clear()
    assert workshop.run(tmp_path) == [phase, *later]
    assert workshop.resumed == [phase]


@pytest.mark.parametrize("phase", [Phase.DATA, Phase.TRAIN, Phase.PACKAGE])
@pytest.mark.parametrize("moment", ["inside", "after"])
def test_a_killed_run_goes_on(phase, moment, tmp_path):
    command = [sys.executable, plain_workers.__file__, str(tmp_path), str(phase), moment]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    order = phases_of(RunBackend.NATIVE)
    left = order[order.index(phase) + (moment == "after") :]
    status = read_status(tmp_path)
    expected = PhaseState.LEFT if moment == "inside" else PhaseState.DONE
    assert status.seen(phase).state is expected
    workshop = Workshop()
    assert workshop.run(tmp_path) == list(left)
    assert workshop.resumed == ([phase] if moment == "inside" else [])


def test_what_was_begun_with_other_inputs_is_not_resumed(tmp_path):
    workshop = Workshop()
    workshop.faults[Phase.TRAIN] = lambda: (_ for _ in ()).throw(TrainingError("no"))
    with pytest.raises(TrainingError):
        workshop.run(tmp_path)
    workshop.faults.clear()
    workshop.knobs[Phase.TRAIN] = "1"
    workshop.run(tmp_path)
    assert workshop.resumed == []


def test_from_and_to_bound_what_is_made(tmp_path):
    workshop = Workshop()
    with pytest.raises(CheckpointError, match="data is not up to date"):
        workshop.run(tmp_path, first="train")
    assert workshop.run(tmp_path, last="train") == [Phase.DATA, Phase.TRAIN]
    assert workshop.run(tmp_path, first="calibrate", last="evaluate") == ["calibrate", "evaluate"]
    workshop.knobs[Phase.DATA] = "1"
    with pytest.raises(CheckpointError, match="changed since: knob"):
        workshop.run(tmp_path, first="gate")
    with pytest.raises(ConfigurationError, match="comes after"):
        workshop.run(tmp_path, first="gate", last="train")
    with pytest.raises(ConfigurationError, match="config"):
        workshop.run(tmp_path, first="config")  # of the other backend


def test_a_refusal_is_no_success_and_ends_the_run(tmp_path):
    workshop = Workshop()
    workshop.refuses.add(Phase.PACKAGE)
    workshop.run(tmp_path)
    assert workshop.status.of(Phase.PACKAGE).state is PhaseState.REFUSED
    workshop.refuses.clear()
    assert workshop.run(tmp_path) == [Phase.PACKAGE]
    assert workshop.status.of(Phase.PACKAGE).state is PhaseState.DONE


def test_a_run_may_move(tmp_path):
    workshop = Workshop()
    workshop.run(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert workshop.run(tmp_path / "there") == []


def test_folders_of_others_and_of_other_runs_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(CheckpointError, match="choose another folder"):
        Workshop().run(tmp_path)
    Workshop().run(tmp_path / "run")
    with pytest.raises(CheckpointError, match="backend native"):
        Workshop(RunBackend.SPACY).run(tmp_path / "run")
    with held(tmp_path / "run"), pytest.raises(CheckpointError, match="another process"):
        Workshop().run(tmp_path / "run")


def test_a_damaged_status_is_told_and_never_overwritten(tmp_path):
    Workshop().run(tmp_path)
    (tmp_path / STATUS_FILE).write_text('{"phases": ')
    with pytest.raises(CheckpointError, match="cannot read"):
        Workshop().run(tmp_path)
    assert (tmp_path / STATUS_FILE).read_text() == '{"phases": '


def test_the_status_is_always_whole(tmp_path):
    """Whoever looks at any moment sees a file that can be read, with at most one phase at work."""
    seen = []
    workshop = Workshop()

    class Looks(list):
        def append(self, line):
            content = json.loads((tmp_path / STATUS_FILE).read_text())
            seen.append([row["state"] for row in content["phases"].values()])

    workshop.run(tmp_path, said=Looks())
    assert len(seen) > len(phases_of(RunBackend.NATIVE))
    assert all(states.count("running") <= 1 for states in seen)


def test_a_full_disk_leaves_its_reason_where_it_can(tmp_path):
    workshop = Workshop()

    def full():
        raise OSError(28, "No space left on device")

    workshop.faults[Phase.CALIBRATE] = full
    said = []
    with pytest.raises(OSError, match="No space left"):
        workshop.run(tmp_path, said=said)
    assert read_status(tmp_path).of(Phase.CALIBRATE).state is PhaseState.FAILED
    assert any(re.match(r"calibrate: failed: OSError: .*No space", line) for line in said)


def test_what_was_made_from_something_older_is_out_of_date(tmp_path):
    workshop = Workshop()
    workshop.run(tmp_path)
    workshop.knobs[Phase.TRAIN] = "1"
    workshop.run(tmp_path, last="train")
    states = {phase: state_of(workshop.status, phase) for phase in phases_of(RunBackend.NATIVE)}
    old = after(RunBackend.NATIVE, Phase.TRAIN)[1:]
    assert {phase for phase, state in states.items() if state == "out of date"} == set(old)
    assert all(state == "done" for phase, state in states.items() if phase not in old)


def test_a_plan_goes_through_the_status_and_leaves_secrets_out(tmp_path):
    plan = RunPlan(profile="p", settings=("a.b=1",), own=("x:conll",), notify=("json://key@host",))
    kept = json.loads(json.dumps(plan.to_json()))
    assert "key" not in json.dumps(kept)
    assert plan_from(kept, notify=plan.notify) == plan
    with pytest.raises(CheckpointError, match="colour"):
        plan_from(kept | {"colour": 1})


def test_options_of_the_other_backend_are_refused():
    with pytest.raises(ConfigurationError, match="--vram: not of the backend native"):
        RunPlan(profile="p", vram=8.0)
    with pytest.raises(ConfigurationError, match="--preset, --init"):
        RunPlan(profile="p", backend=RunBackend.SPACY, preset="mini", init="x")
    with pytest.raises(ConfigurationError, match="leave out --policy"):
        RunPlan(profile="p", built="x", policy="y")


def test_nothing_is_ticked_that_was_not_measured(tmp_path):
    workshop = Workshop()
    workshop.run(tmp_path, last="train")
    report = (tmp_path / "report.md").read_text()
    assert "[x]" not in report
    assert "Nothing is ticked" in report

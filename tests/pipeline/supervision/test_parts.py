"""The parts of the supervisor by themselves: verdicts, versions, schedules, lines, children."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import warmup_linear

from ossamma.pipeline.supervision.child import run_child, tail_of
from ossamma.pipeline.supervision.faults import Ending, Verdict, verdict_of
from ossamma.pipeline.supervision.gpu import watch_gpu
from ossamma.pipeline.supervision.looks import StallClock
from ossamma.pipeline.supervision.progress import ProgressFile
from ossamma.pipeline.supervision.spacy_attempts import shifted_schedule
from ossamma.pipeline.supervision.versions import claim_version, latest_version, versions_of
from ossamma.schema.errors import CheckpointError
from ossamma.spacy_path.progress_lines import progress_lines


@pytest.mark.parametrize(
    ("code", "log", "ending"),
    [
        (0, "CUDA out of memory", Ending.FINISHED),
        (1, "x\ntorch.OutOfMemoryError: CUDA out of memory. Tried", Ending.OUT_OF_MEMORY),
        (1, "cupy.cuda.memory.OutOfMemoryError: Out of memory", Ending.OUT_OF_MEMORY),
        (
            1,
            "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried",
            Ending.OUT_OF_MEMORY,
        ),
        (1, "a\nMemoryError", Ending.OUT_OF_MEMORY),
        (1, "the word MemoryError in a text\nValueError: no", Ending.CRASHED),
        (1, "OSError: [Errno 28] No space left on device", Ending.DISK_FULL),
        (-9, "CUDA out of memory", Ending.KILLED),
        (-15, "", Ending.KILLED),
        (3, "", Ending.CRASHED),
    ],
)
def test_a_verdict_follows_from_code_and_log(code, log, ending):
    assert verdict_of(code, log).ending == ending


def test_a_crash_is_told_in_the_words_of_its_last_error():
    log = "KeyError: 'a'\n  during ...\nValueError: [E955] the table\n"
    assert verdict_of(1, log).message.endswith("ValueError: [E955] the table")


def test_versions_only_grow(tmp_path):
    out = tmp_path / "new" / "m[1]"
    assert versions_of(out) == []
    made = [claim_version(out) for _ in range(11)]
    assert [path.name for path in made] == [f"m[1]_v{n}" for n in range(1, 12)]
    (tmp_path / "new" / "m[1]_v99x").mkdir()
    (tmp_path / "new" / "other_v50").mkdir()
    assert versions_of(out) == made
    assert latest_version(out) == made[-1]
    assert latest_version(made[2]) == made[2]
    with pytest.raises(CheckpointError, match="no run"):
        latest_version(tmp_path / "none")


@given(st.integers(0, 50), st.integers(51, 400), st.integers(0, 399), st.integers(0, 60))
def test_a_shifted_schedule_gives_the_same_rates_at_the_same_moments(warmup, total, done, later):
    rate = {"warmup_steps": warmup, "total_steps": total, "initial_rate": 1e-3}
    if not warmup <= done < total:
        return
    shifted = shifted_schedule({"@schedules": "warmup_linear.v1", **rate}, done)
    shifted.pop("@schedules")
    before, after = warmup_linear(**rate), warmup_linear(**shifted)
    expected = next(islice(before, done + later, None))
    assert next(islice(after, later, None)) == pytest.approx(expected, abs=1e-12)


def test_lines_of_the_logger_are_read_while_they_are_written(tmp_path):
    path = tmp_path / "progress.jsonl"
    progress = ProgressFile(path)
    assert progress.read() == 0
    log_step, finish = progress_lines(str(path))(None)
    info = {
        "step": 1,
        "epoch": 0,
        "score": 0.5,
        "losses": {"ner": float("nan")},
        "other_scores": {"ents_f": 0.5, "ents_per_type": {}},
        "words": 9,
    }
    log_step(None)
    log_step(info)
    assert progress.read() == 2
    assert progress.last_step == 1
    (evaluation,) = progress.evaluations
    assert (evaluation.score, evaluation.is_finite) == (0.5, False)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 2')
        file.flush()
        assert progress.read() == 0
        file.write(', "time": 0}\n')
    assert progress.read() == 1
    finish()
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def test_a_stall_is_time_without_movement():
    now = [0.0]
    clock = StallClock(10.0, lambda: now[0])
    now[0] = 9.0
    assert clock.verdict(has_moved=True) is None
    now[0] = 18.0
    assert clock.verdict(has_moved=False) is None
    now[0] = 20.0
    assert clock.verdict(has_moved=False).ending == Ending.STALLED


def test_a_child_and_its_children_end_when_they_must(tmp_path):
    code = (
        "import subprocess, sys, time; "
        "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
        "print(c.pid, flush=True); time.sleep(99)"
    )
    log = tmp_path / "log"
    halt = Verdict(Ending.STALLED, "enough")

    def look():
        return halt if log.read_text(encoding="utf-8").strip() else None

    report = run_child([sys.executable, "-c", code], log=log, look=look, every_seconds=0.05)
    assert (report.code, report.stopped) == (-signal.SIGTERM, halt)
    grandchild = int(tail_of(log))
    limit = time.monotonic() + 20
    while time.monotonic() < limit and _lives(grandchild):
        time.sleep(0.05)
    assert not _lives(grandchild)


def test_a_child_that_ends_by_itself_is_left_to_it(tmp_path):
    command = [sys.executable, "-c", "import sys; print('x' * 60_000); sys.exit(7)"]
    report = run_child(command, log=tmp_path / "log", look=lambda: None, every_seconds=0.05)
    assert (report.code, report.stopped) == (7, None)
    assert len(tail_of(tmp_path / "log")) == 50_000


def test_where_there_is_no_gpu_it_says_so():
    assert watch_gpu(-1).summary() == {"absent": "the run is on the CPU"}
    watch = watch_gpu(0)
    if not watch.absent:
        pytest.skip("needs a machine without an NVIDIA driver")
    assert watch.sample() == ""


def _lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A process that nobody waited for is still in the table.
    with open(f"/proc/{process}/stat", encoding="utf-8") as file:  # noqa: PTH123
        return file.read().rpartition(")")[2].split()[0] != "Z"

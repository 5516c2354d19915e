"""On Ray the same bytes come out as in one process, whatever happens to the workers or to Ray."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from ossamma.data.readers.jsonl import jsonl_line, write_jsonl
from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.ray_engine import RayEngine, RaySettings
from ossamma.ingestion.sharded.work import LocalEngine
from ossamma.pipeline.extract import ExtractRequest, extract, extract_to
from ossamma.schema.errors import ConfigurationError
from tests import tiny
from tests.ingestion.sharded import names

ROOT = Path(__file__).resolve().parents[3]
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")
pytestmark = pytest.mark.timeout(280)


def written(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("part-*")}


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigurationError, match="workers must be >= 1, got 0"):
        RaySettings(workers=0)
    with pytest.raises(ConfigurationError, match="object_store_bytes must be"):
        RaySettings(object_store_bytes=1000)


def test_nothing_to_do_starts_nothing(tmp_path):
    assert list(RayEngine(RaySettings()).run(names.work(tmp_path), [])) == []


WORK = """
import sys
from contextlib import redirect_stdout
from pathlib import Path
from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.ray_engine import RayEngine, RaySettings
from tests.ingestion.sharded import names
source, out, marks = map(Path, sys.argv[1:])
shards = plan([source], PlanSettings(documents=True, shard_bytes=1))
with redirect_stdout(sys.stderr):
    for outcome in RayEngine(RaySettings(workers=2)).run(names.work(out, marks=marks), shards):
        print(outcome.number, outcome.fault, file=sys.__stdout__)
"""


def start(folder, *words):
    """Start Python in a session of its own, whose temporary files are in the folder."""
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": path, "COLUMNS": "300"},
        start_new_session=True,
    )


@pytest.fixture
def temporary():
    """A folder whose path is short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        yield Path(folder)


@needs_ray
@pytest.mark.slow
def test_workers_that_die_and_lines_that_are_bad_cost_only_themselves(tmp_path, temporary):
    source = tmp_path / "a.jsonl"
    texts = ["Ada", "DIE", "in Oslo", "Ada", None, "Oslo", "Ada", "no one"]
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    shards = plan([source], PlanSettings(documents=True, shard_bytes=1))
    out, twin, marks = tmp_path / "out", tmp_path / "twin", tmp_path / "marks"
    for folder in (out, twin, marks):
        folder.mkdir()
    process = start(temporary, "-c", WORK, source, out, marks)
    said, complained = process.communicate()
    assert process.returncode == 0, complained
    faults = dict(line.split(" ", 1) for line in said.splitlines())
    assert sorted(faults, key=int) == [str(number) for number in range(8)]
    assert "its worker died 3 times in it" in faults.pop("1")
    assert 'a.jsonl:5: expected "text" to be a string' in faults.pop("4")
    assert set(faults.values()) == {""}
    healthy = [shard for shard in shards if shard.number not in (1, 4)]
    list(LocalEngine().run(names.work(twin), healthy))
    assert written(out) == written(twin)
    # Once in each of two workers, and once more after each death.
    assert 2 <= len(list(marks.iterdir())) <= 5
    assert "Traceback" not in complained
    assert list(temporary.glob("ossamma-*")) == []


def wait_for(process, out, number):
    """Wait until so many parts are there."""
    while process.poll() is None and len(written(out)) < number:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()


def listening(folder):
    """The addresses on which the processes of a Ray listen, whose session lies in a folder."""
    return {
        connection.laddr.ip
        for process in processes_of(folder)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def processes_of(folder):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


@needs_ray
@pytest.mark.slow
def test_ray_is_killed_then_interrupted_and_what_is_missing_is_done_elsewhere(
    tmp_path, temporary, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_jsonl(Path("a.jsonl"), tiny.documents(240, seed=3))
    ray = ["-m", "ossamma.cli.app", "extract", "--documents", "--shard-size", "0.002", "--json"]
    ray += ["a.jsonl", "--engine", "ray", "--out", "out"]

    process = start(temporary, *ray)
    wait_for(process, "out", 2)
    assert listening(temporary) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = written("out")

    process = start(temporary / "2", *ray)
    wait_for(process, "out", len(killed) + 2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert (process.returncode, said) == (130, "")
    assert list((temporary / "2").glob("ossamma-*")) == []
    interrupted = written("out")
    assert killed.items() <= interrupted.items()

    settings = PlanSettings(documents=True, shard_bytes=round(0.002 * 2**20))
    request = ExtractRequest(files=(Path("a.jsonl"),), plan=settings)
    report = extract_to(Path("out"), request, LocalEngine())
    assert report.known == len(interrupted) < report.shards
    whole = "".join(jsonl_line(document, found) for document, found in extract(request))
    parts = written("out")
    assert b"".join(parts[name] for name in sorted(parts)).decode() == whole
    assert len(whole.splitlines()) == 240
    for process in processes_of(temporary / "2"):
        assert process.wait(10) is not None

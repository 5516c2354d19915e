"""A sharded extraction can be ended at any moment: begun again it does only what is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from ossamma.ingestion.sharded.folder import DONE_FILE, JOB_FILE, ShardFolder
from ossamma.ingestion.sharded.planning import PlanSettings, plan
from ossamma.ingestion.sharded.work import LocalEngine
from ossamma.schema.errors import DataError
from tests.ingestion.sharded import names

JOB = {"bundle": "a"}


def written(folder):
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


@pytest.fixture
def shards(tmp_path):
    return shards_of(tmp_path, [f"Ada {number} in Oslo" for number in range(6)])


def shards_of(folder, texts):
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return plan([path], PlanSettings(documents=True, shard_bytes=1))


def run(folder, shards, job=JOB, **options):
    """What a run does; returns the numbers of the shards that it worked on."""
    with ShardFolder(folder, job) as place:
        missing = place.missing(shards)
        outcomes = list(LocalEngine().run(names.work(folder, **options), missing))
        if not any(outcome.fault for outcome in outcomes):
            place.finish(shards)
    return [outcome.number for outcome in outcomes]


def test_every_shard_is_a_file_in_order(tmp_path, shards):
    out = tmp_path / "new" / "out"
    assert run(out, shards) == [0, 1, 2, 3, 4, 5]
    lines = [json.loads(content) for _, content in sorted(written(out).items())]
    assert [line["text"] for line in lines] == [f"Ada {number} in Oslo" for number in range(6)]
    assert [len(line["entities"]) for line in lines] == [2] * 6
    assert json.loads((out / DONE_FILE).read_text()) == {"parts": 6}


def test_again_does_nothing_and_then_only_what_is_gone(tmp_path, shards):
    run(tmp_path / "out", shards)
    whole = written(tmp_path / "out")
    assert run(tmp_path / "out", shards) == []
    for number in (1, 4):
        (tmp_path / "out" / shards[number].file_name).unlink()
    assert run(tmp_path / "out", shards) == [1, 4]
    assert written(tmp_path / "out") == whole


def test_changed_input_is_read_anew_and_its_old_part_goes(tmp_path, shards):
    out = tmp_path / "out"
    run(out, shards)
    texts = [f"Ada {number} in Oslo" for number in range(6)]
    texts[2] = "Bob 2 in Oslo"
    changed = shards_of(tmp_path, texts[:5])
    assert run(out, changed) == [2]
    assert sorted(written(out)) == [shard.file_name for shard in changed]


def test_another_job_leaves_the_folder_alone(tmp_path, shards):
    run(tmp_path / "out", shards)
    whole = written(tmp_path / "out")
    with pytest.raises(DataError, match="was begun with bundle 'a', now it is 'b'"):
        run(tmp_path / "out", shards, {"bundle": "b"})
    assert written(tmp_path / "out") == whole


def test_a_folder_of_something_else_is_refused(tmp_path, shards):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds thesis.txt and no job.json"):
        run(tmp_path / "out", shards)


def test_a_damaged_job_is_refused(tmp_path, shards):
    run(tmp_path / "out", shards)
    (tmp_path / "out" / JOB_FILE).write_text("{")
    with pytest.raises(DataError, match=r"job.json: expected the facts of a run"):
        run(tmp_path / "out", shards)


def test_two_at_once_are_one_too_many(tmp_path, shards):
    with (
        ShardFolder(tmp_path / "out", JOB),
        pytest.raises(DataError, match="another process writes"),
    ):
        run(tmp_path / "out", shards)


def test_a_part_that_is_elsewhere_is_missed(tmp_path, shards):
    with (
        ShardFolder(tmp_path / "out", JOB) as place,
        pytest.raises(DataError, match="its worker wrote it elsewhere"),
    ):
        place.finish(shards)


def test_a_bad_line_costs_its_shard_and_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "Ada"}\n{"id": "Bob"}\n{"text": "Oslo"}\n')
    shards = plan([path], PlanSettings(documents=True, shard_bytes=1))
    outcomes = list(LocalEngine().run(names.work(tmp_path), shards))
    assert [outcome.number for outcome in outcomes if outcome.fault] == [1]
    assert 'a.jsonl:2: expected the key "text"' in outcomes[1].fault
    assert sorted(written(tmp_path)) == [shards[0].file_name, shards[2].file_name]


KILLED = """
import sys
import time
from pathlib import Path
from tests.ingestion.sharded import test_folder
shards = test_folder.plan([Path(sys.argv[1])],
                          test_folder.PlanSettings(documents=True, shard_bytes=1))
test_folder.run(Path(sys.argv[2]), shards)
"""


def start(path, out):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), str(out)],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(["src", "."])},
    )


def test_a_kill_costs_the_shards_under_way_and_leaves_no_rubbish(tmp_path):
    shards = shards_of(tmp_path, [f"Ada {number} WAIT" for number in range(12)])
    run(tmp_path / "whole", shards)
    out = tmp_path / "out"
    process = start(tmp_path / "a.jsonl", out)
    while process.poll() is None and len(written(out)) < 3:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = written(out)
    assert 3 <= len(before) < 12
    assert len(run(out, shards)) == 12 - len(before)
    assert written(out) == written(tmp_path / "whole")
    assert sorted(path.name for path in out.iterdir() if path.name.startswith(".")) == [".lock"]


def test_a_text_that_kills_its_worker_is_given_up_after_three_deaths(tmp_path):
    shards = shards_of(tmp_path, ["Ada", "DIE", "Oslo"])
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from ossamma.ingestion.sharded.shards import Shard\n"
        "from tests.ingestion.sharded import names\n"
        "worker = names.work(Path(sys.argv[1])).begin()\n"
        "print(worker.extract(Shard.from_json(sys.argv[2])).fault)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), shards[1].to_json()],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(["src", "."])},
        )
        for _ in range(4)
    ]
    assert [one.returncode for one in said] == [9, 9, 9, 0]
    assert "its worker died 3 times in it" in said[3].stdout

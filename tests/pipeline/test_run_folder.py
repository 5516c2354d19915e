"""A run folder belongs to one run, is never half of one, and says what hinders."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest
from safetensors import SafetensorError

from ossamma.pipeline.run_folder import (
    CORPUS_FOLDER,
    RUN_FILE,
    claim_run,
    clear_run,
    disk_faults,
    held,
    read_record,
    recorded,
    refuse_used,
    rejoin_run,
)
from ossamma.schema.errors import CheckpointError, TrainingError

DIVISION = {"batch_size": 8, "gradient_accumulation_steps": 3}
RECORD = {
    "status": "running",
    "profile": "native",
    "types": ["PERSON"],
    "closed_world": [],
    "init": None,
    "recipe": {"preset": "mini", "training": {"epochs": 3, "seed": 1} | DIVISION},
    "data": {
        name: {"path": name, "sha256": "0", "format": "conll", "table": None, "mapped": []}
        for name in ("train", "dev", "test")
    },
    "versions": {"torch": "2"},
    "machine": {"threads": 1},
}


def changed(path, value):
    record = copy.deepcopy(RECORD)
    place = record
    *way, last = path.split(".")
    for name in way:
        place = place[name]
    place[last] = value
    return record


def test_a_claimed_folder_holds_its_record(tmp_path):
    with held(tmp_path / "a" / "b"):
        claim_run(tmp_path / "a" / "b", RECORD)
    assert read_record(tmp_path / "a" / "b") == RECORD
    with pytest.raises(CheckpointError, match=r"is not empty; choose another .* --resume"):
        claim_run(tmp_path / "a" / "b", RECORD)


HOLDER = """
import sys, time
from pathlib import Path
from ossamma.pipeline.run_folder import held
with held(Path(sys.argv[1])):
    (Path(sys.argv[1]) / "run.json").write_text("{}")
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_writes_and_one_that_was_killed_holds_nothing(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        refusal = r"another process is writing into .*run; wait"
        with pytest.raises(CheckpointError, match=refusal), held(tmp_path / "run"):
            pytest.fail("two processes hold one folder")
        process.kill()
        process.wait()
    with held(tmp_path / "run"):
        pass
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


def test_a_folder_made_for_nothing_does_not_stay(tmp_path):
    with pytest.raises(ValueError, match="broken"), held(tmp_path / "run"):
        raise ValueError("broken")
    assert not (tmp_path / "run").exists()


def test_an_empty_folder_and_one_with_its_corpus_are_free(tmp_path):
    refuse_used(tmp_path)
    (tmp_path / CORPUS_FOLDER).mkdir()
    claim_run(tmp_path, RECORD)


def test_looking_writes_nothing(tmp_path):
    refuse_used(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["thesis.txt", RUN_FILE, ".hidden"])
def test_anything_else_is_in_the_way(tmp_path, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(CheckpointError, match="is not empty"):
        refuse_used(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match=r"cannot use .*file as a run folder"):
        refuse_used(tmp_path / "file")
    with pytest.raises(CheckpointError, match=r"cannot (use|make)"):
        claim_run(tmp_path / "file" / "below", RECORD)


def test_the_same_run_is_rejoined(tmp_path):
    claim_run(tmp_path, RECORD)
    assert rejoin_run(tmp_path, RECORD) == []


def test_a_test_file_may_come_and_go(tmp_path):
    claim_run(tmp_path, RECORD)
    assert rejoin_run(tmp_path, changed("data.test.sha256", "1")) == []
    without = copy.deepcopy(RECORD)
    del without["data"]["test"]
    assert rejoin_run(tmp_path, without) == []
    assert rejoin_run(tmp_path, RECORD) == []


def test_a_step_may_be_divided_otherwise_if_it_sees_as_many_windows(tmp_path):
    claim_run(tmp_path, RECORD)
    divided = changed("recipe.training.batch_size", 4)
    with pytest.raises(CheckpointError, match="windows_per_step was 24, now it is 12"):
        rejoin_run(tmp_path, divided)
    divided["recipe"]["training"]["gradient_accumulation_steps"] = 6
    (warning,) = rejoin_run(tmp_path, divided)
    assert "batch_size was 8, now it is 4" in warning


def test_moved_files_are_the_same_files(tmp_path):
    claim_run(tmp_path, RECORD)
    assert rejoin_run(tmp_path, changed("data.train.path", "elsewhere")) == []


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("profile", "rag9", "profile was native, now it is rag9"),
        ("types", ["SHIP"], r"types was \['PERSON'\], now it is \['SHIP'\]"),
        ("init", {"path": "x", "sha256": "1"}, "init was None, now it is 1"),
        ("recipe.training.epochs", 4, r"recipe\.training\.epochs was 3, now it is 4"),
        ("data.train.sha256", "1", r"data\.train\.sha256 was 0, now it is 1"),
        ("data.train.table", "wnut17", r"data\.train\.table was None, now it is wnut17"),
        ("data.dev.sha256", "1", r"data\.dev\.sha256 was 0, now it is 1"),
        ("data.dev.mapped", [["a", "B", 1]], r"data\.dev\.mapped was \[\], now it is"),
        ("closed_world", ["PERSON"], r"closed_world was \[\], now it is \['PERSON'\]"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, path, value, complaint):
    claim_run(tmp_path, RECORD)
    with pytest.raises(CheckpointError, match=complaint) as refusal:
        rejoin_run(tmp_path, changed(path, value))
    assert "seed" not in str(refusal.value), "only what differs is named"
    assert read_record(tmp_path) == RECORD


def test_other_circumstances_are_warned_of(tmp_path):
    claim_run(tmp_path, RECORD)
    [warning] = rejoin_run(tmp_path, changed("machine.threads", 2))
    assert warning.endswith("undisturbed run: threads was 1, now it is 2")


def test_leftovers_of_unfinished_bundles_go(tmp_path):
    claim_run(tmp_path, RECORD)
    (tmp_path / ".best.0123").mkdir()
    (tmp_path / ".bundle.0123").mkdir()
    rejoin_run(tmp_path, RECORD)
    assert [path.name for path in tmp_path.iterdir()] == [RUN_FILE]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "cannot read"),
        ("[]", "expected an object, got list"),
        ("{}", "is not a record of this version"),
        ('{"profile": 1}', "is not a record of this version"),
    ],
)
def test_a_record_that_is_none_is_refused(tmp_path, content, complaint):
    (tmp_path / RUN_FILE).write_text(content)
    with pytest.raises(CheckpointError, match=complaint):
        rejoin_run(tmp_path, RECORD)


def test_a_folder_without_a_record_is_no_run(tmp_path):
    with pytest.raises(CheckpointError, match=r"is not a run: expected run\.json in it"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("error", "status"), [(TrainingError("NaN"), "failed"), (KeyboardInterrupt(), "interrupted")]
)
def test_how_it_ended_is_written_down(tmp_path, error, status):
    claim_run(tmp_path, RECORD)
    with pytest.raises(type(error)), recorded(tmp_path, RECORD):
        raise error
    record = read_record(tmp_path)
    assert record["status"] == status
    assert record["reason"] == f"{type(error).__name__}: {error}"


def test_a_good_end_is_written_by_who_knows_it(tmp_path):
    claim_run(tmp_path, RECORD)
    with recorded(tmp_path, RECORD):
        pass
    assert read_record(tmp_path) == RECORD


def test_clearing_takes_a_run_away_and_leaves_the_folder(tmp_path):
    claim_run(tmp_path, RECORD)
    for name in ("checkpoints", "bundle", "best", "tensorboard", ".best.12", CORPUS_FOLDER):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    (tmp_path / "metrics.jsonl").write_text("{}")
    clear_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_clearing_takes_nothing_if_anything_is_foreign(tmp_path):
    claim_run(tmp_path, RECORD)
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(CheckpointError, match=r"holds thesis\.txt, which no run has written"):
        clear_run(tmp_path)
    assert json.loads((tmp_path / RUN_FILE).read_text()) == RECORD


@pytest.mark.parametrize("name", ["bundle", "best", "metrics.json"])
def test_clearing_takes_nothing_without_the_record_of_a_run(tmp_path, name):
    """A bundle that was put here alone is no earlier run."""
    (tmp_path / name).mkdir()
    with pytest.raises(CheckpointError, match="is not a run"):
        clear_run(tmp_path)
    assert (tmp_path / name).is_dir()


def test_clearing_does_not_follow_links(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "run").mkdir()
    claim_run(tmp_path / "run", RECORD)
    (tmp_path / "run" / "best").symlink_to(tmp_path / "precious")
    clear_run(tmp_path / "run")
    assert (tmp_path / "precious" / "file").read_text() == "x"


def test_clearing_nothing_is_nothing(tmp_path):
    clear_run(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "fault",
    [
        SafetensorError("I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_is_explained(tmp_path, fault):
    with (
        pytest.raises(CheckpointError, match=r"cannot write into .*full.*--resume"),
        disk_faults(tmp_path),
    ):
        raise fault


def test_other_faults_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="shapes"), disk_faults(tmp_path):
        raise RuntimeError("shapes cannot be multiplied")

"""`ossamma runs` lists, shows and compares, for people and machines, on narrow terminals, too."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ossamma.pipeline.run_states import RunKind, RunStatus
from tests import tiny
from tests.pipeline.run_folders import metrics, record, write_run

PAGES = Path(__file__).resolve().parents[2] / "docs"
DOCS = (PAGES / "experiment-book.md").read_text(encoding="utf-8")


def console_commands(page):
    """The arguments of each `$ ossamma ...` line of a page."""
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line.removeprefix("$ ossamma ")) for line in lines]


@pytest.fixture
def book(tmp_path):
    """Runs of several kinds below `runs`."""
    runs = tmp_path / "runs"
    write_run(runs / "a", record(), metrics(0.5, 0.4))
    write_run(runs / "b", record(profile="rag9"), metrics(0.75, 0.3))
    write_run(runs / "c", record(status="failed", reason="OutOfMemory: [red]no[/red]"))
    write_run(runs / "p", record(kind="pretraining", profile=None, scores={"perplexity": 12.5}))
    return runs


def names(result):
    assert result.exit_code == 0, result.stderr
    return [entry["name"] for entry in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], "abcp"),
        (["--sort", "dev"], "bacp"),
        (["--sort", "test", "--reverse"], "bacp"),
        (["--status", "finished"], "abp"),
        (["--status", "failed", "--status", "left"], "c"),
        (["--kind", "pretraining"], "p"),
        (["--profile", "rag9"], "b"),
        (["--profile", "rag9", "--status", "failed"], ""),
    ],
)
def test_runs_are_chosen_and_sorted(ossamma, book, options, wanted):
    found = names(ossamma("runs", "list", "--json", *options))
    if "--sort" in options:  # unfinished runs and those without scores are equals at the end
        found = [name for name in found if not name.endswith("p")] + ["runs/p"]
    assert found == [f"runs/{letter}" for letter in wanted]


def test_people_see_what_differs_and_once_what_does_not(ossamma, book):
    shown = ossamma("runs", "list", "runs", "--kind", "training").stdout
    assert shown.startswith("3 runs in runs, all training, mini\n")
    assert "0.7500" in shown
    assert "2026-11-22 10:00" in shown
    assert "Perplexity" not in shown
    assert "c: OutOfMemory: [red]no[/red]" in shown
    assert "12.50" in ossamma("runs", "list").stdout


def test_a_narrow_terminal_shows_the_scores_first(ossamma, book, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    shown = ossamma("runs", "list").stdout
    assert max(map(len, shown.splitlines()[1:-2])) <= 60
    for heading in ("Run", "Dev F1", "Test F1"):
        assert heading in shown
    assert "a wider terminal, or --json, also shows: Steps" in shown


def test_a_pipe_gets_whole_lines(ossamma, tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS")
    name = "a-run-with-a-name-" + "x" * 150
    write_run(tmp_path / "runs" / name, record(), metrics())
    shown = ossamma("runs", "list").stdout
    line = next(line for line in shown.splitlines() if name in line)
    assert "0.4000" in line
    assert "finished" in line


def test_nothing_found_is_said(ossamma, tmp_path):
    (tmp_path / "runs").mkdir()
    assert "no such run below runs" in ossamma("runs", "list").stdout
    result = ossamma("runs", "list", "nowhere")
    assert result.exit_code == 2
    assert "expected a folder with runs" in result.stderr


def test_a_run_is_shown_whole(ossamma, trained):
    shown = ossamma("runs", "show", trained.request.out).stdout
    dev = trained.outcome.dev
    for wanted in (
        f"{dev.micro.f1:.4f}",
        "PERSON",
        "training.learning_rate",
        "train.documents",
        "training loss: ",
        "dev F1: ",
        "torch",
    ):
        assert wanted in shown
    content = json.loads(ossamma("runs", "show", trained.request.out, "--json").stdout)
    assert content["record"]["status"] == "finished"
    assert content["entry"]["dev_f1"] == dev.micro.f1
    assert content["log"]


def test_damage_is_told_without_a_traceback(ossamma, tmp_path):
    write_run(tmp_path / "a")
    for verb in (("show", "a"), ("compare", "a", "a"), ("show", "nowhere")):
        result = ossamma("runs", *verb)
        assert result.exit_code == 2
        assert "is not a run that can be read" in result.stderr


def test_two_runs_are_compared(ossamma, book):
    shown = ossamma("runs", "compare", "runs/a", "runs/b").stdout
    assert "1: runs/a, against which the others stand" in shown
    assert "0.3000 (-0.1000)" in shown
    assert "0.7500 (+0.2500)" in shown
    assert "the same: data, versions, machine" in shown
    assert "training loss, from 1.0000 to 2.0000" in shown
    assert "█▁" in shown
    assert "note: no test of significance: runs/a has kept no answers" in shown


def test_answers_that_were_kept_are_tested(ossamma, trained):
    run = trained.request.out
    content = json.loads(ossamma("runs", "compare", run, run, "--json").stdout)
    assert content["notes"] == []
    assert content["settings"] == {}
    [paired] = content["significance"]
    assert paired["micro"]["f1"]["difference"] == 0.0
    shown = ossamma("runs", "compare", run, run).stdout
    assert "p (swaps)" in shown
    assert "have the same micro F1" in shown
    assert "note" not in shown


def test_other_documents_are_asked_for_by_name(ossamma, trained):
    run = trained.request.out
    result = ossamma("runs", "compare", run, run, "--gold", trained.request.dev, "--json")
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["significance"]) == 1


def test_one_run_cannot_be_compared(ossamma, book):
    result = ossamma("runs", "compare", "runs/a")
    assert result.exit_code == 2
    assert "at least two" in result.stderr


def test_names_cannot_obey_the_terminal(ossamma, tmp_path):
    write_run(tmp_path / "runs" / "a\x1b[31m", record(profile="p\x1b]0;x"), metrics())
    for arguments in (("list",), ("show", "runs/a\x1b[31m")):
        assert "\x1b" not in ossamma("runs", *arguments).stdout


@pytest.mark.e2e
def test_the_commands_of_the_page_work(ossamma, files, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ossamma")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    # A store of files: that of a database has a library warn of what it will change one day.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    for name, path in files.items():
        shutil.copyfile(path, tmp_path / f"{name}.conll")
    tiny.write_conll(tmp_path / "other.conll", tiny.documents(5, seed=7))
    (tmp_path / "searches").mkdir()
    small = [part for setting in tiny.ASSIGNMENTS for part in ("--set", setting)]
    commands = console_commands(DOCS)
    assert len(commands) == 8
    for command in commands:
        if "mlflow" in command and find_spec("mlflow") is None:
            continue
        result = ossamma(*command, *(small if command[0] == "train" else ()))
        assert result.exit_code == 0, f"{command}\n{result.stderr}"
    assert "model.use_crf" in ossamma("runs", "compare", "runs/a", "runs/b").stdout
    listed = json.loads(ossamma("runs", "list", "--json").stdout)
    assert {run["status"] for run in listed} == {"finished"}


def test_the_page_has_every_kind_and_status():
    named = set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| (.*?) \|", DOCS, re.MULTILINE))))
    assert named >= {kind.value for kind in RunKind} | {status.value for status in RunStatus}


LIGHT = """
import sys
from ossamma.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as stop:
    assert not stop.code, stop.code
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("verb", ["list", "show", "compare"])
def test_the_book_is_read_without_torch(trained, verb):
    run = trained.request.out
    arguments = {"list": [run.parent], "show": [run], "compare": [run, run]}[verb]
    command = [sys.executable, "-c", LIGHT, "runs", verb, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "0." in done.stdout

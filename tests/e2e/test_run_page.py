"""The commands of the page on runs succeed as they stand, in order, on small files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.recipe import parse_assignments
from tests import tiny

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "run.md").read_text(encoding="utf-8")
GATES = """
gates:
  - {name: F1, source: this test, metric: f1, average: micro, operator: ">", threshold: 0.0001,
     max_width: 1}
  - {name: praise, source: this test, not_measurable: nobody asks, if_not_measured: skip}
"""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the files that the page speaks of."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "built").mkdir()
    for seed, (name, size) in enumerate({"train": 200, "dev": 30, "test": 40}.items()):
        write_jsonl(folder / "built" / f"{name}.jsonl", tiny.documents(size, seed, name))
    settings = parse_assignments(tiny.ASSIGNMENTS)
    (folder / "small.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "mine.yaml").write_text(GATES, encoding="utf-8")
    return folder


def run(words, folder):
    return subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_the_page_ends_as_it_says(folder):
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) >= 5
    for line in lines:
        command, _, remark = line.partition("#")
        found = re.search(r"exits with (\d)", remark)
        name, *words = shlex.split(command)
        assert name == "ossamma"
        done = run(words, folder)
        expected = int(found[1]) if found else 0
        assert done.returncode == expected, f"{line}: {done.stdout}{done.stderr}"
    assert "[x] **PASS** F1" in (folder / "runs" / "a" / "report.md").read_text(encoding="utf-8")
    assert (folder / "runs" / "b" / "models" / "rag9_v1" / "model-best").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "give PROFILE and --out RUN"),
        (["run", "rag9"], "give PROFILE and --out RUN"),
        (["run", "--status", "nowhere"], "nowhere is no run"),
        (["run", "rag9", "--out", "x", "--cpu"], "--cpu: not of the backend native"),
        (["run", "rag9", "--out", "x", "--to", "trian"], "'trian'"),
        (["run", "rag9", "--out", "x", "--built", "nowhere"], "expected the documents of train"),
    ],
)
def test_faults_of_options_exit_with_2_and_say_how(words, message, tmp_path):
    done = run(words, tmp_path)
    assert done.returncode == 2
    assert message in " ".join((done.stdout + done.stderr).replace("│", " ").split())


def test_the_script_is_a_door_to_the_command(tmp_path):
    script = ROOT / "scripts" / "train_ner11.sh"
    bare = subprocess.run([script], capture_output=True, text=True, check=False)
    assert (bare.returncode, bare.stderr[:6]) == (2, "usage:")
    door = tmp_path / "ossamma"
    door.write_text('#!/bin/sh\necho "$@"\nexit 3\n', encoding="utf-8")
    door.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [script, "runs/my run", "--backend", "spacy"],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "run ner11 --out runs/my run --backend spacy\n")

"""The README's commands and code are run as they stand, in order, on small files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ossamma.data.demo_corpus import DemoSizes, generate_demo_corpus
from ossamma.data.readers.jsonl import write_jsonl

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONLL = "\n\n".join(
    f"Ada B-PER\nLovelace I-PER\njoined O\nAcme B-ORG\nLtd I-ORG\nin O\n{year} O\n. O"
    for year in range(1842, 1862)
)
NOT_RUN_HERE = re.compile(r"git clone|make (demo|test)\b|uv venv|ossamma data build")
"""Cloning and installing are what the continuous integration does, and a build needs data (see
test_data.py); the rest is run."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def commands() -> list[str]:
    """Every line of a console block that begins with a dollar sign."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line.split("  #")[0].replace(".venv/bin/", "").strip() for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the files that the README speaks of, and a finished demonstration."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("train", "dev", "test"):
        (folder / f"{name}.conll").write_text(CONLL + "\n", encoding="utf-8")
    (folder / "report.txt").write_text("Ada Lovelace joined Acme Ltd in 1850.", encoding="utf-8")
    (folder / "notes.txt").write_text("Nothing to see.", encoding="utf-8")
    corpus = generate_demo_corpus(3, DemoSizes(train=10, dev=10, test=10))
    write_jsonl(folder / "test.jsonl", corpus.test)
    write_jsonl(folder / "predictions.jsonl", corpus.test)
    result = run("ossamma demo --out runs/demo", folder)
    assert result.returncode == 0, result.stderr
    return folder


def run(command: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run `ossamma ...` with this interpreter's package."""
    words = shlex.split(command)
    assert words[0] == "ossamma"
    return subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", *words[1:]],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_works(folder: Path) -> None:
    done = []
    for command in commands():
        if NOT_RUN_HERE.match(command):
            continue
        echo, _, verb = command.rpartition(" | ")
        result = run(verb, folder, shlex.split(echo)[1] + "\n" if echo else "")
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        done.append(command)
    assert len(done) >= 7


def test_make_does_what_the_readme_says() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert re.search(r"ossamma demo --out runs/demo", makefile)


def test_extract_prints_one_line_per_file(folder: Path) -> None:
    result = run("ossamma extract --bundle runs/demo --json report.txt notes.txt", folder)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["id"] for line in lines] == ["report.txt", "notes.txt"]
    for line in lines:
        for entity in line["entities"]:
            assert line["text"][entity["start"] : entity["end"]] == entity["text"]


def test_the_demonstration_learns(folder: Path) -> None:
    """Far above what remembering the training entities would reach (F1 0.45)."""
    result = run("ossamma info runs/demo --json", folder)
    scores = json.loads(result.stdout)["scores"]
    assert scores["test"]["micro"]["f1"] > 0.6


def test_python_example_runs(folder: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr

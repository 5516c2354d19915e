"""The commands and the code of the page on releases run as they stand, in order."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ossamma.export.manifest import verify
from tests import tiny
from tests.export.fake_hub import TOKEN, running_hub

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
TEXT = "Ada Lovelace waited in Oslo ."
GATE = """
gates:
  - {{name: F1, source: this test, metric: f1, average: micro, operator: ">=",
     threshold: {threshold}, min_support: 1, max_width: 1}}
"""

DRIVER = """
import json, subprocess, sys
from typer.testing import CliRunner
from ossamma.cli.app import app
outcomes = []
for name, arguments, given in json.load(sys.stdin):
    if name == "ossamma":
        done = CliRunner().invoke(app, arguments)
        outcomes.append((done.exit_code, done.output))
    else:
        done = subprocess.run([name, *arguments], input=given, capture_output=True, text=True)
        outcomes.append((done.returncode, done.stdout + done.stderr))
json.dump(outcomes, sys.stdout)
"""  # All commands in one process: torch is imported once.

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the files that the page speaks of."""
    folder = tmp_path_factory.mktemp("page")
    trained = tiny.train_native(tmp_path_factory.mktemp("trained"))
    shutil.copytree(trained.request.out, folder / "runs" / "a")
    shutil.copy(trained.request.dev, folder / "dev.conll")
    (folder / "report.txt").write_text(TEXT + "\n", encoding="utf-8")
    (folder / "mine.yaml").write_text(GATE.format(threshold=0.0), encoding="utf-8")
    (folder / "strict.yaml").write_text(GATE.format(threshold=1.0), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hub():
    with running_hub() as running:
        yield running


@pytest.fixture(scope="module")
def after(folder, hub):
    """The folder after every command of the page has ended as it says."""
    environment = os.environ | {
        "COLUMNS": "120",
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": TOKEN,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(folder / "hf"),
        "NO_PROXY": "127.0.0.1",
    }
    commands = []
    for line in lines():
        words, mark, source = line.partition("#")[0].partition("<")
        name, *arguments = shlex.split(words)
        given = (folder / source.strip()).read_text(encoding="utf-8") if mark else None
        commands.append((name, arguments, given))
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=folder,
        env=environment,
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for line, (exit_code, output) in zip(lines(), json.loads(done.stdout), strict=True):
        found = re.search(r"# exits with (\d)", line)
        assert exit_code == (int(found[1]) if found else 0), f"{line}: {output}"
    return folder


def lines() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_page_has_every_kind_of_command():
    verbs = {tuple(shlex.split(line)[:2]) for line in lines()}
    assert {("ossamma", verb) for verb in ("export", "info", "extract", "push")} <= verbs


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_every_command_ends_as_the_page_says(after, hub):
    forms = {name: verify(after / name)["weights"] for name in ("release", "release16", "release8")}
    assert forms == {"release": "fp32", "release16": "fp16", "release8": "int8"}
    sizes = [(after / name / "model.safetensors").stat().st_size for name in forms]
    assert sizes == sorted(sizes, reverse=True)
    parity = verify(after / "quick")["onnx"]["parity"]
    assert parity["texts"] > 1_000
    assert parity["different"] == 0
    assert parity["greatest"] <= 0.001
    assert verify(after / "quicker")["onnx"]["form"] == "int8"
    assert not (after / "never").exists()
    sent = {path.name: path.read_bytes() for path in (after / "signed").iterdir()}
    assert hub.files["acme/ner-news"] == sent


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_table_names_every_file_of_a_release(after):
    releases = ("release", "quick", "quicker", "gated", "signed")
    written = {path.name for name in releases for path in (after / name).iterdir()}
    table = PAGE[PAGE.index("| file |") : PAGE.index("`metadata.json` has")]
    named = set(re.findall(r"`([\w.]+\.\w+)`", table))
    assert written | {"calibration.json"} == named


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_fields_that_the_page_names_are_there(after):
    metadata = json.loads((after / "release" / "metadata.json").read_text(encoding="utf-8"))
    sentence = PAGE[PAGE.index("`metadata.json` has") : PAGE.index("## Forms")]
    assert set(re.findall(r"`(\w+)`", sentence)) <= set(metadata)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_python_example_runs(after):
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    check = "\nassert model.config.model_type == 'ossamma' and tokenizer('Oslo')['input_ids']\n"
    done = subprocess.run(
        [sys.executable, "-c", code + check],
        cwd=after,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

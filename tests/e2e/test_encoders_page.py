"""The commands of the pages on encoders and rare types run as they stand, on small files."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.tiny_encoder import write_encoder

DOCS = Path(__file__).resolve().parents[2] / "docs"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def page(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """A working folder with the files that the pages speak of."""
    tiny.corpus(tmp_path)
    texts = [document.text for document in tiny.documents(50, 0)]
    write_encoder(tmp_path / "encoder", texts, layers=2, pieces=512)
    (tmp_path / "note.txt").write_text("Ada Lovelace slept in Oslo .\n", encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(.*?)```", page("encoders"), re.DOTALL)
    (tmp_path / "mine.yaml").write_text(recipe, encoding="utf-8")
    return tmp_path


def run_page(name, folder):
    """Run every command, and return what each prints."""
    blocks = re.findall(r"```console\n(.*?)```", page(name), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    said = []
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "ossamma"
        done = subprocess.run(
            [sys.executable, "-m", "ossamma.cli.app", *words],
            cwd=folder,
            env=os.environ | {"COLUMNS": "120", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        assert "it/s]" not in done.stderr, "bars of others stay off the terminal"
        said.append(done.stdout + done.stderr)
    return said


def test_every_command_of_the_page_on_encoders_succeeds(folder):
    said = run_page("encoders", folder)
    assert len(said) == 6
    assert "encoder: encoder (roberta)" in said[0]
    assert (folder / "release" / "model.onnx").is_file()


def test_every_command_of_the_page_on_rare_types_succeeds(folder):
    said = run_page("rare-types", folder)
    assert len(said) == 3
    assert "weights of types: P" in said[0]

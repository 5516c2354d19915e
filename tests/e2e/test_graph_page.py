"""The commands of the page on the graph run as they stand, in order, on small files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ossamma.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "graph.md").read_text(encoding="utf-8")
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "reports").mkdir()
    text = "Barack Obama visited Berlin."
    (tmp_path / "reports" / "a.txt").write_text(text, encoding="utf-8")
    (tmp_path / "twin").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_of_the_page_succeeds(folder):
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) >= 12
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "ossamma"
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"{line}: {done.output}"
    assert (folder / "twin.json").stat().st_size > 500
    assert (folder / "tables" / "edges.csv").is_file()

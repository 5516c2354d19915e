"""The commands of the page on scale run as they stand, in order, with a real Ray."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(250),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray"),
]
TEXTS = ["Barack Obama visited Berlin.", "Ada Lovelace was in Oslo."]


def said_by(line, folder):
    words = shlex.split(line)
    if words[0] == "ossamma":
        words[:1] = [sys.executable, "-m", "ossamma.cli.app"]
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_succeeds(tmp_path):
    lines = [json.dumps({"id": f"d{number}", "text": text}) for number, text in enumerate(TEXTS)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    table = pa.table({"id": ["d0", "d1"], "text": TEXTS})
    pq.write_table(table, tmp_path / "corpus.parquet")
    [block] = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    said = [said_by(line[2:], tmp_path) for line in block.splitlines()]
    assert len(said) == 4
    assert "1 shards in found, 0 of them known already; 2 documents" in said[0]
    assert json.loads(said[1])["known"] == 1
    assert json.loads(said[2])["files"] == ["corpus.jsonl"]
    [rows] = (tmp_path / "rows").glob("part-*")
    [found] = (tmp_path / "found").glob("part-*")
    assert rows.read_bytes() == found.read_bytes()
    assert "Barack Obama" in found.read_text()

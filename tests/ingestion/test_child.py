"""The process that reads files has nothing to do with the program that starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
from pathlib import Path
from ossamma.ingestion.child import FileReader
from ossamma.ingestion.settings import DEFAULT_INGEST
with open("runs", "a") as file:
    file.write("x")
with FileReader(DEFAULT_INGEST) as reader:
    print(reader.read(Path("a.txt"))[0].text)
"""


def test_a_script_without_a_guard_runs_once(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "a.txt").write_text("Ada")
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Ada\n"), done.stderr
    assert (tmp_path / "runs").read_text() == "x"

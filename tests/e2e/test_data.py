"""A training set out of real corpora, from the mirror to a trained bundle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MIRROR = os.environ.get("OSSAMMA_MIRROR")
POLICY = """
name: rag9
licences: [yes, share-alike]
sources:
  - card: wnut17
    max_documents: 300
  - card: mtl_bionlp13cg
    table: bionlp13cg
    max_documents: 150
  - card: mtl_craft_species
    table: craft_species
    max_documents: 150
  - card: conll2003
"""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.data,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not MIRROR, reason="needs the real data sets: OSSAMMA_MIRROR is not set"),
]


def ossamma(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ossamma.cli.app", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_real_corpora_become_a_set_that_trains(tmp_path: Path) -> None:
    policy, out = tmp_path / "policy.yaml", tmp_path / "built"
    policy.write_text(POLICY)
    card = json.loads(
        ossamma(
            *("data", "build", "--profile", "rag9", "--policy", policy, "--out", out),
            *("--data", tmp_path / "data", "--mirror", MIRROR, "--offline", "--json"),
        )
    )
    assert [each["name"] for each in card["rejected"]] == ["conll2003"]
    assert all(n > 0 for n in card["assembly"]["written"].values())
    result = ossamma(
        *("train", "--profile", "rag9", "--train", out / "train.jsonl"),
        *("--dev", out / "dev.jsonl", "--out", tmp_path / "run", "--json"),
        *("--preset", "tiny", "--set", "training.epochs=1"),
    )
    assert Path(json.loads(result)["bundle"]).is_dir()
    leaks = ossamma("data", "audit", out / "train.jsonl", "--against", out / "test.jsonl")
    assert "exact leaks: 0" in leaks

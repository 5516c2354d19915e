"""`ossamma ablate` compares variants, for people and for machines."""

from __future__ import annotations

import json

import pytest

from tests import tiny

pytestmark = pytest.mark.e2e
SETTINGS = [part for assignment in tiny.ASSIGNMENTS for part in ("--set", assignment)]


@pytest.fixture
def options(files, tmp_path):
    roles = [part for name, path in files.items() for part in (f"--{name}", path)]
    return ["--profile", "native", *roles, "--out", tmp_path / "study", *SETTINGS]


def test_an_ablation_for_both(ossamma, options, tmp_path):
    chosen = ("--seeds", "1", "--variants", "no-input-gate,time-0")
    result = ossamma("ablate", *options, *chosen)
    assert result.exit_code == 0, result.stderr
    for shown in ("full", "no-input-gate", "micro-F1", "boundaries, no-input-gate: exact borders"):
        assert shown in result.stdout
    assert "time-0 is left out: the same settings as full" in result.stderr
    assert "2 of 2 runs are to be made" in result.stderr
    again = ossamma("ablate", *options, *chosen, "--json")
    assert "0 of 2 runs are to be made" in again.stderr
    outcome = json.loads(again.stdout)
    assert [row["name"] for row in outcome["variants"]] == ["full", "no-input-gate"]
    assert outcome == json.loads((tmp_path / "study" / "ablation.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seeds", "one"], "expected seeds such as 1,2,3"),
        (["--seeds", "1,1"], "seeds must be different numbers"),
        (["--variants", "no-gate"], "did you mean no-gates"),
        (["--variants-file", "nowhere.yaml"], "cannot read the variants"),
    ],
)
def test_faults_are_told_without_a_traceback(ossamma, options, arguments, complaint):
    result = ossamma("ablate", *options, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr

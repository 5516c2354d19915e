"""`ossamma export` writes a release, or says why not in words and by its exit code."""

from __future__ import annotations

import json

from ossamma.export.bundle import load
from ossamma.export.manifest import verify
from ossamma.pipeline.export_run import F1Check

TEXT = "Ada Lovelace waited in Oslo . Alan Turing slept in New York ."


def test_people_see_what_it_costs(ossamma, trained, tmp_path):
    result = ossamma(
        "export", trained.request.out, "--out", "r", "--weights", "int8", "--max-f1-drop", "100"
    )
    assert result.exit_code == 0, result.stderr
    assert "dev F1:" in result.stdout
    assert "weights: int8" in result.stdout
    assert load(tmp_path / "r").recognise([TEXT])
    assert verify(tmp_path / "r")["weights"] == "int8"


def test_json_is_the_outcome(ossamma, trained):
    result = ossamma("export", trained.outcome.bundle, "--out", "r", "--json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert (content["bundle"], content["weights"], content["refusals"]) == ("r", "fp32", [])
    assert content["f1"]["trained"] == content["f1"]["released"]


def test_a_refusal_exits_with_one(ossamma, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(F1Check, "passed", False)
    result = ossamma("export", trained.request.out, "--out", "r")
    assert result.exit_code == 1
    assert "refused: dev F1 falls by" in result.stdout
    assert not (tmp_path / "r").exists()


def test_what_exists_is_not_replaced(ossamma, trained, tmp_path):
    (tmp_path / "r").mkdir()
    result = ossamma("export", trained.request.out, "--out", "r")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected a new folder" in result.stderr

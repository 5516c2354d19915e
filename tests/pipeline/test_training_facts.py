"""What a run remembers of its training, and nothing where there is no run."""

from __future__ import annotations

import json

from ossamma.pipeline.training_facts import training_facts


def test_a_run_and_its_bundle_tell_the_same(trained):
    facts = training_facts(trained.request.out)
    assert facts == training_facts(trained.outcome.bundle)
    assert facts["best_f1"] == max(row["eval_f1"] for row in facts["curve"] if "eval_f1" in row)
    assert any("loss" in row for row in facts["curve"])


def test_a_bundle_alone_has_none(tmp_path):
    assert training_facts(tmp_path) is None


def run(tmp_path, lines):
    (tmp_path / "metrics.json").write_text(json.dumps({"training": {"best_f1": 0.5}}))
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    return training_facts(tmp_path)


def test_torn_lines_are_passed_over(tmp_path):
    lines = ['{"epoch": 1.0, "loss": 2.0}', "[1]", "7", '{"epoch": 2.0, "lo']
    assert run(tmp_path, lines) == {"best_f1": 0.5, "curve": [{"epoch": 1.0, "loss": 2.0}]}


def test_a_long_log_is_thinned_but_keeps_every_evaluation(tmp_path):
    losses = [json.dumps({"epoch": i / 100, "loss": 1.0}) for i in range(5_000)]
    scores = [json.dumps({"epoch": i, "eval_f1": 0.5}) for i in range(50)]
    curve = run(tmp_path, losses + scores)["curve"]
    assert sum("eval_f1" in row for row in curve) == 50
    assert 300 <= sum("loss" in row for row in curve) <= 600

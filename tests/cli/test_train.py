"""`ossamma train` turns options into a run and says what came of it."""

from __future__ import annotations

import json

import pytest

from ossamma.export.manifest import verify
from tests import tiny

pytestmark = pytest.mark.e2e
SETTINGS = [part for assignment in tiny.ASSIGNMENTS for part in ("--set", assignment)]


@pytest.fixture
def train(ossamma, files):
    """Train on the tiny corpus with further arguments."""
    roles = [part for name, path in files.items() for part in (f"--{name}", path)]

    def run(*arguments, profile="native", out="run"):
        return ossamma("train", "--profile", profile, *roles, "--out", out, *SETTINGS, *arguments)

    return run


def test_a_run_in_json(train, tmp_path):
    result = train("--json")
    assert result.exit_code == 0, result.stderr
    outcome = json.loads(result.stdout)
    assert outcome["bundle"] == "run/bundle"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert outcome["dev"] == metrics["dev"]
    assert outcome["test"] == metrics["test"]
    assert outcome["training"]["epochs"] == 2.0
    verify(tmp_path / "run" / "bundle")


def test_a_run_for_people_and_its_continuation(train, tmp_path):
    result = train()
    assert result.exit_code == 0, result.stderr
    for shown in ("best epoch", "dev", "test", "micro", "bundle: run/bundle"):
        assert shown in result.stdout
    assert "epoch   1.0  loss" in result.stderr
    again = train()
    assert again.exit_code == 2
    assert "run is not empty" in again.stderr
    assert train("--resume").exit_code == 0
    other = train("--resume", "--set", "training.seed=5")
    assert other.exit_code == 2
    assert "recipe.training.seed was 1, now it is 5" in other.stderr


def test_options_reach_the_run(train, tmp_path):
    (tmp_path / "recipe.yaml").write_text("training: {patience: 3}")
    result = train(
        "--preset", "tiny", "--recipe", "recipe.yaml", "--set", "training.epochs=1",
        "--format", "conll", profile="rag9",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["profile"] == "rag9"
    assert record["recipe"]["preset"] == "tiny"
    assert record["recipe"]["training"]["patience"] == 3
    assert record["recipe"]["training"]["epochs"] == 1


def test_a_run_from_a_checkpoint(ossamma, trained, files, tmp_path):
    result = ossamma(
        "train", "--profile", "native", "--train", files["train"], "--dev", files["dev"],
        "--out", "run", "--init", trained.request.out, "--set", "training.epochs=1",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["init"]["path"] == str(trained.outcome.bundle)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--set", "training.epoch=3"], "unknown setting training.epoch; did you mean epochs"),
        (["--set", "training.epochs=x"], "training.epochs: expected a whole number, got 'x'"),
        (["--preset", "huge"], "unknown preset 'huge'"),
        (["--recipe", "nowhere.yaml"], "cannot read the recipe nowhere.yaml"),
        (["--init", "nowhere"], "expected a checkpoint with config.json"),
        (["--map", "wnut17"], "profile 'native' has no table 'wnut17'"),
        (["--train", "nowhere.conll"], "nowhere.conll: no such file"),
        (["--dev", "unlabelled.jsonl"], "1 of 1 documents are unlabelled"),
        (["--resume"], "run is not a run: expected run.json in it"),
    ],
)
def test_a_fault_ends_with_2_and_leaves_no_folder(train, tmp_path, arguments, complaint):
    (tmp_path / "unlabelled.jsonl").write_text('{"text": "Ada"}')
    result = train(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_place_where_nothing_can_be_written_is_a_fault(train, tmp_path):
    (tmp_path / "file").write_text("x")
    result = train(out="file/run")
    assert result.exit_code == 2
    assert "error: cannot" in result.stderr


def test_training_that_goes_astray_ends_with_2(train, tmp_path):
    result = train("--set", "training.learning_rate=1e30", "--set", "training.warmup_ratio=0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lower learning_rate" in result.stderr
    assert "Traceback" not in result.stderr

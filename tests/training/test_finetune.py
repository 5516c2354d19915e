"""A run keeps its best model, stops in time, and goes on after an interruption as if unbroken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ossamma.schema.errors import CheckpointError, DataError
from ossamma.training import curves
from ossamma.training.checkpoints import AVERAGE_FILE, SEAL_FILE, latest_checkpoint
from ossamma.training.examples import ExampleBuilder
from ossamma.training.finetune import finetune
from ossamma.training.run_files import CHECKPOINTS_FOLDER, METRICS_LOG_FILE, TENSORBOARD_FOLDER
from ossamma.training.settings import FinetuneSettings
from ossamma.training.trainer import Task
from tests import tiny

SETTINGS = FinetuneSettings(
    epochs=3,
    batch_size=4,
    gradient_accumulation_steps=1,
    learning_rate=0.01,
    average_decay=0.9,
    patience=5,
)


class Judge:
    """Gives the scores of a list in turn, and remembers what was saved."""

    def __init__(self, *f1: float, fails_at: int | None = None) -> None:
        self.f1 = list(f1)
        self.fails_at = fails_at
        self.calls = 0
        self.saved = []

    def evaluate(self, _model):
        if self.calls == self.fails_at:
            raise KeyboardInterrupt
        f1 = self.f1[self.calls]
        self.calls += 1
        return {"f1": f1, "precision": f1, "recall": f1}

    def save_best(self, model, scores):
        self.saved.append((dict(scores), {n: t.clone() for n, t in model.state_dict().items()}))


def task(judge):
    pieces = tiny.tokenizer()
    builder = ExampleBuilder(pieces, tiny.word_features(), tiny.LABELS, window_pieces=60)
    examples, _ = builder.build(tiny.documents(10, seed=1))
    return Task(
        model=tiny.model(pieces),
        examples=examples,
        pad_id=pieces.pad_id,
        evaluate=judge.evaluate,
        save_best=judge.save_best,
    )


def steps_logged(run):
    lines = (run / METRICS_LOG_FILE).read_text().splitlines()
    return [(line["step"], sorted(line)) for line in map(json.loads, lines)]


def test_the_best_model_is_saved_whenever_it_is_better(tmp_path):
    judge = Judge(0.2, 0.1, 0.4)
    result = finetune(task(judge), SETTINGS, tmp_path)
    assert [(s["eval_f1"], s["epoch"]) for s, _ in judge.saved] == [(0.2, 1.0), (0.4, 3.0)]
    assert (result.best_f1, result.best_epoch, result.epochs) == (0.4, 3.0, 3.0)
    assert (result.steps, result.stopped_early) == (9, False)


def test_the_average_is_what_is_saved(tmp_path):
    judge = Judge(0.1, 0.2, 0.3)
    finetune(task(judge), SETTINGS, tmp_path)
    last = latest_checkpoint(tmp_path / CHECKPOINTS_FOLDER)
    average, weights = (load_file(last / n) for n in (AVERAGE_FILE, "model.safetensors"))
    _, saved = judge.saved[-1]
    assert all(torch.equal(saved[name], average[name]) for name in average)
    assert not any(torch.equal(saved[name], weights[name]) for name in average)


def test_a_gain_below_min_delta_is_none(tmp_path):
    judge = Judge(0.2, 0.25, 0.31)
    result = finetune(task(judge), replace(SETTINGS, min_delta=0.1), tmp_path)
    assert [s["eval_f1"] for s, _ in judge.saved] == [0.2, 0.31]
    assert result.best_f1 == 0.31


def test_even_a_score_of_0_is_the_best_of_its_kind(tmp_path):
    judge = Judge(0.0, 0.0, 0.0)
    assert finetune(task(judge), SETTINGS, tmp_path).best_epoch == 1.0
    assert len(judge.saved) == 1


def test_patience_ends_the_run(tmp_path):
    judge = Judge(0.5, 0.4, 0.4, 0.9)
    result = finetune(task(judge), replace(SETTINGS, epochs=9, patience=2), tmp_path)
    assert (judge.calls, result.stopped_early, result.epochs) == (3, True, 3.0)
    assert result.best_epoch == 1.0


def test_every_figure_is_logged_with_its_step(tmp_path):
    finetune(task(Judge(0.2, 0.1, 0.4)), SETTINGS, tmp_path)
    steps = steps_logged(tmp_path)
    assert [step for step, keys in steps if "eval_f1" in keys] == [3, 6, 9]
    assert [step for step, keys in steps if "loss" in keys] == list(range(1, 10))
    assert list((tmp_path / TENSORBOARD_FOLDER).iterdir())


def test_two_sealed_checkpoints_are_kept(tmp_path):
    finetune(task(Judge(0.2, 0.1, 0.4)), SETTINGS, tmp_path)
    names = sorted(path.name for path in (tmp_path / CHECKPOINTS_FOLDER).iterdir())
    assert names == ["checkpoint-6", "checkpoint-9"]


@pytest.mark.parametrize("fails_at", [0, 1, 2])
@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, fails_at, average_decay):
    settings = replace(SETTINGS, average_decay=average_decay)
    scores = (0.1, 0.2, 0.3)
    undisturbed = Judge(*scores)
    expected = finetune(task(undisturbed), settings, _new(tmp_path / "a"))
    run = _new(tmp_path / "b")
    broken = Judge(*scores, fails_at=fails_at)
    with pytest.raises(KeyboardInterrupt):
        finetune(task(broken), settings, run)
    torch.manual_seed(99)  # another process has other random numbers behind it
    resumed = Judge(*scores[fails_at:])
    result = finetune(task(resumed), settings, run, resume=True)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    (_, one), (_, two) = undisturbed.saved[-1], resumed.saved[-1]
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert steps_logged(run) == steps_logged(tmp_path / "a")


def _new(folder):
    folder.mkdir()
    return folder


@pytest.mark.parametrize("scores", [(0.3, 0.2, 0.4), (0.3, 0.2, 0.1)], ids=["all", "early"])
def test_a_run_that_is_over_is_not_trained_again(tmp_path, scores):
    settings = replace(SETTINGS, patience=2)
    expected = finetune(task(Judge(*scores)), settings, tmp_path)
    log = (tmp_path / METRICS_LOG_FILE).read_bytes()
    idle = Judge()
    result = finetune(task(idle), settings, tmp_path, resume=True)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    assert idle.saved == []
    assert (tmp_path / METRICS_LOG_FILE).read_bytes() == log


def test_a_run_that_stalled_early_stays_so(tmp_path):
    settings = replace(SETTINGS, epochs=9, patience=1)
    expected = finetune(task(Judge(0.3, 0.2)), settings, tmp_path)
    result = finetune(task(Judge()), settings, tmp_path, resume=True)
    assert replace(result, seconds=0.0) == replace(expected, seconds=0.0)
    assert result.stopped_early


def test_a_checkpoint_without_a_seal_is_not_taken_up(tmp_path):
    scores = (0.1, 0.2, 0.3)
    with pytest.raises(KeyboardInterrupt):
        finetune(task(Judge(*scores, fails_at=2)), SETTINGS, tmp_path)
    newest = latest_checkpoint(tmp_path / CHECKPOINTS_FOLDER)
    (newest / SEAL_FILE).unlink()
    (newest / "optimizer.pt").write_bytes(b"half")
    resumed = Judge(*scores[1:])
    assert finetune(task(resumed), SETTINGS, tmp_path, resume=True).steps == 9
    assert resumed.calls == 2, "the second epoch was done again"


def test_a_damaged_seal_is_refused(tmp_path):
    finetune(task(Judge(0.1, 0.2, 0.3)), SETTINGS, tmp_path)
    (latest_checkpoint(tmp_path / CHECKPOINTS_FOLDER) / SEAL_FILE).write_text("{}x")
    with pytest.raises(CheckpointError, match="not the seal"):
        finetune(task(Judge()), SETTINGS, tmp_path, resume=True)


def test_nothing_to_train_on_is_refused(tmp_path):
    with pytest.raises(DataError, match="at least one window"):
        finetune(replace(task(Judge()), examples=[]), SETTINGS, tmp_path)


def test_training_needs_no_tensorboard(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(curves, "SummaryWriter", None)  # as where it is not installed
    finetune(task(Judge(0.1)), replace(SETTINGS, epochs=1), tmp_path)
    assert not (tmp_path / TENSORBOARD_FOLDER).exists()
    assert "tensorboard is not installed" in caplog.text


def test_bf16_trains_on_a_cpu(tmp_path):
    finetune(task(Judge(0.1)), replace(SETTINGS, epochs=1, precision="bf16"), tmp_path)
    assert steps_logged(tmp_path)

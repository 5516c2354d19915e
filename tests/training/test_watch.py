"""Whoever watches hears what the log hears, and may end a run that is then whole."""

from __future__ import annotations

import json

import pytest

from ossamma.export.manifest import verify
from ossamma.pipeline.train_run import TrainRequest, train
from tests import tiny

pytestmark = pytest.mark.e2e


def watched(folder, stop_at):
    """Train six epochs, unless the watch ends it; return what it heard and the outcome."""
    heard = {}

    def watch(epoch, scores):
        heard[epoch] = dict(scores)
        return epoch == stop_at

    made = TrainRequest(
        profile="native",
        **tiny.corpus(folder / "corpus"),
        out=folder / "run",
        recipe=tiny.recipe("training.epochs=4", "training.average_decay=0.0"),
    )
    return heard, train(made, watch=watch)


def test_a_watch_hears_every_evaluation(tmp_path):
    heard, outcome = watched(tmp_path, None)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    logged = {
        round(line["epoch"]): line["eval_f1"]
        for line in map(json.loads, lines)
        if "eval_f1" in line
    }
    assert {epoch: scores["f1"] for epoch, scores in heard.items()} == logged
    assert list(heard) == [1, 2, 3, 4]
    assert set(heard[1]) == {"f1", "precision", "recall"}
    assert outcome.result.best_f1 == max(logged.values())


def test_a_run_that_a_watch_ends_is_whole(tmp_path):
    heard, outcome = watched(tmp_path, 2)
    assert list(heard) == [1, 2]
    assert outcome.result.epochs == 2.0
    assert outcome.result.stopped_early is False
    assert outcome.result.best_f1 == max(scores["f1"] for scores in heard.values())
    verify(outcome.bundle)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "finished"

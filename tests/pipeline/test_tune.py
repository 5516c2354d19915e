"""A search of ordinary runs: it can be interrupted, goes on, and outlives trials that fail."""

from __future__ import annotations

import json
import multiprocessing
import platform
from dataclasses import replace

import pytest
import yaml
from optuna.trial import TrialState

from ossamma.export.manifest import verify
from ossamma.pipeline import tune as tune_module
from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.search_space import read_space
from ossamma.pipeline.train_run import train
from ossamma.pipeline.tune import TuneRequest, tune
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError, TrainingError
from tests import tiny

pytestmark = pytest.mark.e2e

SPACE = {
    "dimensions": {
        "learning_rate": {
            "sets": "training.learning_rate",
            "low": 0.001,
            "high": 0.1,
            "log": True,
        },
        "dropout": {"sets": ["model.dropout", "model.head_dropout"], "choices": [0.0, 0.2]},
    }
}
BROKEN = {"training.learning_rate": 1e30}


def request(files, folder, *, space=SPACE, settings=(), **changes):
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump(space))
    family = RunFamily(
        profile="native",
        train=files["train"],
        dev=files["dev"],
        assignments=(*tiny.ASSIGNMENTS, *settings),
    )
    fields = {
        "family": family,
        "space": read_space(str(path), pretrained=False),
        "out": folder / "search",
        "trials": 3,
        "pruner": "none",
    }
    return TuneRequest(**{**fields, **changes})


@pytest.fixture
def made(files, tmp_path):
    return request(files, tmp_path)


def test_a_search_ends_with_a_recipe_that_gives_the_best_trial_again(made, tmp_path):
    outcome = tune(made)
    assert [row.state for row in outcome.trials] == ["complete"] * 3
    assert outcome.best.f1 == max(row.f1 for row in outcome.trials)
    # The first trial is the recipe as it was given.
    assert outcome.trials[0].values == {"learning_rate": 0.01, "dropout": 0.2}
    best = build_recipe(file=outcome.recipe)
    assert best.training.learning_rate == outcome.best.values["learning_rate"]
    assert best.model["head_dropout"] == outcome.best.values["dropout"]
    run = made.family.request(tmp_path / "again", resume=False)
    again = train(replace(run, recipe=best))
    bundle = made.out / "trials" / outcome.best.run / "bundle"
    assert again.result.best_f1 == outcome.best.f1
    assert verify(again.bundle)["checksum"] == verify(bundle)["checksum"]


def test_the_reports_say_what_the_outcome_says(made):
    outcome = tune(made)
    content = json.loads((made.out / "study.json").read_text())
    assert content["trials"] == [row.to_json() for row in outcome.trials]
    assert content["best"] == outcome.best.number
    page = (made.out / "study.html").read_text()
    assert page.count("<svg") >= 4
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_search_in_two_parts_draws_what_it_draws_in_one(made, files, tmp_path):
    whole = tune(made)
    other = tmp_path / "other"
    other.mkdir()
    first = tune(request(files, other, trials=2))
    second = tune(request(files, other, trials=3))
    assert len(first.trials) == 2
    assert [row.values for row in second.trials] == [row.values for row in whole.trials]
    assert [row.f1 for row in second.trials] == [row.f1 for row in whole.trials]


def test_a_full_search_trains_nothing(made):
    tune(made)
    before = {path: path.stat().st_mtime_ns for path in (made.out / "trials").rglob("*")}
    again = tune(made)
    assert {path: path.stat().st_mtime_ns for path in (made.out / "trials").rglob("*")} == before
    assert len(again.trials) == 3


def test_an_interrupted_trial_is_taken_up_where_it_stopped(made, files, tmp_path, monkeypatch):
    whole = tune(made)
    other = tmp_path / "other"
    other.mkdir()
    cut = request(files, other)
    real, calls = tune_module.train, []

    def interrupted(run, console=None, *, watch):
        """The second trial is interrupted after the checkpoint of its first epoch."""
        calls.append(run)

        def nosy(epoch, scores):
            if len(calls) == 2 and epoch == 2:
                raise KeyboardInterrupt
            return watch(epoch, scores)

        return real(run, console, watch=nosy)

    monkeypatch.setattr(tune_module, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune(cut)
    kept = json.loads((cut.out / "study.json").read_text())
    assert [trial["state"] for trial in kept["trials"]] == ["complete", "interrupted"]
    monkeypatch.undo()
    outcome = tune(cut)
    assert [row.state for row in outcome.trials] == [
        "complete",
        "interrupted",
        "complete",
        "complete",
    ]
    _, left, taken_up, _ = outcome.trials
    assert taken_up.values == left.values == whole.trials[1].values
    assert taken_up.run == left.run == "001"
    assert taken_up.curve == whole.trials[1].curve
    assert taken_up.f1 == whole.trials[1].f1
    bundles = [m.out / "trials" / "001" / "bundle" for m in (made, cut)]
    assert verify(bundles[0])["checksum"] == verify(bundles[1])["checksum"]


def test_a_killed_process_leaves_a_trial_that_is_taken_up(made, tmp_path):
    """A trial that says it is running in a process that is gone."""
    made = replace(made, storage=str(tmp_path / "s.journal"))
    study = tune_module._open(replace(made, out=_folder(made)))
    tune_module._prepare(made, study, None)
    trial = study.ask()
    trial.set_user_attr("host", platform.node())
    gone = multiprocessing.get_context("spawn").Process(target=int)
    gone.start()
    gone.join()
    trial.set_user_attr("process", gone.pid)
    outcome = tune(made)
    assert [row.state for row in outcome.trials] == ["interrupted", *["complete"] * 3]


def _folder(made):
    (made.out / "trials").mkdir(parents=True)
    return made.out


def test_a_failed_trial_does_not_end_the_search(files, tmp_path):
    space = {
        "dimensions": {"rate": {"sets": "training.learning_rate", "choices": [0.01, 1e30]}},
    }
    outcome = tune(request(files, tmp_path, space=space, trials=6))
    states = [row.state for row in outcome.trials]
    assert set(states) == {"complete", "failed"}
    assert len(states) == 6, "a failure uses up its place"
    failed = next(row for row in outcome.trials if row.state == "failed")
    assert failed.values["rate"] == 1e30
    assert "TrainingError" in failed.reason
    assert outcome.best.values["rate"] == 0.01


def test_a_hopeless_search_gives_up(files, tmp_path):
    dropout = {"sets": "model.dropout", "low": 0.0, "high": 0.5}
    space = {"fixed": BROKEN, "dimensions": {"dropout": dropout}}
    made = request(files, tmp_path, space=space, trials=20)
    with pytest.raises(TrainingError, match="first 5 trials all failed"):
        tune(made)
    content = json.loads((made.out / "study.json").read_text())
    assert len(content["trials"]) == 5
    assert content["best"] is None


def test_hopeless_trials_are_pruned(files, tmp_path):
    """Trials that learn nothing end early; they still leave a whole run."""
    space = {
        "dimensions": {
            "rate": {"sets": "training.learning_rate", "choices": [0.03, 1e-7]},
        }
    }
    made = request(
        files,
        tmp_path,
        space=space,
        settings=("training.epochs=5", "training.average_decay=0.0"),
        trials=10,
        pruner="median",
    )
    outcome = tune(made)
    pruned = [row for row in outcome.trials if row.state == "pruned"]
    assert pruned
    for row in pruned:
        assert row.values["rate"] == 1e-7
        assert len(row.curve) < 5
        verify(made.out / "trials" / row.run / "bundle")
    assert outcome.best.state == "complete"


def test_another_search_in_the_same_folder_is_refused(made, files, tmp_path):
    tune(replace(made, trials=1))
    with pytest.raises(CheckpointError, match=r"recipe\.training\.epochs was 2, now it is 3"):
        tune(request(files, tmp_path, settings=("training.epochs=3",)))
    files["dev"].write_text(files["dev"].read_text() + "\nmore\tO\n")
    with pytest.raises(CheckpointError, match=r"files\.dev was"):
        tune(made)


def test_faults_of_the_files_end_the_search_at_once(files, tmp_path):
    made = request({**files, "train": tmp_path / "nowhere"}, tmp_path)
    with pytest.raises(DataError, match="nowhere"):
        tune(made)
    assert not made.out.exists()


def test_workers_share_a_search(files, tmp_path):
    made = request(files, tmp_path, trials=4, workers=2, storage=str(tmp_path / "s.journal"))
    outcome = tune(made)
    assert [row.state for row in outcome.trials] == ["complete"] * 4
    assert len({row.run for row in outcome.trials}) == 4
    assert outcome.recipe.is_file()


def test_what_a_request_cannot_say(made):
    for changes in ({"trials": 0}, {"workers": 0}, {"seed": -1}, {"pruner": "scissors"}):
        with pytest.raises(ConfigurationError):
            replace(made, **changes)


def test_a_study_that_is_full_takes_no_more(made):
    """Another machine may begin a trial in the moment between looking and asking."""
    tune(replace(made, trials=1))
    study = tune_module._open(made)
    study.optimize(lambda trial: tune_module._objective(replace(made, trials=1), None, trial), 1)
    assert study.trials[-1].state is TrialState.PRUNED
    assert len(tune(replace(made, trials=1)).trials) == 1

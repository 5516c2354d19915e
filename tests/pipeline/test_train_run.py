"""A run reads, checks, trains, scores and seals, or leaves nothing behind."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

import ossamma
from ossamma.export.manifest import verify
from ossamma.pipeline import train_run
from ossamma.pipeline.predictions import score_predictions
from ossamma.pipeline.train_run import TrainRequest, train
from ossamma.schema.errors import (
    AnnotationError,
    CheckpointError,
    ConfigurationError,
    DataError,
    OssammaError,
    TrainingError,
)
from tests import tiny

WNUT = {"PERSON": "person", "PLACE": "location"}
MISC = {"PERSON": "PER", "PLACE": "MISC"}


def request(files, out, *assignments, **changes):
    fields = {"profile": "native", **files, "out": out, "recipe": tiny.recipe(*assignments)}
    return TrainRequest(**{**fields, **changes})


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def told(made):
    """What a run tells on its console."""
    stream = io.StringIO()
    train(made, Console(file=stream, width=1000))
    return stream.getvalue()


def test_a_run_leaves_what_it_promises(trained):
    names = {path.name for path in trained.request.out.iterdir()}
    assert names == {
        "run.json",
        "metrics.json",
        "metrics.jsonl",
        "predictions.jsonl",
        "tensorboard",
        "checkpoints",
        "best",
        "bundle",
    }


def test_the_bundle_has_the_best_weights_and_says_how_good_they_are(trained):
    run = trained.request.out
    metadata = verify(run / "bundle")
    best = verify(run / "best")
    assert metadata["checksum"] == best["checksum"]
    assert metadata["checkpoint_epoch"] == best["checkpoint_epoch"]
    assert metadata["val_f1"] == trained.outcome.dev.micro.f1 == best["val_f1"]
    assert metadata["scores"]["test"] == trained.outcome.test.to_json()
    assert metadata["recipe"] == read(run / "run.json")["recipe"]
    assert ossamma.load(run).types == tiny.LABELS.types


def test_the_metrics_are_those_of_the_outcome(trained):
    metrics = read(trained.request.out / "metrics.json")
    assert metrics["dev"] == trained.outcome.dev.to_json()
    assert metrics["test"] == trained.outcome.test.to_json()
    assert metrics["training"]["epochs"] == 2.0
    assert metrics["training"]["best_f1"] == trained.outcome.dev.micro.f1


def test_the_answers_are_those_that_were_scored(trained):
    request = trained.request
    kept = score_predictions(request.out / "predictions.jsonl", request.test)
    assert kept == trained.outcome.test


@pytest.mark.e2e
def test_a_tracker_has_recipe_curves_and_final_scores(files, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    mlflow = pytest.importorskip("mlflow")
    outcome = train(request(files, tmp_path / "run", trackers=("mlflow",)))
    kept = mlflow.MlflowClient().get_run(read(tmp_path / "run" / "trackers.json")["mlflow"])
    assert (kept.info.run_name, kept.info.status) == ("run", "FINISHED")
    assert kept.data.params["training.learning_rate"] == "0.01"
    assert kept.data.params["model.hidden_size"] == "16"
    assert kept.data.metrics["test.micro.f1"] == outcome.test.micro.f1
    assert kept.data.metrics["dev.PERSON.f1"] == outcome.dev.per_type["PERSON"].f1
    history = mlflow.MlflowClient().get_metric_history(kept.info.run_id, "eval_f1")
    logged = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    wanted = [(line["step"], line["eval_f1"]) for line in logged if "eval_f1" in line]
    assert [(point.step, point.value) for point in history] == wanted


def test_the_record_says_all_that_is_needed_to_repeat(trained):
    record = read(trained.request.out / "run.json")
    assert record["status"] == "finished"
    assert (record["profile"], record["types"]) == ("native", list(tiny.LABELS.types))
    assert record["init"] is None
    assert set(record["data"]) == {"train", "dev", "test"}
    assert record["data"]["train"]["documents"] == 24
    assert record["recipe"]["training"]["learning_rate"] == 0.01
    assert record["recipe"]["model"]["hidden_size"] == 16
    assert record["versions"]["torch"] == torch.__version__
    assert record["closed_world"] == []


@pytest.mark.e2e
def test_the_same_seed_gives_the_same_bits(trained, tmp_path):
    again = tiny.train_native(tmp_path)
    assert verify(again.outcome.bundle)["checksum"] == verify(trained.outcome.bundle)["checksum"]
    other = tiny.train_native(tmp_path / "other", "training.seed=2")
    assert verify(other.outcome.bundle)["checksum"] != verify(again.outcome.bundle)["checksum"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    "assignment",
    [
        "training.type_weight_power=0.5",
        "model.crf_focal_gamma=2.0",
        "training.repeat_threshold=0.9",
    ],
)
def test_rare_types_can_be_made_to_count(trained, files, tmp_path, assignment):
    made = request(files, tmp_path / "run", assignment)
    said = told(made)
    assert ("weights of types: P" in said) == ("type_weight" in assignment)
    checksum = verify(tmp_path / "run" / "bundle")["checksum"]
    assert checksum != verify(trained.outcome.bundle)["checksum"]


@pytest.mark.e2e
def test_the_test_file_does_not_touch_the_model(trained, files, tmp_path):
    """With or without a test file, whatever it holds: the same weights."""
    outcome = train(request({**files, "test": None}, tmp_path / "run"))
    assert outcome.test is None
    assert read(tmp_path / "run" / "metrics.json")["test"] is None
    assert verify(outcome.bundle)["checksum"] == verify(trained.outcome.bundle)["checksum"]


@pytest.mark.e2e
def test_a_corpus_with_other_labels_trains_nine_types(tmp_path):
    files = tiny.corpus(tmp_path / "corpus", WNUT)
    made = request(files, tmp_path / "run", profile="rag9")
    said = told(made)
    record = read(tmp_path / "run" / "run.json")
    assert record["data"]["train"]["table"] == "wnut17"
    assert ["location", "PLACE"] in [row[:2] for row in record["data"]["train"]["mapped"]]
    silent = ["ORGANISM", "EVENT", "INSTRUMENT", "DOMAIN", "MEASURE"]
    assert record["closed_world"] == silent
    assert f"no training document marks every {', '.join(silent)}" in said
    metadata = verify(tmp_path / "run" / "bundle")
    assert metadata["num_labels"] == 19
    assert metadata["profile"] == "rag9"
    scores = read(tmp_path / "run" / "metrics.json")["test"]
    assert set(scores["per_type"]) <= {"PERSON", "PLACE", "AGENCY", "WORK"}


@pytest.mark.e2e
def test_a_label_of_several_types_is_trained_and_scored(tmp_path):
    """MISC may be one of four types, of which CoNLL-2003 annotates two: it has no score."""
    files = tiny.corpus(tmp_path / "corpus", MISC)
    longer = ("training.epochs=10", "training.learning_rate=0.03", "training.average_decay=0")
    outcome = train(request(files, tmp_path / "run", *longer, profile="rag9", test=None))
    mapped = read(tmp_path / "run" / "run.json")["data"]["train"]["mapped"]
    assert ["MISC", "DOMAIN|EVENT|INSTRUMENT|WORK"] in [row[:2] for row in mapped]
    candidates = {"DOMAIN", "EVENT", "INSTRUMENT", "WORK"}
    assert set(outcome.dev.unscored) & candidates, "the model settled for one of the candidates"
    assert set(outcome.dev.unscored_gold) == {"|".join(sorted(candidates))}


@pytest.mark.e2e
def test_a_run_that_starts_from_a_checkpoint_says_so(trained, files, tmp_path):
    made = request(files, tmp_path / "run", recipe=tiny.build_recipe(
        assignments=["training.epochs=1", "training.learning_rate=1e-3"], pretrained=True
    ), init=trained.request.out)  # fmt: skip
    said = told(made)
    record = read(tmp_path / "run" / "run.json")
    bundle = trained.outcome.bundle
    assert record["init"] == {"path": str(bundle), "sha256": verify(bundle)["checksum"]}
    assert record["recipe"]["preset"] is None
    assert record["recipe"]["model"] == read(trained.request.out / "run.json")["recipe"]["model"]
    assert "in the checkpoint, not used: crf.end" in said


@pytest.mark.e2e
def test_what_the_data_suffers_is_said(files, tmp_path):
    said = told(request(files, tmp_path / "run", "training.epochs=1"))
    assert "warning: the training set has fewer than 20 examples of" in said
    assert "training set: documents 24, words" in said


def refused(made, error, match):
    """The run is refused, and leaves no folder behind."""
    with pytest.raises(error, match=match):
        train(made)
    assert not made.out.exists()


def test_files_that_are_not_there_leave_no_folder(files, tmp_path):
    for name in files:
        made = request({**files, name: tmp_path / "nowhere"}, tmp_path / "run")
        refused(made, DataError, "nowhere: no such file")


def test_data_that_cannot_be_trained_on_leaves_no_folder(files, tmp_path):
    overlapping = tmp_path / "overlap.jsonl"
    entities = [{"start": 0, "end": 8, "label": "A"}, {"start": 4, "end": 8, "label": "B"}]
    overlapping.write_text(json.dumps({"text": "New York", "entities": entities}))
    made = request({"train": overlapping, "dev": overlapping}, tmp_path / "run")
    refused(made, AnnotationError, "two annotations meet")


def test_training_text_without_words_leaves_no_folder(tmp_path):
    """The only weighted document is empty."""
    path = tmp_path / "a.jsonl"
    labelled = {"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "A"}], "weight": 0}
    path.write_text("\n".join(map(json.dumps, [labelled, {"text": " ", "entities": []}])))
    made = request({"train": path, "dev": path}, tmp_path / "run")
    refused(made, DataError, "at least one word to train on")


def test_a_checkpoint_that_does_not_fit_leaves_no_folder(trained, files, tmp_path):
    recipe = tiny.build_recipe(preset="tiny", pretrained=True)
    made = request(files, tmp_path / "run", recipe=recipe, init=trained.request.out)
    refused(made, ConfigurationError, "does not fit the checkpoint")


def test_an_unknown_table_leaves_no_folder(files, tmp_path):
    refused(request(files, tmp_path / "run", table="x"), OssammaError, "no table 'x'")


def test_a_folder_in_use_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    nothing = {"train": tmp_path / "nowhere", "dev": tmp_path / "nowhere"}
    with pytest.raises(CheckpointError, match="is not empty"):
        train(request(nothing, tmp_path / "run"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_a_finished_run_is_not_begun_again(trained):
    with pytest.raises(CheckpointError, match="is not empty"):
        train(trained.request)


@pytest.mark.e2e
def test_resuming_a_finished_run_changes_no_weight(files, tmp_path):
    made = request(files, tmp_path / "run")
    before = verify(train(made).bundle)["checksum"]
    log = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    again = train(replace(made, resume=True))
    assert verify(again.bundle)["checksum"] == before
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == log
    assert read(tmp_path / "run" / "run.json")["status"] == "finished"


def test_resuming_nothing_is_refused(files, tmp_path):
    refused(request(files, tmp_path / "run", resume=True), CheckpointError, "is not a run")


@pytest.mark.e2e
def test_resuming_with_other_settings_is_refused(files, tmp_path):
    made = request(files, tmp_path / "run", "training.epochs=1")
    train(made)
    other = replace(made, resume=True, recipe=tiny.recipe("training.epochs=3"))
    with pytest.raises(CheckpointError, match=r"recipe\.training\.epochs was 1, now it is 3"):
        train(other)


@pytest.mark.e2e
def test_resuming_with_other_data_is_refused(files, tmp_path):
    made = request(files, tmp_path / "run", "training.epochs=1")
    train(made)
    with files["dev"].open("a") as file:
        file.write("\nAda\tB-PERSON\n")
    with pytest.raises(CheckpointError, match=r"data\.dev\.sha256 was"):
        train(replace(made, resume=True))
    assert read(tmp_path / "run" / "run.json")["status"] == "finished"


@pytest.mark.e2e
def test_a_run_interrupted_before_its_first_checkpoint_can_be_resumed(
    trained, files, tmp_path, monkeypatch
):
    made = request(files, tmp_path / "run")
    with monkeypatch.context() as patch:

        def interrupt(*_args):
            raise KeyboardInterrupt

        patch.setattr(train_run, "score", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(made)
    assert read(tmp_path / "run" / "run.json")["status"] == "interrupted"
    outcome = train(replace(made, resume=True))
    expected = load_file(trained.outcome.bundle / "model.safetensors")
    found = load_file(outcome.bundle / "model.safetensors")
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_that_goes_astray_stops_and_says_so(files, tmp_path):
    made = request(
        files, tmp_path / "run", "training.learning_rate=1e30", "training.warmup_ratio=0"
    )
    with pytest.raises(TrainingError, match="lower learning_rate"):
        train(made)
    record = read(tmp_path / "run" / "run.json")
    assert record["status"] == "failed"
    assert record["reason"].startswith("TrainingError: the ")
    assert not (tmp_path / "run" / "bundle").exists()

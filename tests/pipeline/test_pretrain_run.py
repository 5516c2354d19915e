"""From texts to an encoder that fine-tuning takes up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ossamma.data.readers.jsonl import write_jsonl
from ossamma.pipeline.initialise import from_checkpoint
from ossamma.pipeline.pretrain_run import (
    PretrainOutcome,
    PretrainRequest,
    TextFile,
    build_tokenizer,
    pretrain_encoder,
)
from ossamma.pipeline.recipe import build_pretrain_recipe, build_recipe
from ossamma.schema.errors import CheckpointError, ConfigurationError, DataError
from ossamma.tokenization.tokenizer import PieceTokenizer, TokenizerSettings
from tests import tiny

SETTINGS = (
    "model.hidden_size=16",
    "model.num_hidden_layers=1",
    "model.num_attention_heads=2",
    "model.num_oscillators=4",
    "model.time_dimension=4",
    "model.word_feature_width=4",
    "model.word_features=[[suffix3, 50], [shape, 30]]",
    "tokenizer.vocab_size=280",
    "pretraining.max_steps=4",
    "pretraining.batch_pieces=256",
    "pretraining.gradient_accumulation_steps=1",
    "pretraining.warmup_steps=1",
    "pretraining.learning_rate=0.01",
    "pretraining.precision=fp32",
    "pretraining.evaluate_every=2",
    "pretraining.checkpoint_every=2",
    "pretraining.held_out_rows=8",
    "pretraining.num_threads=1",
    "noise.time_sampling=bell",
)


@pytest.fixture
def request_for(tmp_path: Path):  # type: ignore[no-untyped-def]
    write_jsonl(tmp_path / "a.jsonl", tiny.documents(300, seed=1))
    texts = "\n\n".join(document.text for document in tiny.documents(200, seed=2))
    (tmp_path / "b.txt").write_text(texts + "\n")

    def make(name: str, *changes: str, **options: object) -> PretrainRequest:
        recipe = build_pretrain_recipe(assignments=[*SETTINGS, *changes])
        files = (TextFile(tmp_path / "a.jsonl"), TextFile(tmp_path / "b.txt", 0.5))
        return replace(
            PretrainRequest(texts=files, out=tmp_path / name, recipe=recipe, row_pieces=64),
            **options,  # type: ignore[arg-type]
        )

    return make


def weights(outcome: PretrainOutcome) -> dict[str, torch.Tensor]:
    return load_file(outcome.encoder / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_fine_tuning_starts_from_every_tensor_of_the_encoder(request_for) -> None:  # type: ignore[no-untyped-def]
    request = request_for("run")
    outcome = pretrain_encoder(request)
    stored = weights(outcome)
    recipe = build_recipe(pretrained=True)
    for place in (request.out, outcome.encoder):
        start = from_checkpoint(place, tiny.LABELS, recipe)
        fresh = start.model.state_dict()
        assert all(torch.equal(fresh[name], stored[name]) for name in stored if "head" not in name)
        assert any(name.startswith("encoder.blocks.") for name in stored)
    record = json.loads((request.out / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["scores"]["bound"] == pytest.approx(outcome.result.scores.bound)
    assert [text["weight"] for text in record["texts"]] == [1.0, 0.5]
    assert record["recipe"]["noise"]["time_sampling"] == "bell"


def test_the_same_request_gives_the_same_weights_and_another_seed_others(request_for) -> None:  # type: ignore[no-untyped-def]
    one, again, other = (
        weights(pretrain_encoder(request_for(name, f"pretraining.seed={seed}")))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert same(one, again)
    assert not same(one, other)


def test_a_resumed_run_must_be_the_same_run(request_for) -> None:  # type: ignore[no-untyped-def]
    outcome = pretrain_encoder(request_for("run"))
    before = weights(outcome)
    assert same(before, weights(pretrain_encoder(request_for("run", resume=True))))
    with pytest.raises(CheckpointError, match="not empty"):
        pretrain_encoder(request_for("run"))
    with pytest.raises(CheckpointError, match="recipe differ"):
        pretrain_encoder(request_for("run", "pretraining.seed=3", resume=True))
    with pytest.raises(CheckpointError, match="not a run"):
        pretrain_encoder(request_for("elsewhere", resume=True))


def test_samples_are_kept_from_before_and_after_also_by_a_resumed_run(request_for) -> None:  # type: ignore[no-untyped-def]
    request = request_for("run")
    pretrain_encoder(request)
    samples = json.loads((request.out / "samples.json").read_text())
    assert set(samples) == {"before", "after"}
    assert samples["before"]["free"] != samples["after"]["free"]
    for drawn in samples.values():
        assert len(drawn["free"]) == len(drawn["completed"]) == 4
        for sample in drawn["completed"]:
            assert "[MASK]" in sample["shown"]
            assert "[MASK]" not in sample["text"] + sample["completion"]
    pretrain_encoder(request_for("run", resume=True))
    assert json.loads((request.out / "samples.json").read_text()) == samples


def test_a_given_tokenizer_is_used_as_it_is(request_for, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    own = build_tokenizer(
        [tmp_path / "b.txt"], TokenizerSettings(vocab_size=270), tmp_path / "tokenizer"
    )
    request = request_for("run", tokenizer=tmp_path / "tokenizer")
    pretrain_encoder(request)
    used = PieceTokenizer.load(request.out)
    assert used.backend.to_str() == own.backend.to_str()


def test_held_out_documents_are_in_no_training_store(request_for) -> None:  # type: ignore[no-untyped-def]
    request = request_for("run")
    pretrain_encoder(request)
    counts = {
        path.parent.name: json.loads(path.read_text())["documents"]
        for path in (request.out / "tokens").glob("*/index.json")
    }
    assert counts["00-a-train"] + counts.get("00-a-held-out", 0) == 300
    assert counts["01-b-train"] + counts.get("01-b-held-out", 0) == 200
    assert sum(number for name, number in counts.items() if "held-out" in name) > 0


def test_no_text_and_a_text_without_words_are_refused(request_for, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match="at least one text"):
        pretrain_encoder(request_for("x", texts=()))
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(DataError, match="at least one word"):
        pretrain_encoder(request_for("y", texts=(TextFile(tmp_path / "empty.txt"),)))


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.epochs=3", "unknown section 'training'"),
        ("noise.schedule=square", "schedule"),
        ("pretraining.max_step=3", "did you mean max_steps"),
        ("pretraining.noise=3", "unknown setting pretraining.noise"),
    ],
)
def test_wrong_settings_are_refused_by_name(assignment: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build_pretrain_recipe(assignments=[assignment])


@pytest.mark.e2e
def test_a_tracker_has_settings_curves_and_the_last_figures(  # type: ignore[no-untyped-def]
    request_for, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    mlflow = pytest.importorskip("mlflow")
    outcome = pretrain_encoder(request_for("run", trackers=("mlflow",)))
    ids = json.loads((tmp_path / "run" / "trackers.json").read_text())
    kept = mlflow.MlflowClient().get_run(ids["mlflow"])
    assert (kept.info.run_name, kept.info.status) == ("run", "FINISHED")
    assert kept.data.params["pretraining.max_steps"] == "4"
    assert kept.data.params["texts.1.weight"] == "0.5"
    assert kept.data.metrics["held_out.perplexity"] == outcome.result.scores.perplexity
    steps = mlflow.MlflowClient().get_metric_history(kept.info.run_id, "eval_perplexity")
    assert [point.step for point in steps] == [2, 4]

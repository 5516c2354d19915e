"""A run with an encoder of transformers learns, is released and resumed, or refused with reason."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from http import HTTPStatus

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

import ossamma
from ossamma.export.bundle import Backend, load
from ossamma.export.manifest import verify
from ossamma.inference.settings import InferenceSettings
from ossamma.pipeline.calibrate import CalibrationRequest, calibrate_bundle
from ossamma.pipeline.export_onnx import GraphForm
from ossamma.pipeline.export_run import ExportRequest, export_run
from ossamma.pipeline.hub_encoder import from_hugging_face
from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.train_run import TrainRequest, train
from ossamma.schema.errors import CheckpointError, ConfigurationError
from ossamma.schema.spans import Document
from ossamma.serving.app import create_app
from tests import tiny
from tests.tiny_encoder import FAMILIES, write_encoder
from tests.tiny_tagger import recipe

TEXTS = [document.text for document in tiny.documents(50, 0)]


def encoder(folder, family="roberta"):
    return write_encoder(folder, TEXTS, family, layers=2)


def request(folder, *assignments, family="roberta"):
    return TrainRequest(
        profile="native",
        **tiny.corpus(folder / "corpus"),
        out=folder / "run",
        encoder=str(encoder(folder / "encoder", family)),
        recipe=recipe(*assignments),
    )


@pytest.fixture(scope="module", params=FAMILIES)
def run(request, tmp_path_factory):
    """A finished run with each family, whose encoder's folder is gone, and its outcome."""
    folder = tmp_path_factory.mktemp(request.param)
    made = globals()["request"](folder, "training.epochs=4", family=request.param)
    outcome = train(made)
    shutil.rmtree(folder / "encoder")
    return made, outcome


def losses(run):
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [line["loss"] for line in map(json.loads, lines) if "loss" in line]


def test_the_loss_falls(run):
    found = losses(run[0].out)
    assert sum(found[-6:]) / 6 < 0.6 * sum(found[:3]) / 3


def test_the_bundle_is_whole_and_answers_as_the_trained_model_did(run):
    made, outcome = run
    metadata = verify(outcome.bundle)
    assert metadata["val_f1"] == outcome.dev.micro.f1 > 0.2
    assert not list(outcome.bundle.glob("*.bin"))
    texts = [document.text for document in tiny.documents(20, 5)]
    assert ossamma.load(made.out).recognise(texts) == outcome.recogniser.recognise(texts)


def test_the_record_names_the_encoder(run):
    record = json.loads((run[0].out / "run.json").read_text(encoding="utf-8"))
    assert record["init"]["path"] == run[0].encoder
    assert len(record["init"]["sha256"]) == 64
    model = record["recipe"]["model"]
    assert model["encoder"]["num_hidden_layers"] == 2
    assert "num_oscillators" not in model


def test_a_long_text_is_read_to_its_end(run):
    """Windows are cut to the encoder's positions; what was found keeps its place."""
    recogniser = load(run[1].bundle)
    assert recogniser.settings.window_pieces == recogniser.model.config.longest_window <= 128
    text = "Ada Lovelace met Alan Turing in Oslo .\n" * 200
    laid = recogniser.lay_out(Document(id="0", text=text))
    assert len(laid.windows) > 10
    assert [w.core_start for w in laid.windows[1:]] == [w.core_end for w in laid.windows[:-1]]
    assert (laid.windows[0].core_start, laid.windows[-1].core_end) == (0, 200 * 8)
    laid.emissions_NK.fill_(torch.nan)
    recogniser.encode([(laid, number) for number in range(len(laid.windows))])
    assert laid.emissions_NK.isfinite().all(), "every word is scored by the window that owns it"
    (found,) = recogniser.recognise([text])
    assert all(text[entity.start : entity.end] == entity.text for entity in found)


def test_it_is_served(run):
    text = "Ada Lovelace met Grace Hopper in Oslo ."
    app = create_app({"default": run[1].bundle})
    with TestClient(app) as client:
        while client.get("/ready").status_code != HTTPStatus.OK:
            time.sleep(0.01)
        answer = client.post("/ner", json={"text": text}).json()
    served = [(entity["start"], entity["end"], entity["label"]) for entity in answer["entities"]]
    (found,) = load(run[1].bundle).recognise([text])
    assert served == [(entity.start, entity.end, entity.label) for entity in found]


def test_it_is_calibrated(run, tmp_path):
    dev = tiny.write_conll(tmp_path / "dev.conll", tiny.documents(40, 9, "c"))
    calibrate_bundle(
        CalibrationRequest(bundle=run[1].bundle, gold=dev, out=tmp_path / "calibrated")
    )
    recogniser = load(tmp_path / "calibrated")
    assert recogniser.calibration is not None
    assert recogniser.recognise([dev.read_text(encoding="utf-8")])


ODD = ("\u200d", "\x00\x01", "\U0001f600 \ud800", "x" * 5000, "\u4e2d" * 300)


@pytest.mark.parametrize("text", ODD, ids=["joiner", "controls", "surrogate", "long", "ideographs"])
def test_odd_texts_have_pieces(run, text):
    (found,) = load(run[1].bundle).recognise([text])
    assert all(text[entity.start : entity.end] == entity.text for entity in found)


def checksums_whole_and_resumed(folder, *settings, family="roberta"):
    """Of a run's bundle, and of that of the same run interrupted in its second epoch."""
    made = request(folder, "training.average_decay=0.9", *settings, family=family)
    whole = train(made)

    def interrupt(epoch, _scores):
        if epoch == 2:
            raise KeyboardInterrupt
        return False

    cut = replace(made, out=folder / "cut")
    with pytest.raises(KeyboardInterrupt):
        train(cut, watch=interrupt)
    resumed = train(replace(cut, resume=True))
    return verify(whole.bundle)["checksum"], verify(resumed.bundle)["checksum"]


@pytest.mark.e2e
@pytest.mark.parametrize("family", FAMILIES)
def test_a_resumed_run_ends_with_the_same_bits(family, tmp_path):
    settings = ("training.layer_decay=0.8", "training.head_learning_rate=0.02")
    whole, resumed = checksums_whole_and_resumed(tmp_path, *settings, family=family)
    assert resumed == whole


@pytest.mark.e2e
def test_a_resumed_run_with_adapters_ends_with_the_same_bits(tmp_path):
    settings = ("training.lora_rank=2", "training.lora_dropout=0.1", "training.frozen_layers=1")
    whole, resumed = checksums_whole_and_resumed(tmp_path, *settings)
    assert resumed == whole


def test_a_bundle_has_plain_weights_and_frozen_layers_as_they_were(tmp_path):
    made = request(tmp_path, "training.lora_rank=2", "training.frozen_layers=1")
    outcome = train(made)
    stored = load_file(outcome.bundle / "model.safetensors")
    origin = AutoModel.from_pretrained(made.encoder).state_dict()
    prefix = "encoder.network."
    found = {n.removeprefix(prefix): t for n, t in stored.items() if n.startswith(prefix)}
    assert found.keys() == {name for name in origin if not name.startswith("pooler.")}
    moved = {name for name in found if not torch.equal(found[name], origin[name])}
    assert moved
    assert all("encoder.layer.1." in name and name.endswith(".weight") for name in moved)


def test_another_encoder_is_another_run(tmp_path):
    made = request(tmp_path)
    train(made)
    other = write_encoder(tmp_path / "other", TEXTS, "roberta", seed=1, layers=2)
    with pytest.raises(CheckpointError, match="init was"):
        train(replace(made, resume=True, encoder=str(other)))
    (tmp_path / "encoder").rename(tmp_path / "moved")
    train(replace(made, resume=True, encoder=str(tmp_path / "moved")))


@pytest.mark.e2e
def test_a_bundle_is_a_start_for_another_run(tmp_path):
    made = request(tmp_path, "training.epochs=1")
    train(made)
    again = replace(made, encoder=None, init=made.out, out=tmp_path / "again")
    outcome = train(again)
    assert outcome.recogniser.model.config.encoder["model_type"] == "roberta"
    with pytest.raises(ConfigurationError, match=r"model\.dropout"):
        train(replace(again, out=tmp_path / "third", recipe=recipe("model.dropout=0.3")))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_released_with_a_graph(family, tmp_path):
    made = request(tmp_path, family=family)
    train(made)
    out = tmp_path / "release"
    done = export_run(ExportRequest(run=made.out, out=out, onnx=GraphForm.FP32))
    assert not done.refusals
    texts = [document.text for document in tiny.documents(20, 5)]
    by_graph = load(out, backend=Backend.ONNX).recognise(texts)
    by_torch = load(out, backend=Backend.TORCH).recognise(texts)
    assert [[e.text for e in found] for found in by_graph] == [
        [e.text for e in found] for found in by_torch
    ]


def start(folder, *assignments):
    return from_hugging_face(str(folder), tiny.LABELS, recipe(*assignments))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_word_has_the_pieces_that_its_own_tokenizer_gives_it(family, tmp_path):
    folder = encoder(tmp_path, family)
    own = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    words = ["Ada", "Lovelace", "met", "Noether-Hopper", "in", "1842", ".", "O'Brien", "\u00c5se"]
    pieces = start(folder).tokenizer.encode_words(words)
    for word, found in zip(words, pieces, strict=True):
        given = own([word], is_split_into_words=True, add_special_tokens=False)["input_ids"]
        assert list(found) == given


def test_windows_longer_than_the_encoder_reads_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"window_pieces must be at most 126"):
        train(request(tmp_path, "training.window_pieces=200"))
    assert not (tmp_path / "run").exists()


def test_settings_of_inference_shrink_to_the_encoder(tmp_path):
    model = start(encoder(tmp_path)).model
    wide = InferenceSettings(margin_pieces=96).within(model.config.longest_window)
    assert (wide.window_pieces, wide.margin_pieces) == (126, 38)
    assert InferenceSettings().within(1 << 30) == InferenceSettings()


def test_pickled_weights_are_refused(tmp_path):
    folder = encoder(tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigurationError, match=r"got pickled weights \(pytorch_model.bin\)"):
        start(folder)


def test_code_of_a_checkpoint_is_not_run(tmp_path):
    folder = encoder(tmp_path)
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8")) | {
        "model_type": "their-own",
        "auto_map": {"AutoConfig": "trap.Config", "AutoModel": "trap.Model"},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    (folder / "trap.py").write_text("raise SystemExit('their code ran')\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is never run"):
        start(folder)


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named_or_advised(lost, tmp_path):
    folder = encoder(tmp_path)
    (folder / lost).unlink()
    with pytest.raises(ConfigurationError, match=r"the encoder .* expected "):
        start(folder)


def test_damaged_weights_are_refused(tmp_path):
    folder = encoder(tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ConfigurationError, match="cannot load the encoder"):
        start(folder)


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c"])
def test_a_path_that_is_none_is_not_looked_for_on_a_hub(name):
    with pytest.raises(ConfigurationError, match="no such folder"):
        from_hugging_face(name, tiny.LABELS, recipe())


def test_a_name_that_cannot_be_had_is_refused_without_a_download(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigurationError, match="HF_HUB_OFFLINE is set"):
        from_hugging_face("nobody/no-such-encoder-of-ours", tiny.LABELS, recipe())


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.num_oscillators=4", "model.num_oscillators says nothing"),
        ("tokenizer.vocab_size=300", "brings its own size and tokenizer"),
    ],
)
def test_what_the_encoder_decides_cannot_be_set(assignment, message, tmp_path):
    with pytest.raises(ConfigurationError, match=message):
        start(encoder(tmp_path), assignment)


def test_a_preset_and_a_checkpoint_beside_an_encoder_are_refused(tmp_path):
    folder = encoder(tmp_path / "encoder")
    sized = build_recipe(preset="tiny", pretrained=True)
    with pytest.raises(ConfigurationError, match="brings its own size"):
        from_hugging_face(str(folder), tiny.LABELS, sized)
    made = replace(request(tmp_path), init=folder)
    with pytest.raises(ConfigurationError, match="--init or --encoder"):
        train(made)


def test_the_heads_and_the_dropout_can_be_set(tmp_path):
    folder = encoder(tmp_path)
    config = start(folder, "model.dropout=0.3", "model.omission_rate=0.5").model.config
    assert config.omission_rate == 0.5
    assert config.encoder["hidden_dropout_prob"] == 0.3


def test_the_same_weights_have_the_same_fingerprint_wherever_they_lie(tmp_path):
    first = encoder(tmp_path / "a")
    shutil.copytree(first, tmp_path / "b")
    other = write_encoder(tmp_path / "c", TEXTS, "roberta", seed=1, layers=2)
    prints = [start(folder).origin.sha256 for folder in (first, tmp_path / "b", other)]
    assert prints[0] == prints[1] != prints[2]

"""What a bundle gives back is what was put in, or an error that names the file."""

from __future__ import annotations

import json
import random

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, AutoTokenizer

import ossamma
from ossamma.export.bundle import load, save_bundle
from ossamma.export.manifest import METADATA_FILE, remove_leftovers, seal, verify
from ossamma.inference.settings import InferenceSettings
from ossamma.schema.errors import BundleError, ConfigurationError, OssammaError
from ossamma.schema.profile import native_profile
from tests import tiny

FACTS = {"checkpoint_epoch": 3.0, "val_f1": 0.5, "profile": "native"}
TEXTS = ["Ada Lovelace met Alan Turing in New York", "", "Oslo\nLima 👍🏽 \ud800", "Emmy Noether"]


def save(folder, *, seed=0):
    pieces = tiny.tokenizer()
    model = tiny.model(pieces, seed=seed)
    save_bundle(folder, model, pieces, tiny.PROFILE, facts=FACTS)
    return model


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "bundle"
    save(folder)
    return folder


@pytest.fixture
def bundle(tmp_path):
    save(tmp_path / "bundle")
    return tmp_path / "bundle"


def test_entities_and_confidences_are_identical_after_the_round_trip(pristine):
    assert load(pristine).recognise(TEXTS) == tiny.recogniser().recognise(TEXTS)
    assert any(tiny.recogniser().recognise(TEXTS))


def test_the_folder_of_a_run_and_a_string_do_as_well(pristine):
    assert ossamma.load(str(pristine.parent)).recognise(TEXTS) == load(pristine).recognise(TEXTS)


def test_a_device_that_is_not_there_is_refused(pristine):
    with pytest.raises(ConfigurationError, match="cuda:99"):
        load(pristine, device="cuda:99")
    assert load(pristine, device="cpu").model.device.type == "cpu"


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds(pristine):
    found, known = load(pristine, device="cuda"), load(pristine)
    assert found.model.device.type == "cuda"
    for ours, theirs in zip(found.recognise(TEXTS), known.recognise(TEXTS), strict=True):
        assert [e.label for e in ours] == [e.label for e in theirs]
        assert [(e.start, e.end) for e in ours] == [(e.start, e.end) for e in theirs]
        expected = [e.confidence for e in theirs]
        assert [e.confidence for e in ours] == pytest.approx(expected, abs=1e-3)


def test_settings_reach_the_recogniser(pristine):
    chosen = InferenceSettings(margin_pieces=5)
    assert load(pristine, chosen).settings is chosen


def test_loading_and_saving_write_nothing_on_the_terminal(tmp_path, capfd):
    save(tmp_path / "b")
    load(tmp_path / "b")
    assert capfd.readouterr() == ("", "")


def test_metadata_says_what_this_is(pristine):
    metadata = verify(pristine)
    weights = load_file(pristine / "model.safetensors")
    expected = {
        "model_type": "OssammaNER",
        "version": ossamma.__version__,
        "num_labels": 5,
        "label_schema": list(tiny.LABELS.tags),
        "checkpoint_epoch": 3.0,
        "val_f1": 0.5,
        "profile": "native",
    }
    assert {name: metadata[name] for name in expected} == expected
    assert len(metadata["checksum"]) == 64
    assert metadata["exported_at"].startswith("20")
    parameters = dict(tiny.model(tiny.tokenizer()).named_parameters())
    assert metadata["num_parameters"] == sum(weights[name].numel() for name in parameters)


def test_facts_cannot_pass_for_something_else(tmp_path):
    pieces = tiny.tokenizer()
    forged = {**FACTS, "model_type": "Other", "checksum": "0", "files": {}, "format": 7}
    save_bundle(tmp_path / "b", tiny.model(pieces), pieces, tiny.PROFILE, facts=forged)
    assert verify(tmp_path / "b")["model_type"] == "OssammaNER"


def test_nothing_in_a_bundle_names_this_machine(pristine):
    for path in pristine.iterdir():
        assert str(pristine.parent).encode() not in path.read_bytes(), path.name


def test_a_bundle_of_a_loaded_bundle_is_the_same(pristine, tmp_path):
    loaded = load(pristine)
    save_bundle(tmp_path / "b", loaded.model, loaded.tokenizer, tiny.PROFILE, facts=FACTS)
    before, after = (verify(folder)["files"] for folder in (pristine, tmp_path / "b"))
    assert before == after


def test_no_file_can_be_run(pristine):
    assert {path.suffix for path in pristine.iterdir()} == {".json", ".safetensors"}


def test_hugging_face_loads_it_too(pristine):
    model = AutoModelForTokenClassification.from_pretrained(pristine)
    pieces = AutoTokenizer.from_pretrained(pristine)
    assert torch.equal(model.head.emissions.weight, load(pristine).model.head.emissions.weight)
    assert pieces(" Oslo", add_special_tokens=False)["input_ids"] == list(
        load(pristine).tokenizer.encode_words(["Oslo"])[0]
    )


def test_flipping_a_byte_of_any_file_is_refused(bundle):
    generator = random.Random(1)
    for path in sorted(bundle.iterdir()):
        content = path.read_bytes()
        for place in {0, len(content) - 1, *(generator.randrange(len(content)) for _ in range(4))}:
            flipped = bytearray(content)
            flipped[place] ^= 1 << generator.randrange(8)
            path.write_bytes(flipped)
            with pytest.raises(BundleError):
                load(bundle)
        path.write_bytes(content)
    load(bundle)


def test_truncated_weights_are_refused(bundle):
    path = bundle / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"model.safetensors is damaged"):
        load(bundle)


def reseal(folder):
    """Seal again what was changed: the hashes are right, the content may be nonsense."""
    metadata = json.loads((folder / METADATA_FILE).read_text())
    (folder / METADATA_FILE).unlink()
    seal(folder, {k: v for k, v in metadata.items() if k not in ("files", "metadata_checksum")})


def change_json(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(hidden_size=32),
        lambda config: config.update(hidden_size="wide"),
        lambda config: config.update(num_hidden_layers=2),
        lambda config: config.update(word_features=[["unknown", 3]]),
    ],
    ids=["width", "type", "layers", "features"],
)
def test_weights_that_do_not_fit_their_configuration_are_refused(bundle, change):
    change_json(bundle / "config.json", change)
    reseal(bundle)
    with pytest.raises(OssammaError):
        load(bundle)


def test_a_missing_tensor_is_refused_by_name(bundle):
    weights = load_file(bundle / "model.safetensors")
    del weights["crf.start"]
    save_file(weights, bundle / "model.safetensors", metadata={"format": "pt"})
    reseal(bundle)
    with pytest.raises(BundleError, match=r"do not fit the configuration.*crf\.start"):
        load(bundle)


def test_a_surplus_tensor_is_refused_by_name(bundle):
    weights = load_file(bundle / "model.safetensors") | {"back.door": torch.ones(1)}
    save_file(weights, bundle / "model.safetensors", metadata={"format": "pt"})
    reseal(bundle)
    with pytest.raises(BundleError, match=r"do not fit the configuration.*back\.door"):
        load(bundle)


def test_nonsense_in_place_of_weights_is_refused(bundle):
    (bundle / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0nonsense nonsense")
    reseal(bundle)
    with pytest.raises(BundleError, match=r"the model cannot be built from its files"):
        load(bundle)


def test_a_tokenizer_with_more_pieces_than_the_model_is_refused(bundle):
    pieces = tiny.tokenizer()
    config = json.loads((bundle / "config.json").read_text())
    while pieces.vocab_size <= config["vocab_size"]:
        pieces.backend.add_tokens([f"<extra {pieces.vocab_size}>"])
    pieces.save(bundle)
    reseal(bundle)
    with pytest.raises(BundleError, match=r"the model knows only"):
        load(bundle)


def test_saving_again_replaces_the_bundle(bundle):
    before = verify(bundle)
    save(bundle, seed=5)
    after = verify(bundle)
    assert before["checksum"] != after["checksum"]
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(bundle):
    before = verify(bundle)
    pieces = tiny.tokenizer()
    with pytest.raises(ValueError, match=r"JSON"):  # a fact that JSON cannot hold
        save_bundle(
            bundle,
            tiny.model(pieces, seed=5),
            pieces,
            tiny.PROFILE,
            facts={**FACTS, "val_f1": float("nan")},
        )
    assert verify(bundle) == before
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_something_else_in_the_way_is_not_replaced(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match=r"is not a bundle"):
        save(tmp_path / "b")
    assert (tmp_path / "b" / "thesis.txt").read_text() == "years of work"


def test_a_model_of_other_types_than_the_profile_is_our_own_fault(tmp_path):
    pieces = tiny.tokenizer()
    with pytest.raises(AssertionError, match=r"predicts the profile's types"):
        save_bundle(
            tmp_path / "b", tiny.model(pieces), pieces, native_profile(["SHIP"]), facts=FACTS
        )


def test_leftovers_of_this_bundle_alone_are_removed(bundle):
    for name in (".bundle.0123", ".bundle.4567", ".best.0123", "bundle.old"):
        (bundle.parent / name).mkdir()
    remove_leftovers(bundle)
    assert sorted(path.name for path in bundle.parent.iterdir()) == [
        ".best.0123",
        "bundle",
        "bundle.old",
    ]

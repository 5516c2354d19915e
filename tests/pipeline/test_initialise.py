"""A run starts at random or from a checkpoint, and says by name what it did not take."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ossamma.export.bundle import save_bundle
from ossamma.export.manifest import sha256
from ossamma.model.modeling import OssammaForMaskedDiffusion
from ossamma.pipeline.initialise import from_checkpoint, from_scratch, load_encoder
from ossamma.schema.errors import BundleError, CheckpointError, ConfigurationError
from ossamma.schema.labels import LabelSet
from tests import tiny

OTHER = LabelSet(("SHIP", "STAR", "TREE"))
HEADS = (
    "crf.end, crf.start, crf.transitions, head.boundaries.bias, head.boundaries.weight, "
    "head.emissions.bias, head.emissions.weight, head.norm.bias, head.norm.weight"
)


def pretrained(*assignments: str, **options: object):
    return tiny.build_recipe(assignments=assignments, pretrained=True, **options)


@pytest.fixture
def checkpoint(tmp_path):
    """A pre-training checkpoint: an encoder under another head, with a tokenizer."""
    folder = tmp_path / "pretrained"
    pieces = tiny.tokenizer()
    torch.manual_seed(7)
    OssammaForMaskedDiffusion(tiny.model(pieces).config).save_pretrained(folder)
    pieces.save(folder)
    return folder


def change_weights(folder, change):
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})


def change_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_from_scratch_follows_the_recipe():
    made = from_scratch(tiny.documents(20, seed=0), tiny.LABELS, tiny.recipe())
    assert made.model.config.hidden_size == 16
    assert made.model.labels == tiny.LABELS
    assert made.model.config.vocab_size == made.tokenizer.vocab_size == 280
    assert made.model.config.mask_token_id == made.tokenizer.mask_id
    assert made.origin is None
    assert "from scratch" in made.notes[0]


def test_the_encoder_is_that_of_the_checkpoint_and_the_heads_are_new(checkpoint):
    made = from_checkpoint(checkpoint, OTHER, pretrained())
    stored = load_file(checkpoint / "model.safetensors")
    state = made.model.state_dict()
    encoder = [name for name in state if name.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(state[name], stored[name]) for name in encoder)
    assert made.model.labels == OTHER
    assert made.tokenizer.encode_words(["Oslo"]) == tiny.tokenizer().encode_words(["Oslo"])
    assert made.origin.sha256 == sha256(checkpoint / "model.safetensors")


def test_what_is_not_used_is_named(checkpoint):
    notes = from_checkpoint(checkpoint, OTHER, pretrained()).notes
    assert notes == (f"encoder from {checkpoint}", "in the checkpoint, not used: head.bias")


def test_what_is_not_found_is_named(checkpoint):
    change_weights(checkpoint, lambda weights: weights.pop("encoder.norm.weight"))
    notes = from_checkpoint(checkpoint, OTHER, pretrained()).notes
    assert "not in the checkpoint, start at random: encoder.norm.weight" in notes


def test_a_bundle_and_a_run_are_checkpoints_too(tmp_path):
    pieces = tiny.tokenizer()
    model = tiny.model(pieces, seed=3)
    facts = {"checkpoint_epoch": 1.0, "val_f1": 0.5}
    save_bundle(tmp_path / "run" / "bundle", model, pieces, tiny.PROFILE, facts=facts)
    for folder in (tmp_path / "run" / "bundle", tmp_path / "run"):
        made = from_checkpoint(folder, OTHER, pretrained())
        assert made.notes[1] == f"in the checkpoint, not used: {HEADS}"
        assert made.origin.path == str(tmp_path / "run" / "bundle")
        weight = "encoder.embedding.tokens.weight"
        assert torch.equal(made.model.state_dict()[weight], model.state_dict()[weight])


def test_a_damaged_bundle_is_refused(tmp_path):
    pieces = tiny.tokenizer()
    facts = {"checkpoint_epoch": 1.0, "val_f1": 0.5}
    save_bundle(tmp_path / "b", tiny.model(pieces), pieces, tiny.PROFILE, facts=facts)
    change_weights(tmp_path / "b", lambda weights: weights["crf.start"].add_(1))
    with pytest.raises(BundleError, match="damaged or was changed"):
        from_checkpoint(tmp_path / "b", OTHER, pretrained())


def test_another_shape_is_refused_with_both(checkpoint):
    change_weights(checkpoint, lambda w: w.update({"encoder.norm.weight": torch.ones(3)}))
    with pytest.raises(
        CheckpointError, match=r"encoder\.norm\.weight: expected \(16,\), got \(3,\)"
    ):
        from_checkpoint(checkpoint, OTHER, pretrained())


def test_an_encoder_of_another_shape_changes_nothing(checkpoint):
    model = tiny.model(tiny.tokenizer())
    change_weights(checkpoint, lambda w: w.update({"encoder.norm.weight": torch.ones(3)}))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError):
        load_encoder(model, checkpoint / "model.safetensors")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_file_without_an_encoder_is_refused(checkpoint):
    save_file({"bert.x": torch.ones(1)}, checkpoint / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"expected tensors named encoder\.\*, got bert\.x"):
        from_checkpoint(checkpoint, OTHER, pretrained())


@pytest.mark.parametrize("content", [b"", b"nonsense nonsense", b"\xff" * 100])
def test_damaged_weights_are_refused(checkpoint, content):
    (checkpoint / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot read .*model.safetensors"):
        from_checkpoint(checkpoint, OTHER, pretrained())


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("model.hidden_size=32", r"model\.hidden_size = 32 does not fit .*trained with 16"),
        ("model.num_hidden_layers=2", "model.num_hidden_layers = 2 does not fit"),
        ("model.use_oscillator=false", "model.use_oscillator = False does not fit"),
        ("tokenizer.vocab_size=300", r"tokenizer\.vocab_size: a checkpoint brings its own"),
    ],
)
def test_another_architecture_is_refused(checkpoint, assignment, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        from_checkpoint(checkpoint, OTHER, pretrained(assignment))


def test_a_preset_of_another_size_is_refused(checkpoint):
    with pytest.raises(ConfigurationError, match="does not fit the checkpoint"):
        from_checkpoint(checkpoint, OTHER, pretrained(preset="tiny"))


def test_what_a_checkpoint_leaves_open_can_be_set(checkpoint):
    recipe = pretrained("model.hidden_size=16", "model.dropout=0.4", "model.window_size=6")
    config = from_checkpoint(checkpoint, OTHER, recipe).model.config
    assert (config.dropout, config.window_size, config.hidden_size) == (0.4, 6, 16)


def test_what_nobody_sets_stays_as_the_checkpoint_has_it(checkpoint):
    change_config(checkpoint, dropout=0.35)
    assert from_checkpoint(checkpoint, OTHER, pretrained()).model.config.dropout == 0.35


def test_what_was_trained_without_dropout_is_fine_tuned_with_some(checkpoint):
    change_config(checkpoint, dropout=0.0, piece_dropout=0.0, feature_dropout=0.3)
    config = from_checkpoint(checkpoint, OTHER, pretrained("model.piece_dropout=0.0")).model.config
    assert config.dropout == 0.1
    assert config.piece_dropout == 0.0  # asked for
    assert config.feature_dropout == 0.3  # the checkpoint's


def test_another_kind_of_model_is_refused(checkpoint):
    change_config(checkpoint, model_type="bert")
    with pytest.raises(CheckpointError, match="expected model_type 'ossamma', got 'bert'"):
        from_checkpoint(checkpoint, OTHER, pretrained())


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_configuration_that_is_none_is_refused(checkpoint, content):
    (checkpoint / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"cannot read .*config.json"):
        from_checkpoint(checkpoint, OTHER, pretrained())


def test_a_checkpoint_without_a_tokenizer_is_refused(checkpoint):
    (checkpoint / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match="expected a tokenizer at"):
        from_checkpoint(checkpoint, OTHER, pretrained())


def test_a_tokenizer_of_another_model_is_refused(checkpoint):
    pieces = tiny.tokenizer()
    pieces.backend.add_tokens(["<one more>"])
    pieces.save(checkpoint)
    with pytest.raises(CheckpointError, match="they do not belong together"):
        from_checkpoint(checkpoint, OTHER, pretrained())


def test_a_folder_without_a_checkpoint_is_refused(checkpoint, tmp_path):
    shutil.rmtree(checkpoint)
    with pytest.raises(CheckpointError, match=r"expected a checkpoint with config\.json"):
        from_checkpoint(tmp_path, OTHER, pretrained())

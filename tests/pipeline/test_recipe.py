"""A recipe is complete, its sources win in order, and a slip of the pen is answered with a hint."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import yaml

from ossamma.model.configuration import PRESETS, OssammaConfig
from ossamma.pipeline.recipe import (
    FROM_SCRATCH,
    build_recipe,
    model_settings,
    parse_assignments,
)
from ossamma.schema.errors import ConfigurationError
from ossamma.training.settings import FinetuneSettings


def recipe_file(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_recipe_is_complete_json(tmp_path):
    resolved = build_recipe().to_json()
    assert json.loads(json.dumps(resolved)) == resolved
    assert set(resolved["training"]) == set(asdict(FinetuneSettings()))
    assert set(resolved["tokenizer"]) == {"vocab_size", "min_frequency"}
    config = OssammaConfig()
    missing = set(OssammaConfig.__annotations__) - set(resolved["model"])
    assert missing == {
        "vocab_size",
        "pad_token_id",
        "mask_token_id",
        "tie_word_embeddings",
        "boundary_head",
        "encoder",
        "longest_window",
    }
    assert all(hasattr(config, name) for name in resolved["model"])


@pytest.mark.parametrize("preset", [*PRESETS, None])
def test_a_resolved_recipe_resolves_to_itself(tmp_path, preset):
    resolved = build_recipe(preset=preset, assignments=["training.epochs=3"]).to_json()
    assert build_recipe(file=recipe_file(tmp_path, resolved)).to_json() == resolved


def test_later_sources_win(tmp_path):
    file = recipe_file(
        tmp_path, {"preset": "small", "model": {"dropout": 0.3}, "training": {"epochs": 4}}
    )
    made = build_recipe(file=file, assignments=["training.epochs=5"])
    assert made.preset == "small"
    assert made.model["hidden_size"] == PRESETS["small"]["hidden_size"]
    assert made.model["dropout"] == 0.3  # the file, over what suits training from scratch
    assert made.model["head_dropout"] == FROM_SCRATCH["model"]["head_dropout"]
    assert made.training.epochs == 5
    assert build_recipe(file=file, preset="tiny").preset == "tiny"


def test_a_preset_wins_over_what_suits_any_size():
    assert build_recipe(preset="tiny").model["word_feature_width"] == 16


def test_without_a_word_it_is_mini_from_scratch():
    made = build_recipe()
    assert made.preset == "mini"
    assert made.model["word_features"] == FROM_SCRATCH["model"]["word_features"]
    assert made.training.learning_rate == FROM_SCRATCH["training"]["learning_rate"]
    assert made.asked == {"model": {}, "training": {}, "tokenizer": {}}


def test_a_checkpoint_keeps_the_fine_tuning_defaults_and_its_own_size():
    made = build_recipe(pretrained=True, assignments=["training.epochs=3"])
    assert made.preset is None
    assert made.training == FinetuneSettings(epochs=3)
    assert made.asked["model"] == {}


def test_what_was_asked_for_is_remembered(tmp_path):
    file = recipe_file(tmp_path, {"model": {"dropout": 0}})
    made = build_recipe(
        preset="tiny", file=file, assignments=["tokenizer.vocab_size=3e2"], pretrained=True
    )
    assert made.asked["model"] == {**PRESETS["tiny"], "dropout": 0.0}
    assert made.asked["tokenizer"] == {"vocab_size": 300}


@pytest.mark.parametrize(
    ("assignment", "section", "name", "value"),
    [
        ("training.learning_rate=1e-3", "training", "learning_rate", 0.001),
        ("training.learning_rate=0.5", "training", "learning_rate", 0.5),
        ("training.epochs=1e1", "training", "epochs", 10),
        (" training.schedule = cosine", "training", "schedule", "cosine"),
    ],
)
def test_assignments_are_yaml_with_common_sense(assignment, section, name, value):
    found = getattr(getattr(build_recipe(assignments=[assignment]), section), name)
    assert (found, type(found)) == (value, type(value))


def test_the_last_assignment_wins():
    assert parse_assignments(["a.b=1", "a.b=2", "a.c=x=y"]) == {"a": {"b": 2, "c": "x=y"}}


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("training.epoch=3", r"unknown setting training\.epoch; did you mean epochs"),
        ("model.hiden_size=3", r"unknown setting model\.hiden_size; did you mean hidden_size"),
        ("tokenizer.size=3", r"unknown setting tokenizer\.size.*\(known: min_frequency"),
        ("traning.epochs=3", r"unknown section 'traning'; did you mean training\?"),
        ("model.vocab_size=300", r"unknown setting model\.vocab_size"),
        ("model.id2label=[]", r"unknown setting model\.id2label"),
        ("training.epochs=many", r"training\.epochs: expected a whole number, got 'many'"),
        ("training.epochs=0", "epochs must be at least 1, got 0"),
        ("training.epochs=", r"training\.epochs: expected a whole number, got None"),
        ("model.hidden_size=16.5", r"model\.hidden_size: expected a whole number, got 16.5"),
        ("model.dropout=1.5", r"dropout must lie in \[0, 1\), got 1.5"),
        ("model.input_gate=maybe", r"model\.input_gate: expected true or false, got 'maybe'"),
        ("model.direction=backward", r"model\.direction: expected one of .*forward"),
        ("model.word_features=lower", r"model\.word_features: expected a list"),
        ("model.word_features=[[lowr, 50]]", "unknown word feature 'lowr'"),
        ("model.word_features=[[lower]]", "word_features must be pairs"),
        ("tokenizer.vocab_size=10", "vocab_size must be at least 261"),
        ("training.window_pieces=20", "window_pieces must be at least 49"),
        ("epochs=3", "expected SECTION.NAME=VALUE such as training.epochs=3, got 'epochs=3'"),
        ("training.epochs", "expected SECTION.NAME=VALUE"),
        (".epochs=3", "expected SECTION.NAME=VALUE"),
        ("training.epochs=[", "the value is not YAML"),
        ("training.epochs=!!python/object:os.system x", "the value is not YAML"),
    ],
)
def test_a_faulty_assignment_is_refused(assignment, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        build_recipe(assignments=[assignment])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "expected a mapping with preset, model, training, tokenizer, got NoneType"),
        ("- 1", "got list"),
        ("a: [", "cannot read the recipe"),
        ("preset: midi", "unknown preset 'midi'; did you mean mini"),
        ("preset: [mini]", r"unknown preset \['mini'\]"),
        ("training: 3", "section training: expected settings with values, got 3"),
        ("training:", "section training: expected settings with values, got None"),
        ("training: {epoch: 3}", r"unknown setting training\.epoch; did you mean epochs"),
        ("trainer: {epochs: 3}", r"unknown section 'trainer'; did you mean training"),
        ("1: {epochs: 3}", "unknown section 1"),
        ("training: {1: 3}", r"unknown setting training\.1 "),
    ],
)
def test_a_faulty_file_is_refused(tmp_path, content, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        build_recipe(file=recipe_file(tmp_path, content))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the recipe .*nowhere.yaml"):
        build_recipe(file=tmp_path / "nowhere.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigurationError, match="cannot read the recipe"):
        build_recipe(file=tmp_path / "binary.yaml")


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigurationError, match="unknown preset 'larg'; did you mean large"):
        build_recipe(preset="larg")


def test_the_settings_of_a_configuration_are_those_of_its_recipe():
    made = build_recipe(preset="tiny")
    assert model_settings(OssammaConfig(**made.model)) == made.model

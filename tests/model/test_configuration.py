"""A configuration is right from birth, survives its file, and the named sizes keep their size."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig

from ossamma.model.configuration import PRESETS, OssammaConfig
from ossamma.model.modeling import (
    OssammaForMaskedDiffusion,
    OssammaForTokenClassification,
    tag_entries,
)
from ossamma.pipeline.recipe import FROM_SCRATCH
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.labels import LabelSet

LABELS = LabelSet(tuple(f"TYPE{number}" for number in range(9)))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"hidden_size": 0}, r"hidden_size must lie in \[1, inf\), got 0"),
        ({"num_attention_heads": 0}, "num_attention_heads must lie in"),
        ({"vocab_size": -1}, "vocab_size must lie in"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "an even number .*got 30 and 4"),
        ({"hidden_size": 12, "num_attention_heads": 4}, "an even number .*got 12 and 4"),
        ({"hidden_size": 64.0}, "hidden_size must be of type int, such as 256, got 64.0"),
        ({"hidden_size": True}, "hidden_size must be of type int"),
        ({"hidden_size": "256"}, "hidden_size must be of type int.*got '256'"),
        ({"use_crf": 1}, "use_crf must be of type bool"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
        ({"head_dropout": -0.1}, "head_dropout must lie in"),
        ({"feature_dropout": math.nan}, "feature_dropout must lie in"),
        ({"label_smoothing": 1.0}, "label_smoothing must lie in"),
        ({"tagging_time": 1.5}, "tagging_time must lie in"),
        ({"ffn_expansion": -1}, "ffn_expansion must lie in"),
        ({"omission_rate": 0.0}, "omission_rate must lie in"),
        ({"omission_rate": 1.5}, "omission_rate must lie in"),
        ({"boundary_loss_weight": math.inf}, "boundary_loss_weight must lie in"),
        ({"mask_token_id": 32_000}, r"mask_token_id must lie in \[0, 32000\)"),
        ({"pad_token_id": -1}, "pad_token_id must lie in"),
        ({"num_oscillators": 7}, "even num_oscillators"),
        ({"direction": "backward"}, "direction must be one of"),
        ({"oscillator_mode": "fast"}, "mode must be one of"),
        ({"attention_mode": "fast"}, "attention_mode must be one of"),
        ({"oscillator_damping": 0.0}, "damping must lie"),
        ({"min_frequency": 20.0}, "min_frequency <= max_frequency"),
        ({"word_features": [["lower"]]}, "pairs of a name and a number of rows"),
        ({"word_features": 5}, "pairs of a name and a number of rows"),
        ({"word_features": [["upper", 10]]}, "unknown word feature 'upper'"),
        ({"word_features": [["lower", 1]]}, "from 2 on, got 1"),
    ],
)
def test_what_cannot_be_built_is_refused(wrong, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        OssammaConfig(**wrong)


def test_a_whole_number_may_stand_for_a_real_one():
    assert OssammaConfig(ffn_expansion=1, dropout=0).ffn_expansion == 1


def test_settings_of_a_part_that_is_switched_off_are_not_looked_at():
    assert not OssammaConfig(use_oscillator=False, num_oscillators=7).use_oscillator


valid_settings = st.fixed_dictionaries(
    {},
    optional={
        "hidden_size": st.sampled_from([16, 64]),
        "ffn_expansion": st.floats(0, 4),
        "direction": st.sampled_from(["bidirectional", "forward"]),
        "use_crf": st.booleans(),
        "input_gate": st.booleans(),
        "dropout": st.floats(0, 1, exclude_max=True),
        "word_features": st.lists(st.tuples(st.just("lower"), st.integers(2, 90)), max_size=2),
    },
)


@settings(max_examples=20)
@given(chosen=valid_settings)
def test_a_configuration_survives_its_file(tmp_path_factory, chosen):
    folder = tmp_path_factory.mktemp("config")
    config = OssammaConfig(**chosen, **tag_entries(LABELS))
    config.save_pretrained(folder)
    for loaded in (OssammaConfig.from_pretrained(folder), AutoConfig.from_pretrained(folder)):
        assert type(loaded) is OssammaConfig
        assert loaded.to_dict() | {"_name_or_path": ""} == config.to_dict()
        assert loaded.word_features == config.word_features
        assert loaded.id2label == dict(enumerate(LABELS.tags))


def test_a_file_says_nothing_of_the_way_of_evaluation(tmp_path):
    # A model trained with a GPU's kernels is read on machines without one.
    config = OssammaConfig(oscillator_mode="triton", attention_mode="flex")
    config.save_pretrained(tmp_path)
    loaded = OssammaConfig.from_pretrained(tmp_path)
    assert (loaded.oscillator_mode, loaded.attention_mode) == ("auto", "auto")
    assert OssammaConfig.from_pretrained(tmp_path, attention_mode="dense").attention_mode == "dense"


def num_parameters(kind, **entries):
    with torch.device("meta"):  # counting needs no memory
        return kind(OssammaConfig(**entries)).num_parameters()


@pytest.mark.parametrize(
    ("name", "millions"), [("small", 30), ("base", 110), ("large", 350)], ids=str
)
def test_a_preset_has_the_size_that_its_name_promises(name, millions):
    size = num_parameters(OssammaForMaskedDiffusion, vocab_size=32_000, **PRESETS[name])
    assert 0.85e6 * millions <= size <= 1.15e6 * millions


def test_the_default_model_from_scratch_stays_small():
    size = num_parameters(
        OssammaForTokenClassification,
        vocab_size=8_000,
        **{**PRESETS["mini"], **FROM_SCRATCH["model"]},
        **tag_entries(LABELS),
    )
    assert size <= 12e6
    assert size <= num_parameters(OssammaForMaskedDiffusion, vocab_size=32_000, **PRESETS["small"])


def test_the_smallest_preset_is_small_enough_for_tests():
    size = num_parameters(
        OssammaForTokenClassification, vocab_size=1_000, **PRESETS["tiny"], **tag_entries(LABELS)
    )
    assert size < 0.5e6


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_nothing_but_sizes(name):
    assert set(PRESETS[name]) <= {
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_oscillators",
        "ffn_expansion",
        "time_dimension",
        "word_feature_width",
    }
    OssammaConfig(**PRESETS[name])

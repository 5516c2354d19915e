"""Settings are possible from birth, and each refusal names its setting."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import pytest

from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.alignment import MAX_PIECES_PER_WORD
from ossamma.training.settings import FinetuneSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**32),
        ("epochs", 0),
        ("batch_size", 0),
        ("gradient_accumulation_steps", 0),
        ("learning_rate", 0.0),
        ("learning_rate", -1e-3),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("crf_learning_rate", 0.0),
        ("head_learning_rate", -1e-3),
        ("layer_decay", 0.0),
        ("layer_decay", 1.1),
        ("frozen_layers", -1),
        ("lora_rank", -1),
        ("lora_alpha", 0),
        ("lora_dropout", 1.0),
        ("type_weight_power", -0.5),
        ("max_type_weight", 0.5),
        ("repeat_threshold", 1.0),
        ("weight_decay", -0.1),
        ("weight_decay", math.nan),
        ("warmup_ratio", 1.0),
        ("warmup_ratio", -0.1),
        ("schedule", "quadratic"),
        ("max_grad_norm", 0.0),
        ("average_decay", 1.0),
        ("patience", 0),
        ("min_delta", -0.01),
        ("window_pieces", MAX_PIECES_PER_WORD),
        ("precision", "fp16"),
        ("num_threads", -1),
    ],
)
def test_an_impossible_value_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name} must be .*got"):
        FinetuneSettings(**{name: value})


def test_every_setting_has_a_refusal():
    tested = test_an_impossible_value_is_refused_by_name.pytestmark[0].args[1]
    assert {name for name, _ in tested} == {field.name for field in fields(FinetuneSettings)}


def test_the_limits_themselves_are_possible():
    FinetuneSettings(
        seed=2**32 - 1, epochs=1, patience=1, min_delta=0.0, window_pieces=MAX_PIECES_PER_WORD + 1
    )


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        FinetuneSettings().epochs = 3

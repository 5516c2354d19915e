"""Spaces are data: every value of theirs is a setting, and what is wrong in a file is named."""

from __future__ import annotations

import pytest
import yaml
from optuna.distributions import CategoricalDistribution
from optuna.samplers import RandomSampler
from optuna.study import create_study

from ossamma.pipeline.recipe import build_recipe
from ossamma.pipeline.search_space import (
    DEFAULT_SPACE,
    FINE_TUNING,
    FROM_SCRATCH_SPACE,
    read_space,
)
from ossamma.schema.errors import ConfigurationError

PLAN = {
    "training.learning_rate": [1e-5, 2e-5, 3e-5, 5e-5],
    "training.crf_learning_rate": [5e-4, 1e-3, 2e-3],
    "model.dropout": [0.0, 0.1, 0.2],
    "model.label_smoothing": [0.0, 0.05, 0.1],
    "training.warmup_ratio": [0.05, 0.1, 0.15],
    "training.batch_size": [8, 16, 32],
    "model.window_size": [128, 256, 512],
}
BOTH = pytest.mark.parametrize("pretrained", [True, False])


def draws(space, number=30):
    study = create_study(sampler=RandomSampler(seed=0))
    return [space.suggest(study.ask()) for _ in range(number)]


def write(tmp_path, content):
    path = tmp_path / "space.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def test_fine_tuning_has_the_lists_of_the_plan():
    space = read_space(FINE_TUNING, pretrained=True)
    found = {
        setting: list(dimension.distribution.choices)
        for dimension in space.dimensions
        for setting in dimension.sets
        if isinstance(dimension.distribution, CategoricalDistribution)
    }
    assert found.pop("model.head_dropout") == PLAN["model.dropout"]
    assert found == PLAN


def test_from_scratch_turns_what_the_plan_turns():
    space = read_space(FROM_SCRATCH_SPACE, pretrained=False)
    assert set(PLAN) <= {setting for d in space.dimensions for setting in d.sets}


@BOTH
def test_the_default_depends_on_the_start(pretrained):
    expected = FINE_TUNING if pretrained else FROM_SCRATCH_SPACE
    assert read_space(DEFAULT_SPACE, pretrained=pretrained).source == expected


@BOTH
def test_every_draw_is_a_recipe_with_these_settings(pretrained):
    space = read_space(DEFAULT_SPACE, pretrained=pretrained)
    for values in draws(space):
        recipe = build_recipe(assignments=space.assignments(values), pretrained=pretrained)
        assert space.values_of(recipe) == values
        content = recipe.to_json()
        for dimension in space.dimensions:
            for setting in dimension.sets:
                section, _, name = setting.partition(".")
                assert content[section][name] == values[dimension.name]


@BOTH
def test_the_defaults_lie_in_the_default_space(pretrained):
    """So that a search starts from what one would do without it."""
    space = read_space(DEFAULT_SPACE, pretrained=pretrained)
    recipe = build_recipe(assignments=space.assignments({}), pretrained=pretrained)
    assert space.values_of(recipe) is not None


def test_label_smoothing_has_an_effect_in_the_default_spaces():
    """It acts on the token loss only, whose weight is 0 by default."""
    for pretrained in (True, False):
        space = read_space(DEFAULT_SPACE, pretrained=pretrained)
        named = {setting for d in space.dimensions for setting in d.sets} | set(space.fixed)
        assert "model.token_loss_weight" in named


def test_a_recipe_outside_of_the_space_has_no_values():
    space = read_space(FINE_TUNING, pretrained=True)
    for assignment in ("training.batch_size=12", "model.dropout=0.0"):
        # The second sets one dropout of two that the space sets together.
        recipe = build_recipe(assignments=[assignment], pretrained=True)
        assert space.values_of(recipe) is None


def test_a_file_of_ones_own(tmp_path):
    content = {
        "fixed": {"training.epochs": 3},
        "dimensions": {
            "epochs": {"sets": "training.patience", "low": 1, "high": 4},
            "crf": {"sets": "model.use_crf", "choices": [True, False]},
            "schedule": {"sets": "training.schedule", "choices": ["linear", "cosine"]},
        },
    }
    space = read_space(write(tmp_path, content), pretrained=False)
    for values in draws(space):
        recipe = build_recipe(assignments=space.assignments(values))
        assert recipe.training.epochs == 3
        assert recipe.training.patience == values["epochs"]
        assert recipe.model["use_crf"] is values["crf"]
        assert recipe.training.schedule == values["schedule"]


RATE = {"sets": "training.learning_rate"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[1]", "expected a mapping, got list"),
        ("a: [", "cannot read the search space"),
        ({"dimensions": {}}, "expected the key dimensions"),
        ({"dimension": {}}, "expected the key dimensions"),
        ({"dimensions": {"a": 3}}, "a: expected a mapping with sets"),
        ({"dimensions": {"a": {**RATE, "low": 1e-3}}}, "a: expected choices, or low and high"),
        ({"dimensions": {"a": {**RATE, "low": 1e-2, "high": 1e-3}}}, "numbers with low < high"),
        ({"dimensions": {"a": {**RATE, "low": "x", "high": 1e-3}}}, "numbers with low < high"),
        (
            {"dimensions": {"a": {**RATE, "low": 0.0, "high": 1e-3, "log": True}}},
            "a: .*low > 0. must hold",
        ),
        ({"dimensions": {"a": {**RATE, "choices": []}}}, "list of different values"),
        ({"dimensions": {"a": {**RATE, "choices": [1e-3, 1e-3]}}}, "list of different values"),
        ({"dimensions": {"a": {**RATE, "choices": [[1], [2]]}}}, "a: "),
        ({"dimensions": {"a": {"sets": "training.rate", "choices": [1]}}}, "training.rate"),
        ({"dimensions": {"a": {"sets": "rate", "choices": [1]}}}, "SECTION.NAME=VALUE"),
        ({"dimensions": {"a": {**RATE, "choices": [-1.0]}}}, "above 0 and finite"),
        (
            {"dimensions": {"a": {**RATE, "choices": [0.1]}, "b": {**RATE, "choices": [0.2]}}},
            "training.learning_rate is set twice",
        ),
        (
            {"fixed": {"model.window": 3}, "dimensions": {"a": {**RATE, "choices": [0.1]}}},
            "unknown setting model.window",
        ),
    ],
)
def test_what_a_file_cannot_say(tmp_path, content, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        read_space(write(tmp_path, content), pretrained=False)


def test_a_space_that_is_not_there():
    with pytest.raises(ConfigurationError, match="'from-scrach'; did you mean from-scratch"):
        read_space("from-scrach", pretrained=False)

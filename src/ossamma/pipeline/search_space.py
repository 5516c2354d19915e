"""Search spaces: which settings a search may turn, and how far.

A space is YAML::

    fixed: {model.token_loss_weight: 0.1}     # settings of every trial
    dimensions:
      learning_rate: {sets: training.learning_rate, low: 3.0e-4, high: 5.0e-3, log: true}
      dropout: {sets: [model.dropout, model.head_dropout], choices: [0.0, 0.1, 0.2]}

A dimension is a range or a list of choices. It may set several settings to one value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ossamma.pipeline.recipe import Recipe, build_recipe
from ossamma.pipeline.setting_types import nearest
from ossamma.schema.errors import ConfigurationError

DEFAULT_SPACE = "default"
FINE_TUNING = "fine-tuning"
FROM_SCRATCH_SPACE = "from-scratch"
_FOLDER = "search_spaces"
_SHAPES = (("choices",), ("low", "high"), ("low", "high", "log"))

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that a search turns: its name, the settings it sets, and the values it takes."""

    name: str
    sets: tuple[str, ...]
    """Settings as `section.name`; all of them get the same value."""
    distribution: BaseDistribution

    def suggest(self, trial: Trial) -> Value:
        """Let the sampler choose a value."""
        # Optuna's own dispatch over distributions is private; the three kinds are few enough.
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                value: Any = trial.suggest_categorical(self.name, choices)
            case IntDistribution(low=low, high=high, log=log):
                value = trial.suggest_int(self.name, low, high, log=log)
            case FloatDistribution(low=low, high=high, log=log):
                value = trial.suggest_float(self.name, low, high, log=log)
            case _:
                raise AssertionError(self.distribution)
        chosen: Value = value
        return chosen

    def contains(self, value: object) -> bool:
        """Whether the search could choose this value."""
        if isinstance(self.distribution, CategoricalDistribution):
            return value in self.distribution.choices
        assert isinstance(self.distribution, IntDistribution | FloatDistribution)
        inside = isinstance(value, int | float) and not isinstance(value, bool)
        return inside and self.distribution.low <= value <= self.distribution.high  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The dimensions of a search, and what is fixed for all of its trials."""

    source: str
    """Name of a space that comes with the package, or the path of a file."""
    dimensions: tuple[Dimension, ...]
    fixed: Mapping[str, Value]

    def suggest(self, trial: Trial) -> dict[str, Value]:
        """Let the sampler choose a value for every dimension."""
        return {dimension.name: dimension.suggest(trial) for dimension in self.dimensions}

    def assignments(self, values: Mapping[str, Value]) -> list[str]:
        """Return what a trial with these values adds to the recipe, as `section.name=value`.

        Dimensions without a value are left to the recipe.
        """
        chosen = {
            setting: values[dimension.name]
            for dimension in self.dimensions
            if dimension.name in values
            for setting in dimension.sets
        }
        # JSON is YAML, and leaves no text for a number.
        return [f"{name}={json.dumps(value)}" for name, value in {**self.fixed, **chosen}.items()]

    def values_of(self, recipe: Recipe) -> dict[str, Value] | None:
        """Return the values that a recipe has; None where it lies outside of the space."""
        content = recipe.to_json()

        def read(setting: str) -> Value:
            section, _, name = setting.partition(".")
            value: Value = content[section][name]
            return value

        values: dict[str, Value] = {}
        for dimension in self.dimensions:
            found = {read(setting) for setting in dimension.sets}
            if len(found) > 1 or not dimension.contains(min(found, key=str)):
                return None
            values[dimension.name] = found.pop()
        return values


def read_space(name_or_path: str, *, pretrained: bool) -> SearchSpace:
    """Read a space: `default`, the name of one that comes with the package, or a file.

    Args:
        name_or_path: "default" is the plan's space for an encoder that is pre-trained, and the
            scaled one for a model from scratch.
        pretrained: whether the trials start from a checkpoint.

    Raises:
        ConfigurationError: the file cannot be read, or names an unknown setting or an impossible
            value.
    """
    if name_or_path == DEFAULT_SPACE:
        name_or_path = FINE_TUNING if pretrained else FROM_SCRATCH_SPACE
    content = _read(_locate(name_or_path), name_or_path)
    unknown = set(content) - {"dimensions", "fixed"}
    if unknown or not isinstance(content.get("dimensions"), dict) or not content["dimensions"]:
        raise ConfigurationError(
            f"{name_or_path}: expected the key dimensions with a mapping, and at most fixed beside "
            f"it, got the keys {', '.join(map(str, content))}"
        )
    space = SearchSpace(
        name_or_path,
        tuple(
            _dimension(str(name), entry, name_or_path)
            for name, entry in content["dimensions"].items()
        ),
        dict(content.get("fixed") or {}),
    )
    _check(space, pretrained=pretrained)
    return space


def _locate(name: str) -> Traversable:
    shipped = files("ossamma.pipeline").joinpath(_FOLDER, f"{name}.yaml")
    if Path(name).name == name and shipped.is_file():
        return shipped
    if not Path(name).is_file():
        known = (DEFAULT_SPACE, FINE_TUNING, FROM_SCRATCH_SPACE)
        raise ConfigurationError(
            f"expected a search space: a YAML file, or one of {', '.join(known)}; got {name!r}"
            f"{nearest(name, known)}"
        )
    return Path(name)


def _read(file: Traversable, source: str) -> dict[Any, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the search space {source}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{source}: expected a mapping, got {type(content).__name__}")
    return content


def _dimension(name: str, entry: object, source: str) -> Dimension:
    where = f"{source}: {name}"
    if not isinstance(entry, dict) or "sets" not in entry:
        raise ConfigurationError(
            f"{where}: expected a mapping with sets (SECTION.NAME, or a list of them) and choices "
            f"or low and high, got {entry!r}"
        )
    settings = entry["sets"] if isinstance(entry["sets"], list) else [entry["sets"]]
    shape = {key: value for key, value in entry.items() if key != "sets"}
    if not any(set(shape) == set(keys) for keys in _SHAPES):
        raise ConfigurationError(
            f"{where}: expected choices, or low and high (and log) beside sets, "
            f"got {', '.join(shape) or 'nothing'}"
        )
    try:
        distribution = _distribution(shape)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from error
    return Dimension(name, tuple(map(str, settings)), distribution)


def _distribution(shape: Mapping[str, Any]) -> BaseDistribution:
    if "choices" in shape:
        choices = shape["choices"]
        if not isinstance(choices, list) or not choices or len(set(choices)) < len(choices):
            raise ValueError(f"choices must be a list of different values, got {choices!r}")
        return CategoricalDistribution(choices)
    low, high, log = shape["low"], shape["high"], shape.get("log", False)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (low, high))
    if not numbers or not isinstance(log, bool) or not low < high:
        raise ValueError(
            f"expected numbers with low < high (1.0e-3, not 1e-3) and log true or false, got "
            f"low {low!r}, high {high!r}, log {log!r}"
        )
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _check(space: SearchSpace, *, pretrained: bool) -> None:
    """Try the ends of every dimension, and the fixed settings, in a recipe."""
    named = [setting for dimension in space.dimensions for setting in dimension.sets]
    named += space.fixed
    twice = sorted({setting for setting in named if named.count(setting) > 1})
    if twice:
        raise ConfigurationError(f"{space.source}: {', '.join(twice)} is set twice")
    try:
        for dimension in space.dimensions:
            for value in _extremes(dimension.distribution):
                for setting in dimension.sets:
                    build_recipe(
                        assignments=[f"{setting}={json.dumps(value)}"], pretrained=pretrained
                    )
        build_recipe(
            assignments=[f"{name}={json.dumps(value)}" for name, value in space.fixed.items()],
            pretrained=pretrained,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{space.source}: {error}") from error


def _extremes(distribution: BaseDistribution) -> tuple[Any, ...]:
    if isinstance(distribution, CategoricalDistribution):
        return tuple(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return distribution.low, distribution.high

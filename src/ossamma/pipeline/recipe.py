"""Recipes: every setting of a run, from defaults, a preset, a file and `--set`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ossamma.model.configuration import HEAD_SETTINGS, PRESETS, OssammaConfig
from ossamma.pipeline.setting_types import SettingTypes, nearest
from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.tokenizer import TokenizerSettings
from ossamma.training.noise import NoiseSettings
from ossamma.training.pretrain_settings import PretrainSettings
from ossamma.training.settings import FinetuneSettings

DEFAULT_PRESET = "mini"
SECTIONS = ("model", "training", "tokenizer")
PRETRAIN_SECTIONS = ("model", "pretraining", "noise", "tokenizer")
_PRESET = "preset"

FROM_SCRATCH: dict[str, dict[str, Any]] = {
    "model": {
        "word_features": [
            ["lower", 8_000],
            ["prefix1", 500],
            ["prefix3", 3_000],
            ["suffix2", 1_500],
            ["suffix3", 4_000],
            ["shape", 2_000],
        ],
        "word_feature_width": 64,
        "piece_dropout": 0.1,
        "feature_dropout": 0.1,
        "dropout": 0.2,
        "head_dropout": 0.2,
        "window_size": 64,
        "ffn_expansion": 1.0,
    },
    "tokenizer": {"vocab_size": 8_000, "min_frequency": 2},
    "training": {
        "learning_rate": 1e-3,
        "crf_learning_rate": 5e-3,
        "batch_size": 16,
        "gradient_accumulation_steps": 1,
        "average_decay": 0.998,
        "window_pieces": 126,
        "max_grad_norm": 1.0,
    },
}
"""What a model without pre-training needs instead of the fine-tuning defaults."""

# What the tokenizer, the label set and an encoder of transformers decide, no recipe.
_NOT_SET_HERE = frozenset(
    {
        "model_type",
        "vocab_size",
        "pad_token_id",
        "mask_token_id",
        "tie_word_embeddings",
        "boundary_head",
        "encoder",
        "longest_window",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A complete set of settings. `model` holds the arguments of OssammaConfig but the labels."""

    preset: str | None
    """The named size that the settings start from; None leaves the size to a checkpoint."""
    model: Mapping[str, Any]
    """Every architectural setting, defaults included."""
    training: FinetuneSettings
    """How to train."""
    tokenizer: TokenizerSettings
    """How to train the tokenizer; a checkpoint brings its own."""
    asked: Mapping[str, Mapping[str, Any]]
    """By section, what a preset, a file or an assignment asked for; the rest is defaults."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, resolved: no default is left unsaid."""
        return {
            _PRESET: self.preset,
            "model": dict(self.model),
            "training": dataclasses.asdict(self.training),
            "tokenizer": dataclasses.asdict(self.tokenizer),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRecipe:
    """A complete set of settings of pre-training."""

    preset: str
    """The named size that the settings start from."""
    model: Mapping[str, Any]
    """Every architectural setting, defaults included."""
    pretraining: PretrainSettings
    """How to train."""
    tokenizer: TokenizerSettings
    """How to train the tokenizer, where none is given."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, resolved."""
        settings = dataclasses.asdict(self.pretraining)
        return {
            _PRESET: self.preset,
            "model": dict(self.model),
            "noise": settings.pop("noise"),
            "pretraining": settings,
            "tokenizer": dataclasses.asdict(self.tokenizer),
        }


def build_pretrain_recipe(
    *, preset: str | None = None, file: Path | None = None, assignments: Sequence[str] = ()
) -> PretrainRecipe:
    """Resolve a recipe of pre-training; later sources win: defaults, preset, file, assignments.

    Args:
        preset: a named size; if None the file's, or mini.
        file: YAML with any of the keys preset, model, pretraining, noise, tokenizer.
        assignments: `section.name=value` each, values in YAML.

    Raises:
        ConfigurationError: an unknown preset, section or setting, or an impossible value.
    """
    stated = _read(file, PRETRAIN_SECTIONS) if file else {}
    named = preset if preset is not None else stated.get(_PRESET, DEFAULT_PRESET)
    stated.pop(_PRESET, None)
    sources = [{"model": _size(named)}, stated, parse_assignments(assignments)]
    values = {s: _merge(s, sources, PRETRAIN_SECTIONS) for s in PRETRAIN_SECTIONS}
    noise = NoiseSettings(**values["noise"])
    return PretrainRecipe(
        preset=str(named),
        model=model_settings(OssammaConfig(**values["model"])),
        pretraining=PretrainSettings(**values["pretraining"], noise=noise),
        tokenizer=TokenizerSettings(**values["tokenizer"]),
    )


def build_recipe(
    *,
    preset: str | None = None,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    pretrained: bool = False,
) -> Recipe:
    """Resolve a recipe; later sources win: defaults, preset, file, assignments.

    Args:
        preset: a named size; if None the file's, or mini, or that of a checkpoint.
        file: YAML with any of the keys preset, model, training, tokenizer.
        assignments: `section.name=value` each, values in YAML.
        pretrained: fine-tune an encoder that knows the language already; else start from scratch.

    Raises:
        ConfigurationError: an unknown preset, section or setting, or an impossible value.
    """
    stated = _read(file, SECTIONS) if file else {}
    named = preset if preset is not None else stated.pop(_PRESET, None)
    stated.pop(_PRESET, None)
    size: Mapping[str, Any] = {} if named is None else _size(named)
    sources: list[Mapping[str, Any]] = [
        {"model": size},
        stated,
        parse_assignments(assignments),
    ]
    if named is None and not pretrained:
        named, size = DEFAULT_PRESET, PRESETS[DEFAULT_PRESET]
    asked = {section: _merge(section, sources, SECTIONS) for section in SECTIONS}
    defaults: list[Mapping[str, Any]] = [{} if pretrained else FROM_SCRATCH, {"model": size}]
    settings = {s: {**_merge(s, defaults, SECTIONS), **asked[s]} for s in SECTIONS}
    return Recipe(
        preset=named,
        model=model_settings(OssammaConfig(**settings["model"])),
        training=FinetuneSettings(**settings["training"]),
        tokenizer=TokenizerSettings(**settings["tokenizer"]),
        asked=asked,
    )


def model_settings(config: OssammaConfig) -> dict[str, Any]:
    """Return every setting of a recipe's model section as a configuration has it.

    Of an encoder of transformers it is that encoder's own configuration, and what our heads need.
    """
    if config.encoder is not None:
        heads = {name: getattr(config, name) for name in sorted(HEAD_SETTINGS)}
        return {**heads, "encoder": dict(config.encoder)}
    names = sorted(set(OssammaConfig.__annotations__) - _NOT_SET_HERE)
    values = {name: getattr(config, name) for name in names}
    return {**values, "word_features": [list(entry) for entry in config.word_features]}


def parse_assignments(assignments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Turn `["training.epochs=3"]` into `{"training": {"epochs": 3}}`."""
    parsed: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        section, dot, name = key.strip().partition(".")
        if not (equals and dot and section and name):
            raise ConfigurationError(
                f"expected SECTION.NAME=VALUE such as training.epochs=3, got {assignment!r}"
            )
        try:
            parsed.setdefault(section, {})[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{assignment!r}: the value is not YAML: {error}") from error
    return parsed


def _read(path: Path, sections: Sequence[str]) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the recipe {path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path}: expected a mapping with {_PRESET}, {', '.join(sections)}, "
            f"got {type(content).__name__}"
        )
    return content


def _size(preset: object) -> Mapping[str, Any]:
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ConfigurationError(
            f"unknown preset {preset!r}{nearest(str(preset), PRESETS)}; expected one of "
            f"{', '.join(PRESETS)}"
        )
    return PRESETS[preset]


def _merge(
    section: str, sources: Sequence[Mapping[str, Any]], sections: Sequence[str]
) -> dict[str, Any]:
    """Lay the sources' values of a section over each other, every value of its setting's type."""
    types = _types_of(section)
    merged: dict[str, Any] = {}
    for source in sources:
        for name in source:
            if name not in sections:
                known = (_PRESET, *sections)
                raise ConfigurationError(
                    f"unknown section {name!r}{nearest(str(name), known)}; expected one of "
                    f"{', '.join(known)}"
                )
        values = source.get(section, {})
        if not isinstance(values, Mapping):
            raise ConfigurationError(
                f"section {section}: expected settings with values, got {values!r}"
            )
        merged |= {name: types.checked(name, value) for name, value in values.items()}
    return merged


def _types_of(section: str) -> SettingTypes:
    kinds: dict[str, type] = {
        "model": OssammaConfig,
        "training": FinetuneSettings,
        "tokenizer": TokenizerSettings,
        "pretraining": PretrainSettings,
        "noise": NoiseSettings,
    }
    # Only the class's own annotations: those of transformers' base cannot be evaluated.
    hints = inspect.get_annotations(kinds[section], eval_str=True)
    # The noise of pre-training has a section of its own.
    names = set(hints) - (_NOT_SET_HERE if section == "model" else {"noise"})
    return SettingTypes(section, {name: hints[name] for name in sorted(names)})

"""Recipes: every setting of a training run, from defaults, a preset, a file and `--set`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from ossamma.model.configuration import PRESETS, OssammaConfig
from ossamma.schema.errors import ConfigurationError
from ossamma.tokenization.features import FeatureSpec
from ossamma.tokenization.tokenizer import TokenizerSettings
from ossamma.training.settings import FinetuneSettings

DEFAULT_PRESET = "mini"
SECTIONS = ("model", "training", "tokenizer")

FEATURES: list[list[Any]] = [
    ["lower", 8_000],
    ["prefix1", 500],
    ["prefix3", 3_000],
    ["suffix2", 1_500],
    ["suffix3", 4_000],
    ["shape", 2_000],
]

FROM_SCRATCH: dict[str, dict[str, Any]] = {
    "model": {
        "word_features": FEATURES,
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """A complete set of settings. `model` holds the arguments of OssammaConfig but the labels."""

    preset: str
    model: Mapping[str, Any] = field(default_factory=dict)
    training: FinetuneSettings = field(default_factory=FinetuneSettings)
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    asked: Mapping[str, Any] = field(default_factory=dict)
    """The part of `model` that a file or an assignment asked for."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types, resolved: no default is left unsaid."""
        return {
            "preset": self.preset,
            "model": dict(self.model),
            "training": dataclasses.asdict(self.training),
            "tokenizer": dataclasses.asdict(self.tokenizer),
        }


def build_recipe(
    *,
    preset: str | None = None,
    file: Path | None = None,
    assignments: Sequence[str] = (),
    pretrained: bool = False,
) -> Recipe:
    """Resolve a recipe; later sources win: defaults, preset, file, assignments.

    Args:
        preset: a named size; the file's, or mini, if None.
        file: YAML with any of the keys preset, model, training, tokenizer.
        assignments: `section.name=value` each, values in YAML.
        pretrained: fine-tune an encoder that knows the language already; else start from scratch.

    Raises:
        ConfigurationError: an unknown preset, section or setting, or an impossible value.
    """
    settings: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    stated = _read(file) if file else {}
    name = preset or stated.pop("preset", None) or DEFAULT_PRESET
    stated.pop("preset", None)
    if name not in PRESETS:
        raise ConfigurationError(
            f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}"
        )
    settings["model"] |= PRESETS[name]
    assigned = parse_assignments(assignments)
    for source in ({} if pretrained else FROM_SCRATCH, stated, assigned):
        for section, values in source.items():
            if section not in SECTIONS:
                raise ConfigurationError(
                    f"unknown section {section!r}; expected one of preset, {', '.join(SECTIONS)}"
                )
            settings[section] |= values
    model = settings["model"]
    _refuse_unknown("model", model, _model_fields())
    model["word_features"] = [
        [spec.name, spec.rows]
        for spec in (FeatureSpec(*entry) for entry in model.get("word_features", ()))
    ]
    # `tokenizer.vocab_size` is asked for; `model.vocab_size` follows what training yields.
    OssammaConfig(**model)
    return Recipe(
        preset=name,
        model=model,
        training=_build("training", FinetuneSettings, settings["training"]),
        tokenizer=_build("tokenizer", TokenizerSettings, settings["tokenizer"]),
        asked={**stated.get("model", {}), **assigned.get("model", {})},
    )


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
            parsed.setdefault(section, {})[name] = _number(yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{assignment!r}: the value is not YAML: {error}") from error
    return parsed


def _number(value: Any) -> Any:  # noqa: ANN401
    """YAML 1.1 reads 1e-3 as a string; people mean a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the recipe {path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path}: expected a mapping with preset, {', '.join(SECTIONS)}, "
            f"got {type(content).__name__}"
        )
    return {
        key: {name: _number(v) for name, v in value.items()} if isinstance(value, dict) else value
        for key, value in content.items()
    }


def _build(section: str, kind: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
    fields = {f.name: f for f in dataclasses.fields(kind)}
    _refuse_unknown(section, values, set(fields))
    for name, value in values.items():
        default = fields[name].default
        number_as_whole = isinstance(default, float) and isinstance(value, int)
        if type(value) is not type(default) and not number_as_whole:
            raise ConfigurationError(
                f"{section}.{name}: expected {type(default).__name__} such as {default!r}, "
                f"got {value!r}"
            )
    return kind(**values)


def _refuse_unknown(section: str, values: Mapping[str, Any], known: set[str]) -> None:
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ConfigurationError(
                f"unknown setting {section}.{name}{hint} (known: {', '.join(sorted(known))})"
            )


def _model_fields() -> set[str]:
    own = set(OssammaConfig.__annotations__) - {"model_type"}
    return own - {"vocab_size", "pad_token_id", "mask_token_id", "tie_word_embeddings"}

"""Variants of an ablation: a name, what it leaves out, and the settings that do so; YAML data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from ossamma.evaluation.ablation import FULL
from ossamma.pipeline.run_family import RunFamily
from ossamma.pipeline.setting_types import nearest
from ossamma.schema.errors import ConfigurationError

_FILE = "variants.yaml"
_NAME = re.compile(r"[\w.][\w.-]*")


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of an ablation."""

    name: str
    """Also the beginning of its run folders' names."""
    title: str
    """What it leaves out."""
    settings: Mapping[str, Any]
    """By `section.name`."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"a variant's name must be letters, digits, _ . and -, got {self.name!r}"
            )

    @property
    def assignments(self) -> tuple[str, ...]:
        """The settings as `section.name=value`."""
        # JSON is YAML, and leaves no text for a number.
        return tuple(f"{name}={json.dumps(value)}" for name, value in self.settings.items())


def read_variants(path: Path | None = None) -> tuple[Variant, ...]:
    """Read variants from a file, or those that come with the package; `full` comes first.

    Raises:
        ConfigurationError: the file cannot be read, or is not a mapping of variants.
    """
    file: Traversable = path or files("ossamma.pipeline").joinpath(_FILE)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the variants {file}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}: expected a mapping of variants, got {content!r}")
    variants = [_variant(str(name), entry, file) for name, entry in content.items()]
    if FULL not in content:
        variants.insert(0, Variant(FULL, "nothing left out", {}))
    return tuple(sorted(variants, key=lambda variant: variant.name != FULL))


def choose(
    variants: Sequence[Variant], family: RunFamily, names: Sequence[str] = ()
) -> tuple[tuple[Variant, ...], tuple[str, ...]]:
    """Choose variants by name; without names all that differ from the recipe and each other.

    `full`, with which the others are compared, is always among them.

    Returns:
        the variants, and why others were left out.

    Raises:
        ConfigurationError: an unknown name, or a variant whose settings do not fit the recipe.
    """
    known = {variant.name: variant for variant in variants}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"unknown variant {name!r}{nearest(name, known)}; expected some of "
                f"{', '.join(known)}"
            )
    wanted = [v for v in variants if not names or v.name in names or v.name == FULL]
    chosen: dict[str, Variant] = {}
    reasons = []
    for variant in wanted:
        recipe = json.dumps(family.recipe(variant.assignments).to_json(), sort_keys=True)
        if recipe in chosen:
            reasons.append(
                f"{variant.name} is left out: the same settings as {chosen[recipe].name}"
            )
        else:
            chosen[recipe] = variant
    return tuple(chosen.values()), tuple(reasons)


def _variant(name: str, entry: object, file: Traversable) -> Variant:
    if not isinstance(entry, dict) or set(entry) != {"title", "set"}:
        raise ConfigurationError(f"{file}: {name}: expected the keys title and set, got {entry!r}")
    if not isinstance(entry["set"], dict):
        raise ConfigurationError(
            f"{file}: {name}: expected settings by SECTION.NAME, got {entry['set']!r}"
        )
    return Variant(name, str(entry["title"]), dict(entry["set"]))

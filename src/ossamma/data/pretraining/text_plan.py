"""The plan of a pre-training mixture: which texts, read how, and how often a pass goes over each.

A plan is YAML. A source is a card of the catalog, or a file of one's own with its terms:

    licences: [yes, share-alike]
    sources:
      - card: text_openstax_ccby
        weight: 2
      - name: labelled
        path: built/rag9/train.jsonl
        format: text_json
        licence: CC-BY-SA-4.0
        redistributable: share-alike
        min_words: 5
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ossamma.data.catalog import Redistribution
from ossamma.data.policy import read_licences
from ossamma.data.yaml_section import Option, Section
from ossamma.schema.errors import ConfigurationError, DataError

_SOURCE_KEYS: Final = (
    "card", "name", "path", "format", "licence", "redistributable", "attribution",
    "options", "weight", "min_words",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedText:
    """One source of a plan."""

    card: str = ""
    """A card of the catalog; empty: the file at `path`."""
    name: str = ""
    """Name of a source without a card."""
    path: Path | None = None
    """Where that source lies; a relative path counts from the working folder."""
    format: str = ""
    """Its format, one of `TEXT_FORMATS`."""
    licence: str = ""
    """Its terms."""
    redistributable: Redistribution = Redistribution.UNCLEAR
    """Whether a model trained on it may be passed on."""
    attribution: str = ""
    """Whom to name."""
    options: Mapping[str, Option] = field(default_factory=dict)
    """Settings of the format."""
    weight: float = 1.0
    """How often one pass goes over it; less than 1 takes a share."""
    min_words: int | None = None
    """A shorter document is left out; None: the rule of cleaning."""

    def __post_init__(self) -> None:
        if bool(self.card) == bool(self.path):
            raise ConfigurationError("a source has either a card or a path")
        if self.path and not (self.name and self.format):
            raise ConfigurationError("a source with a path has a name and a format")
        if self.min_words is not None and self.min_words < 0:
            raise ConfigurationError(f"min_words must be >= 0, got {self.min_words}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ConfigurationError(f"weight must be > 0, got {self.weight}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextPlan:
    """A mixture of texts; of what several have, the first keeps it."""

    sources: tuple[PlannedText, ...]
    """At least one."""
    licences: frozenset[Redistribution] = frozenset(Redistribution)
    """Terms that are taken."""

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigurationError("a plan needs at least one source")

    def check_terms(self, terms: Redistribution, name: str) -> None:
        """Refuse a source of other terms. Raises ConfigurationError."""
        if terms not in self.licences:
            raise ConfigurationError(
                f"source {name}: the plan takes texts that may be passed on "
                f"({', '.join(sorted(self.licences))}), and this one says {terms.value!r}; leave "
                "it out, or add that to the plan's licences"
            )


def load_text_plan(path: Path) -> TextPlan:
    """Load a plan from a YAML file.

    Raises:
        DataError: there is no such file, or it says something inconsistent; with file and line.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected the plan of a text mixture in YAML")
    section = Section.in_file(path)
    section.check_keys(("sources",), ("licences",))
    return section.build(
        TextPlan,
        sources=tuple(_source(item) for item in section.sections("sources")),
        licences=read_licences(section),
    )


def _source(section: Section) -> PlannedText:
    section.check_keys((), _SOURCE_KEYS)
    given = section.options("options")
    terms = "redistributable"
    return section.build(
        PlannedText,
        card=section.text("card"),
        name=section.text("name"),
        path=Path(section.text("path")) if section.has("path") else None,
        format=section.text("format"),
        licence=section.text("licence"),
        redistributable=section.choice(terms, Redistribution)
        if section.has(terms)
        else Redistribution.UNCLEAR,
        attribution=section.text("attribution"),
        options=given,
        weight=_weight(section),
        min_words=section.integer("min_words"),
    )


def _weight(section: Section) -> float:
    text = section.text("weight", "1")
    try:
        return float(text)
    except ValueError:
        raise section.fault(f"'weight' must be a number, got {text!r}") from None

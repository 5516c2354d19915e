"""The build policy: which data sets go into a training set, with what weight, and why not.

One file rules: `build.yaml` in the profile's folder. What it does not take it rejects by name and
reason, so that nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from ossamma.data.catalog import Redistribution, Split
from ossamma.data.yaml_section import Option, Section
from ossamma.schema.errors import ConfigurationError, DataError
from ossamma.schema.profile import PROFILES_PACKAGE

POLICY_FILE: Final = "build.yaml"
_EVERY_LICENCE: Final = frozenset(Redistribution)


class Grade(StrEnum):
    """How far a source is trusted; the policy gives each grade a weight in the loss."""

    GOLD = "gold"
    """Checked by hand for this profile."""
    ORDINARY = "ordinary"
    """A public corpus, or automatic marks."""
    REJECTED = "rejected"
    """Read and listed, never trained on."""


DEFAULT_REPAIRS: Final = ("keep-longest",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One data set of the build."""

    card: str
    """Its card: a name of the catalog, or the path of a card's YAML file."""
    grade: Grade = Grade.ORDINARY
    """How far it is trusted."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """File of the card -> label table, where it is not the one called like the card."""
    table: str = ""
    """The label table of all other files; the one called like the data set if empty."""
    keep_splits: bool = True
    """Honour the source's own train, dev and test; else its documents are split by hash."""
    autolabel: bool = False
    """Plain text that the profile's lexicons and patterns mark."""
    max_documents: int | None = None
    """Take only so many documents of each file, the first of them; None takes all."""
    reason: str = ""
    """Why it is graded so; a rejected source needs one."""

    def __post_init__(self) -> None:
        if self.grade is Grade.REJECTED and not self.reason:
            raise ConfigurationError(f"{self.card}: a rejected source needs a reason")
        if self.max_documents is not None and self.max_documents < 1:
            raise ConfigurationError(f"{self.card}: max_documents must be at least 1")

    def table_for(self, path: str, dataset: str) -> str:
        """Return the name of the label table for a file of the data set."""
        return self.tables.get(path) or self.table or dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPolicy:
    """Everything that decides what a built training set holds."""

    name: str
    """The profile's name."""
    sources: tuple[Source, ...]
    """The data sets, the most trusted first: of two equal documents the first source's stays."""
    licences: frozenset[Redistribution] = _EVERY_LICENCE
    """What the cards must allow; other sources are rejected for their licence."""
    salt: str = "1"
    """Changes which groups go to dev and test."""
    shares: Mapping[Split, float] = field(default_factory=dict)
    """Share of the groups that go to dev and test where the source has no such part."""
    weights: Mapping[Grade, float] = field(default_factory=dict)
    """Weight of each grade in the loss."""
    repairs: tuple[str, ...] = DEFAULT_REPAIRS
    """Mechanical repairs of marks, in order; every one is logged. Marks that overlap cannot be
    taught, so that of these the longest is kept unless a policy says otherwise."""
    deduplicate: Mapping[str, Option] = field(default_factory=dict)
    """Settings of the search for duplicates."""
    knowledge: tuple[str, ...] = ()
    """Cards of the knowledge files that the profile's lexicons are made of."""

    def __post_init__(self) -> None:
        cards = [source.card for source in self.sources]
        for card in cards:
            if cards.count(card) > 1:
                raise ConfigurationError(f"the source {card!r} is given twice")
        if any(share < 0 for share in self.shares.values()) or sum(self.shares.values()) >= 1:
            raise ConfigurationError(
                f"shares of dev and test must not be negative and leave something for train, got "
                f"{dict(self.shares)}"
            )
        if any(weight < 0 for weight in self.weights.values()):
            raise ConfigurationError(f"weights must not be negative, got {dict(self.weights)}")

    def weight(self, grade: Grade) -> float:
        """Return the weight of a grade in the loss."""
        return self.weights.get(grade, 0.0 if grade is Grade.REJECTED else 1.0)


def load_policy(profile: str, path: Path | None = None) -> BuildPolicy:
    """Load the policy of a shipped profile, or of a profile's folder, or from a file.

    Raises:
        DataError: there is none, or it says something inconsistent; with file and line.
    """
    file: Traversable = path or _file_of(profile)
    if not file.is_file():
        raise DataError(
            f"no build policy at {file}: expected {POLICY_FILE} in the profile's folder, or give "
            "one with --policy FILE"
        )
    section = Section.in_file(file)
    section.check_keys(
        ("name", "sources"),
        ("licences", "salt", "shares", "weights", "repairs", "deduplicate", "knowledge"),
    )
    return section.build(
        BuildPolicy,
        name=section.text("name"),
        sources=tuple(_source(item) for item in section.sections("sources")),
        licences=read_licences(section),
        salt=section.text("salt", "1"),
        shares={Split(name): share for name, share in _numbers(section, "shares", Split)},
        weights={Grade(name): weight for name, weight in _numbers(section, "weights", Grade)},
        repairs=tuple(section.texts("repairs")) if section.has("repairs") else DEFAULT_REPAIRS,
        deduplicate=section.options("deduplicate"),
        knowledge=tuple(section.texts("knowledge")),
    )


def _file_of(profile: str) -> Traversable:
    folder: Traversable = files(PROFILES_PACKAGE).joinpath(profile)
    if not folder.is_dir():
        folder = Path(profile)
    return folder.joinpath(POLICY_FILE)


def _source(section: Section) -> Source:
    section.check_keys(
        ("card",),
        ("grade", "table", "tables", "keep_splits", "autolabel", "max_documents", "reason"),
    )
    tables = section.section("tables")
    return section.build(
        Source,
        card=section.text("card"),
        grade=section.choice("grade", Grade) if section.has("grade") else Grade.ORDINARY,
        table=section.text("table"),
        tables={path: tables.text(path) for path in tables.values},
        keep_splits=section.boolean("keep_splits") if section.has("keep_splits") else True,
        autolabel=section.boolean("autolabel"),
        max_documents=section.integer("max_documents"),
        reason=section.text("reason"),
    )


def read_licences(section: Section) -> frozenset[Redistribution]:
    """Return the terms that a file takes at its key `licences`; all where it names none."""
    names = section.texts("licences")
    known = [member.value for member in Redistribution]
    for name in names:
        if name not in known:
            raise section.fault(f"'licences' must be of {', '.join(known)}, got {name!r}")
    return frozenset(Redistribution(name) for name in names) or _EVERY_LICENCE


def _numbers(
    section: Section, key: str, kind: type[Split] | type[Grade]
) -> list[tuple[str, float]]:
    numbers = []
    for name, value in section.options(key).items():
        if name not in list(kind):
            raise section.fault(f"{key!r} must name {', '.join(kind)}, got {name!r}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise section.fault(f"{key!r}, {name}: expected a number, got {value!r}")
        numbers.append((name, float(value)))
    return numbers

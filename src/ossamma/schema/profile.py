"""Profiles: a domain's types, and how the labels of each data set map to them.

A profile is a folder of YAML: `profile.yaml` names the types, `datasets/<name>.yaml` holds one
table per data set. A single YAML file with its tables under `datasets:` does as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ossamma.schema.candidates import DROP, Candidates, Fate
from ossamma.schema.dataset_table import DatasetTable
from ossamma.schema.errors import LabelError, ProfileError
from ossamma.schema.hierarchy import Hierarchy
from ossamma.schema.labels import LabelSet
from ossamma.schema.near_names import near
from ossamma.schema.profile_files import (
    PROFILE_FILE,
    PROFILES_PACKAGE,
    TABLES_FOLDER,
    YAML_ENDINGS,
    available_profiles,
    locate,
    read_hierarchy,
    read_table,
    read_word_lists,
    table_sections,
)
from ossamma.schema.yaml_section import Section

__all__ = [
    "DROP",
    "PROFILES_PACKAGE",
    "PROFILE_FILE",
    "TABLES_FOLDER",
    "YAML_ENDINGS",
    "Candidates",
    "DatasetTable",
    "Fate",
    "Hierarchy",
    "Profile",
    "Shape",
    "TypeDescription",
    "available_profiles",
    "load_profile",
    "native_profile",
]


class Shape(StrEnum):
    """By what a reader knows a mention of a type."""

    NAME = "name"
    """By knowing the name, or from what stands around it."""
    RULE = "rule"
    """By its form alone, which a pattern can state: identifiers, addresses, hashes."""


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """One entity type of a profile, in words."""

    name: str
    description: str
    examples: tuple[str, ...]
    shape: Shape = Shape.NAME


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A domain: its entity types in order, and a table for each data set that it can read.

    `labels` is the label set of `types`, in the same order. `hierarchy` says what stands above and
    below the types; None where they are all there is.
    """

    name: str
    title: str
    description: str
    types: tuple[TypeDescription, ...]
    datasets: Mapping[str, DatasetTable]
    hierarchy: Hierarchy | None = None
    labels: LabelSet = field(init=False)

    def __post_init__(self) -> None:
        try:
            labels = LabelSet(tuple(description.name for description in self.types))
        except LabelError as error:
            raise ProfileError(f"profile {self.name!r}: {error}") from None
        if DROP.value in labels.type_index:
            raise ProfileError(f"profile {self.name!r}: {DROP.value!r} cannot be a type's name")
        object.__setattr__(self, "labels", labels)
        if self.hierarchy is not None:
            self.hierarchy.check_types(labels.types)
        for name, table in self.datasets.items():
            if name != table.name:
                raise ProfileError(f"table {table.name!r} stands under another name, {name!r}")
            self.check_table(table)

    @property
    def rule_shaped(self) -> frozenset[str]:
        """The types whose mentions are known by their form alone."""
        return frozenset(one.name for one in self.types if one.shape is Shape.RULE)

    def check_table(self, table: DatasetTable) -> None:
        """Raise ProfileError if the table speaks of a type that this profile does not have."""
        for place, name in table.named_types():
            if name not in self.labels.type_index:
                raise ProfileError(
                    f"table {table.name!r}, {place}: expected types of profile {self.name!r} "
                    f"({', '.join(self.labels.types)}), got {name!r}"
                    + near(name, self.labels.types)
                )

    def table(self, name: str) -> DatasetTable:
        """Return the table called `name`. Raises ProfileError if there is none."""
        if name not in self.datasets:
            raise ProfileError(
                f"profile {self.name!r} has no table {name!r}; it has "
                f"{', '.join(sorted(self.datasets)) or 'none at all'}" + near(name, self.datasets)
            )
        return self.datasets[name]

    def table_for(self, source_labels: set[str]) -> DatasetTable | None:
        """Return the one table that covers these labels; None if they are types already.

        Where several tables cover them, the one with the fewest labels is meant. Tables that are
        meant only when they are named (`found_by_labels` is False) are not considered.

        Raises:
            ProfileError: no table covers all of the labels, or the choice is not clear.
        """
        if source_labels <= set(self.labels.types):
            return None
        found = [table for table in self.datasets.values() if table.found_by_labels]
        covering = [table for table in found if source_labels <= set(table.labels)]
        smallest = min((len(table.labels) for table in covering), default=0)
        fitting = [table for table in covering if len(table.labels) == smallest]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise ProfileError(self._uncovered(source_labels))
        raise ProfileError(
            f"profile {self.name!r}: the tables {', '.join(sorted(t.name for t in fitting))} fit "
            "these labels equally well; choose one with --map NAME"
        )

    def _uncovered(self, source_labels: set[str]) -> str:
        known = set(self.labels.types).union(*(table.labels for table in self.datasets.values()))
        unknown = sorted(source_labels - known)
        reason = (
            f"does not know the labels {', '.join(unknown)}"
            if unknown
            else f"has no single table for the labels {', '.join(sorted(source_labels))}"
        )
        covers = [
            f"\n  table {name} covers {', '.join(sorted(table.labels))}"
            for name, table in sorted(self.datasets.items())
        ]
        advice = (
            "choose a table with --map NAME, or keep the labels of the file with --profile native"
            if covers
            else "it has no label tables: give a profile that has one for these labels"
        )
        return (
            f"profile {self.name!r} {reason}\n  its own types are {', '.join(self.labels.types)}"
            f"{''.join(covers)}\n{advice}"
        )


def native_profile(types: Iterable[str]) -> Profile:
    """Make a profile of the labels that a file already has, sorted. It has no tables."""
    names = sorted(set(types))
    if not names:
        raise ProfileError("a native profile needs labels; the file has no annotated entity")
    return Profile(
        name="native",
        title="Labels of the file",
        description="The labels as the training file has them.",
        types=tuple(TypeDescription(name, "", ()) for name in names),
        datasets={},
    )


def load_profile(name_or_path: str | Path) -> Profile:
    """Load a profile by its name, or from a folder or a YAML file.

    A string that is the name of a shipped profile means that one; write `./name` for a folder
    of the same name. A Path is always a path.

    Raises:
        ProfileError: there is no such profile, or it says something inconsistent.
    """
    found = locate(name_or_path)
    section = Section.in_file(found.profile)
    section.check_keys(("name", "title", "types"), ("description", TABLES_FOLDER))
    profile = section.build(
        Profile,
        name=section.text("name"),
        title=section.text("title"),
        description=section.text("description"),
        types=tuple(_type_description(item) for item in section.sections("types")),
        datasets={},
        hierarchy=None if found.hierarchy is None else read_hierarchy(found.hierarchy),
    )
    word_lists = read_word_lists(found.word_lists)
    tables: dict[str, DatasetTable] = {}
    for name, table_section in table_sections(section, found.tables):
        if name in tables:
            raise table_section.fault(f"the table {name!r} is given twice")
        table = read_table(name, table_section, word_lists)
        table_section.build(profile.check_table, table=table)
        tables[name] = table
    return replace(profile, datasets=tables)


def _type_description(section: Section) -> TypeDescription:
    section.check_keys(("name", "description"), ("examples", "shape"))
    examples = section.texts("examples") if "examples" in section.values else []
    shape = section.text("shape") if "shape" in section.values else Shape.NAME.value
    if shape not in set(Shape):
        raise section.fault(
            f"expected the shape {' or '.join(Shape)}, got {shape!r}", section.values["shape"]
        )
    return TypeDescription(
        section.text("name"), section.text("description"), tuple(examples), Shape(shape)
    )

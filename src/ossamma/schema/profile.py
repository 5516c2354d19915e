"""Profiles: a domain's types, and how the labels of each data set map to them.

A profile is a folder of YAML: `profile.yaml` names the types, `datasets/<name>.yaml` holds one
table per data set. A single YAML file with its tables under `datasets:` does as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import Enum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Literal, TypeVar

import yaml

from ossamma.schema.errors import LabelError, ProfileError
from ossamma.schema.labels import LabelSet

PROFILES_PACKAGE: Final = "ossamma.profiles"
PROFILE_FILE: Final = "profile.yaml"
TABLES_FOLDER: Final = "datasets"
YAML_ENDINGS: Final = (".yaml", ".yml")

_T = TypeVar("_T")


class Fate(Enum):
    """What becomes of a source label that maps to no type: the table gives it up explicitly."""

    DROP = "DROP"


DROP: Final = Fate.DROP
Candidates = tuple[str, ...] | Literal[Fate.DROP]


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """One entity type of a profile, in words."""

    name: str
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetTable:
    """How one data set's labels map to a profile's types.

    `labels` gives each source label its candidate types, sorted and without repetition (several
    where the source cannot tell them apart), or DROP. `annotates` names the types that the data
    set marks exhaustively: only there does an unmarked word mean "not an entity of this type".
    """

    name: str
    title: str
    labels: Mapping[str, Candidates]
    annotates: frozenset[str]
    licence: str = ""
    url: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        if not self.labels:
            raise ProfileError(f"table {self.name!r}: expected at least one source label, got none")
        for label, candidates in self.labels.items():
            if candidates is DROP:
                continue
            if not candidates or list(candidates) != sorted(set(candidates)):
                raise ProfileError(
                    f"table {self.name!r}, label {label!r}: candidate types must be at least one, "
                    f"sorted and unique, got {list(candidates)}; write DROP to give a label up"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A domain: its entity types in order, and a table for each data set that it can read.

    `labels` is the label set of `types`, in the same order.
    """

    name: str
    title: str
    description: str
    types: tuple[TypeDescription, ...]
    datasets: Mapping[str, DatasetTable]
    labels: LabelSet = field(init=False)

    def __post_init__(self) -> None:
        try:
            labels = LabelSet(tuple(description.name for description in self.types))
        except LabelError as error:
            raise ProfileError(f"profile {self.name!r}: {error}") from None
        if DROP.value in labels.type_index:
            raise ProfileError(f"profile {self.name!r}: {DROP.value!r} cannot be a type's name")
        object.__setattr__(self, "labels", labels)
        for name, table in self.datasets.items():
            if name != table.name:
                raise ProfileError(f"table {table.name!r} stands under another name, {name!r}")
            self.check_table(table)

    def check_table(self, table: DatasetTable) -> None:
        """Raise ProfileError if the table speaks of a type that this profile does not have."""
        named = {f"label {k!r}": () if v is DROP else v for k, v in table.labels.items()}
        named["annotates"] = tuple(sorted(table.annotates))
        for place, names in named.items():
            for name in names:
                if name not in self.labels.type_index:
                    raise ProfileError(
                        f"table {table.name!r}, {place}: expected types of profile {self.name!r} "
                        f"({', '.join(self.labels.types)}), got {name!r}"
                        + _near(name, self.labels.types)
                    )

    def table(self, name: str) -> DatasetTable:
        """Return the table called `name`. Raises ProfileError if there is none."""
        if name not in self.datasets:
            raise ProfileError(
                f"profile {self.name!r} has no table {name!r}; it has "
                f"{', '.join(sorted(self.datasets)) or 'none at all'}" + _near(name, self.datasets)
            )
        return self.datasets[name]

    def table_for(self, source_labels: set[str]) -> DatasetTable | None:
        """Return the one table that covers these labels; None if they are types already.

        Where several tables cover them, the one with the fewest labels is meant.

        Raises:
            ProfileError: no table covers all of the labels, or the choice is not clear.
        """
        if source_labels <= set(self.labels.types):
            return None
        covering = [t for t in self.datasets.values() if source_labels <= set(t.labels)]
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


def available_profiles() -> list[str]:
    """Names of the profiles that come with the package, sorted."""
    return sorted(
        folder.name
        for folder in files(PROFILES_PACKAGE).iterdir()
        if folder.is_dir() and folder.joinpath(PROFILE_FILE).is_file()
    )


def load_profile(name_or_path: str | Path) -> Profile:
    """Load a profile by its name, or from a folder or a YAML file.

    A string that is the name of a shipped profile means that one; write `./name` for a folder
    of the same name. A Path is always a path.

    Raises:
        ProfileError: there is no such profile, or it says something inconsistent.
    """
    file, table_files = _locate(name_or_path)
    section = _Section.of(_compose(file), str(file))
    section.check_keys(("name", "title", "types"), ("description", TABLES_FOLDER))
    profile = section.build(
        Profile,
        name=section.text("name"),
        title=section.text("title"),
        description=section.text("description"),
        types=tuple(_type_description(item) for item in section.sections("types")),
        datasets={},
    )
    tables: dict[str, DatasetTable] = {}
    for name, table_section in _table_sections(section, table_files):
        if name in tables:
            raise table_section.fault(f"the table {name!r} is given twice")
        tables[name] = _table(name, table_section, profile)
    return replace(profile, datasets=tables)


def _locate(name_or_path: str | Path) -> tuple[Traversable, list[Traversable]]:
    """Return the file of a profile and the files of its tables."""
    shipped = available_profiles()
    folder: Traversable = Path(name_or_path)
    if isinstance(name_or_path, str) and name_or_path in shipped:
        folder = files(PROFILES_PACKAGE).joinpath(name_or_path)
    elif folder.name == PROFILE_FILE and folder.is_file():
        folder = Path(name_or_path).parent
    elif folder.name.endswith(YAML_ENDINGS) and folder.is_file():
        return folder, []
    file = folder.joinpath(PROFILE_FILE)
    if not file.is_file():
        raise ProfileError(
            f"no profile {str(name_or_path)!r}: it is neither the name of a shipped profile "
            f"({', '.join(shipped)}) nor a folder with {PROFILE_FILE} nor a YAML file"
            + _near(str(name_or_path), shipped)
        )
    tables = folder.joinpath(TABLES_FOLDER)
    found = tables.iterdir() if tables.is_dir() else ()
    return file, sorted(
        (table for table in found if table.name.endswith(YAML_ENDINGS)),
        key=lambda table: table.name,
    )


def _near(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean X?`, or nothing where no name is near."""
    by_lower = {known.lower(): known for known in names}
    near = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(by_lower[match] for match in near)}?" if near else ""


@dataclass(frozen=True, slots=True)
class _Section:
    """A YAML mapping that knows its file and line. Every scalar is read as it is written.

    Reading the nodes rather than loaded values keeps the line for messages, shows repeated keys,
    and leaves a label `NO` or `1` what it is.
    """

    source: str
    line: int
    values: Mapping[str, yaml.Node]

    @classmethod
    def of(cls, node: yaml.Node | None, source: str) -> _Section:
        """Open a mapping node. Raises ProfileError for any other node and for a repeated key."""
        line = 1 if node is None else node.start_mark.line + 1
        values: dict[str, yaml.Node] = {}
        section = cls(source, line, values)
        if not isinstance(node, yaml.MappingNode):
            raise section.fault(f"expected a mapping (key: value), got {_kind(node)}")
        for key_node, value in node.value:
            key = section.scalar(key_node)
            if key in values:
                raise section.fault(f"the key {key!r} is given twice", key_node)
            values[key] = value
        return section

    def fault(self, message: str, node: yaml.Node | None = None) -> ProfileError:
        """Return an error at this section, or at a node of it."""
        line = self.line if node is None else node.start_mark.line + 1
        return ProfileError(f"{self.source}:{line}: {message}")

    def check_keys(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Raise ProfileError for a key that is missing or not known."""
        known = (*required, *optional)
        for key, node in self.values.items():
            if key not in known:
                raise self.fault(
                    f"unknown key {key!r}; expected {', '.join(known)}" + _near(key, known), node
                )
        missing = [key for key in required if key not in self.values]
        if missing:
            raise self.fault(f"the key {missing[0]!r} is missing")

    def build(self, make: Callable[..., _T], **fields: object) -> _T:
        """Make a value; a fault in it is reported at this section."""
        try:
            return make(**fields)
        except ProfileError as error:
            raise self.fault(str(error)) from None

    def scalar(self, node: yaml.Node) -> str:
        """Return the text of a scalar."""
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.fault(f"expected a text, got {_kind(node)}", node)
        return str(node.value).strip()

    def text(self, key: str) -> str:
        """Return the text at a key; empty where an optional key is missing."""
        return self.scalar(self.values[key]) if key in self.values else ""

    def texts(self, key: str) -> list[str]:
        """Return the list of texts at a key, without repetition."""
        texts = [self.scalar(node) for node in self._items(key)]
        if len(set(texts)) < len(texts):
            raise self.fault(f"{key!r} has an entry twice: {', '.join(texts)}", self.values[key])
        return texts

    def section(self, key: str) -> _Section:
        """Return the mapping at a key."""
        return _Section.of(self.values[key], self.source)

    def sections(self, key: str) -> list[_Section]:
        """Return the list of mappings at a key."""
        return [_Section.of(node, self.source) for node in self._items(key)]

    def _items(self, key: str) -> list[yaml.Node]:
        node = self.values[key]
        if not isinstance(node, yaml.SequenceNode):
            raise self.fault(f"{key!r} must be a list, got {_kind(node)}", node)
        return list(node.value)


def _compose(file: Traversable) -> yaml.Node | None:
    """Parse a file into nodes by the safe loader; nothing in it is ever constructed."""
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: expected a readable UTF-8 file: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = file if mark is None else f"{file}:{mark.line + 1}"
        problem = getattr(error, "problem", None) or error
        raise ProfileError(f"{where}: expected valid YAML: {problem}") from error


def _kind(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.CollectionNode):
        return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
    return "a text" if node is not None and node.value else "nothing"


def _type_description(section: _Section) -> TypeDescription:
    section.check_keys(("name", "description"), ("examples",))
    examples = section.texts("examples") if "examples" in section.values else []
    return TypeDescription(section.text("name"), section.text("description"), tuple(examples))


def _table_sections(
    profile: _Section, table_files: Sequence[Traversable]
) -> Iterator[tuple[str, _Section]]:
    """Yield each table's name and section: those inside the profile file, then the files."""
    if TABLES_FOLDER in profile.values:
        inline = profile.section(TABLES_FOLDER)
        for name in inline.values:
            yield name, inline.section(name)
    for file in table_files:
        yield file.name.rpartition(".")[0], _Section.of(_compose(file), str(file))


def _table(name: str, section: _Section, profile: Profile) -> DatasetTable:
    section.check_keys(("title", "labels", "annotates"), ("licence", "url", "notes"))
    source_labels = section.section("labels")
    table = section.build(
        DatasetTable,
        name=name,
        title=section.text("title"),
        labels={label: _candidates(source_labels, label) for label in source_labels.values},
        annotates=frozenset(section.texts("annotates")),
        licence=section.text("licence"),
        url=section.text("url"),
        notes=section.text("notes"),
    )
    section.build(profile.check_table, table=table)
    return table


def _candidates(section: _Section, label: str) -> Candidates:
    """Read `label: TYPE`, `label: [TYPE, TYPE]` or `label: DROP`."""
    node = section.values[label]
    if isinstance(node, yaml.ScalarNode):
        name = section.scalar(node)
        return DROP if name == DROP.value else (name,)
    return tuple(sorted(section.texts(label)))

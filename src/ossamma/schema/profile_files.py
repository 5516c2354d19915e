"""The files of a profile: where they lie, and how each part of one is read.

A profile is a folder: `profile.yaml` names the types, `datasets/<name>.yaml` holds one label table
per data set, `word_lists/<name>.txt` the words that their rules speak of (`@name`), one entry a
line, `hierarchy.yaml` what stands above and below the types, `gates.yaml` what a release must
reach, and `alerts.yaml` when a server of it calls for help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from ossamma.schema.candidates import DROP, Candidates
from ossamma.schema.dataset_table import DatasetTable
from ossamma.schema.errors import ProfileError
from ossamma.schema.hierarchy import FineType, Hierarchy, RollUp
from ossamma.schema.label_rules import Condition, Rule, place_named
from ossamma.schema.near_names import near
from ossamma.schema.yaml_section import Section

PROFILES_PACKAGE: Final = "ossamma.profiles"
PROFILE_FILE: Final = "profile.yaml"
HIERARCHY_FILE: Final = "hierarchy.yaml"
GATES_FILE: Final = "gates.yaml"
ALERTS_FILE: Final = "alerts.yaml"
TABLES_FOLDER: Final = "datasets"
WORDS_FOLDER: Final = "word_lists"
WORDS_ENDING: Final = ".txt"
YAML_ENDINGS: Final = (".yaml", ".yml")

WordLists = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileFiles:
    """Where the parts of a profile lie; a profile of one file has no other parts."""

    profile: Traversable
    tables: tuple[Traversable, ...] = ()
    word_lists: tuple[Traversable, ...] = ()
    hierarchy: Traversable | None = None
    gates: Traversable | None = None
    alerts: Traversable | None = None


def available_profiles() -> list[str]:
    """Names of the profiles that come with the package, sorted."""
    return sorted(
        folder.name
        for folder in files(PROFILES_PACKAGE).iterdir()
        if folder.is_dir() and folder.joinpath(PROFILE_FILE).is_file()
    )


def locate(name_or_path: str | Path) -> ProfileFiles:
    """Find the files of a profile. Raises ProfileError if there is no such profile."""
    shipped = available_profiles()
    folder: Traversable = Path(name_or_path)
    if isinstance(name_or_path, str) and name_or_path in shipped:
        folder = files(PROFILES_PACKAGE).joinpath(name_or_path)
    elif folder.name == PROFILE_FILE and folder.is_file():
        folder = Path(name_or_path).parent
    elif folder.name.endswith(YAML_ENDINGS) and folder.is_file():
        return ProfileFiles(profile=folder)
    file = folder.joinpath(PROFILE_FILE)
    if not file.is_file():
        raise ProfileError(
            f"no profile {str(name_or_path)!r}: it is neither the name of a shipped profile "
            f"({', '.join(shipped)}) nor a folder with {PROFILE_FILE} nor a YAML file"
            + near(str(name_or_path), shipped)
        )
    hierarchy, gates, alerts = map(folder.joinpath, (HIERARCHY_FILE, GATES_FILE, ALERTS_FILE))
    return ProfileFiles(
        profile=file,
        tables=_files_in(folder.joinpath(TABLES_FOLDER), YAML_ENDINGS),
        word_lists=_files_in(folder.joinpath(WORDS_FOLDER), (WORDS_ENDING,)),
        hierarchy=hierarchy if hierarchy.is_file() else None,
        gates=gates if gates.is_file() else None,
        alerts=alerts if alerts.is_file() else None,
    )


def _files_in(folder: Traversable, endings: tuple[str, ...]) -> tuple[Traversable, ...]:
    found = folder.iterdir() if folder.is_dir() else ()
    chosen = (file for file in found if file.name.endswith(endings))
    return tuple(sorted(chosen, key=lambda file: file.name))


def read_word_lists(word_files: tuple[Traversable, ...]) -> WordLists:
    """Read the word lists: one entry a line, `#` begins a comment. Raises ProfileError."""
    lists: dict[str, tuple[str, ...]] = {}
    for file in word_files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"{file}: expected a readable UTF-8 file: {error}") from error
        words = [line.partition("#")[0].strip() for line in lines]
        lists[file.name.removesuffix(WORDS_ENDING)] = tuple(word for word in words if word)
    return lists


def table_sections(
    profile: Section, table_files: tuple[Traversable, ...]
) -> Iterator[tuple[str, Section]]:
    """Yield each table's name and section: those inside the profile file, then the files."""
    if TABLES_FOLDER in profile.values:
        inline = profile.section(TABLES_FOLDER)
        for name in inline.values:
            yield name, inline.section(name)
    for file in table_files:
        yield file.name.rpartition(".")[0], Section.in_file(file)


def read_table(name: str, section: Section, word_lists: WordLists) -> DatasetTable:
    """Read a label table. Raises ProfileError with file and line."""
    section.check_keys(
        ("title", "labels", "annotates"), ("licence", "url", "notes", "rules", "found_by_labels")
    )
    source_labels = section.section("labels")
    return section.build(
        DatasetTable,
        name=name,
        title=section.text("title"),
        labels={label: _candidates(source_labels, label) for label in source_labels.values},
        annotates=frozenset(section.texts("annotates")),
        rules=tuple(_rules(section, word_lists)),
        found_by_labels=section.flag("found_by_labels", default=True),
        licence=section.text("licence"),
        url=section.text("url"),
        notes=section.text("notes"),
    )


def _candidates(section: Section, key: str) -> Candidates:
    """Read `key: TYPE`, `key: [TYPE, TYPE]` or `key: DROP`."""
    if section.is_text(key):
        name = section.text(key)
        return DROP if name == DROP.value else (name,)
    return tuple(sorted(section.texts(key)))


def _rules(section: Section, word_lists: WordLists) -> Iterator[Rule]:
    """Read `rules: {label: [rule, ...]}`, in order."""
    if "rules" not in section.values:
        return
    by_label = section.section("rules")
    for label in by_label.values:
        for rule in by_label.sections(label):
            rule.check_keys(("name", "types"), ("when", "unless"))
            yield rule.build(
                Rule,
                name=rule.text("name"),
                label=label,
                types=_candidates(rule, "types"),
                when=_conditions(rule, "when", word_lists),
                unless=_conditions(rule, "unless", word_lists),
            )


def _conditions(rule: Section, key: str, word_lists: WordLists) -> tuple[Condition, ...]:
    """Read `{place: [word, "@list"]}`, with `/pattern/` in place of the words."""
    if key not in rule.values:
        return ()
    section = rule.section(key)
    conditions = []
    for place in section.values:
        tests = section.text_or_texts(place)
        where = section.build(place_named, name=place)
        if len(tests) == 1 and len(tests[0]) > 2 and tests[0][0] == tests[0][-1] == "/":
            made = section.build(Condition, place=where, pattern=tests[0][1:-1])
        else:
            words = [word for test in tests for word in _words(section, test, word_lists)]
            made = section.build(Condition.of_words, place=where, words=words)
        conditions.append(made)
    return tuple(conditions)


def _words(section: Section, test: str, word_lists: WordLists) -> tuple[str, ...]:
    if not test.startswith("@"):
        return (test,)
    name = test[1:]
    if name not in word_lists:
        raise section.fault(
            f"there is no word list {name!r} in {WORDS_FOLDER}/; there are "
            f"{', '.join(sorted(word_lists)) or 'none'}" + near(name, word_lists)
        )
    return word_lists[name]


def read_hierarchy(file: Traversable) -> Hierarchy:
    """Read the hierarchy of a profile. Raises ProfileError with file and line."""
    section = Section.in_file(file)
    section.check_keys(("graph", "categories", "types"), ("roll_ups", "merged"))
    graph = section.section("graph")
    types = section.section("types")
    above: dict[str, str] = {}
    fine: list[FineType] = []
    tiers = _tiers(section.section("categories"))
    for name in types.values:
        entry = types.section(name)
        entry.check_keys(("label",), ("fine",))
        above[name] = entry.text("label")
        if "fine" in entry.values:
            fine.extend(_fine_types(name, entry.section("fine"), tiers))
    merged = section.section("merged") if "merged" in section.values else None
    return section.build(
        Hierarchy,
        properties={label: graph.text(label) for label in graph.values},
        super_labels=above,
        fine=tuple(fine),
        roll_ups=tuple(_roll_ups(section)),
        merged={} if merged is None else {name: merged.text(name) for name in merged.values},
    )


def _tiers(section: Section) -> dict[str, int]:
    """Read category -> tier."""
    tiers = {}
    for category in section.values:
        number = section.text(category)
        if not (number.isascii() and number.isdigit()):
            raise section.fault(f"{category!r} must have the number of a tier, got {number!r}")
        tiers[category] = int(number)
    return tiers


def _fine_types(active: str, section: Section, tiers: Mapping[str, int]) -> Iterator[FineType]:
    """Read `NAME: [value, CATEGORY]`."""
    for name in section.values:
        entry = section.texts(name)
        if len(entry) != 2 or entry[1] not in tiers:
            raise section.fault(
                f"the fine type {name!r} must have its value in the graph and a category, "
                f"got {entry}",
                section.values[name],
            )
        value, category = entry
        yield FineType(
            name=name, active=active, value=value, category=category, tier=tiers[category]
        )


def _roll_ups(section: Section) -> Iterator[RollUp]:
    if "roll_ups" not in section.values:
        return
    entries = section.section("roll_ups")
    for name in entries.values:
        entry = entries.section(name)
        entry.check_keys(("description", "types"))
        yield RollUp(
            name=name,
            description=entry.text("description"),
            types=frozenset(entry.texts("types")),
        )

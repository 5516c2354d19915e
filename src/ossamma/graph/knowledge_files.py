"""Knowledge out of files: the lexicons' sources with their identifiers, and links between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ossamma.data.autolabel.folding import canonical, fold
from ossamma.data.autolabel.knowledge import JsonFiles, Name, read_names
from ossamma.data.autolabel.rules import LexiconRules, SourceRule
from ossamma.graph.knowledge import Entry, Knowledge, Relation
from ossamma.graph.values import EdgeType
from ossamma.schema.errors import DataError, FormatError
from ossamma.schema.hierarchy import Hierarchy

_LINKS: Final = MappingProxyType(
    {
        "uses": EdgeType.USES,
        "targets": EdgeType.TARGETS,
        "exploits": EdgeType.EXPLOITS,
        "mitigates": EdgeType.MITIGATES,
        "attributed-to": EdgeType.ATTRIBUTED_TO,
        "indicates": EdgeType.INDICATES,
    }
)
_KINDS: Final = frozenset({"stix", "misp"})


def load_knowledge(rules: LexiconRules, hierarchy: Hierarchy, folder: Path) -> Knowledge:
    """Read what the files of the lexicons' rules below a folder know.

    Sources whose names may be of several graph labels are left out: one thing has one label. So
    are names on the rules' stop lists, which are common words as well.

    Raises:
        DataError: no source of the rules has a file below the folder.
        FormatError: a file is not what its source expects.
    """
    entries: dict[str, Entry] = {}
    read = JsonFiles()
    files_of = {rule: _files(rule, folder) for rule in rules.sources}
    if not any(files_of.values()):
        raise DataError(
            f"no knowledge file below {folder}: expected ATT&CK bundles, MISP clusters or the like"
        )
    for rule, files in files_of.items():
        labels = {hierarchy.super_label(label) for label in rule.labels}
        if len(labels) == 1 and rule.kind in _KINDS:
            for file in files:
                for entry in _entries(rule, rules, _names(rule, file, read), min(labels)):
                    known = entries.get(entry.identifier)
                    entries[entry.identifier] = _with_names(known, entry) if known else entry
    relations = {
        (relation.type, relation.source, relation.target): relation
        for file in sorted(set().union(*files_of.values()))
        for relation in _relations(file, read(file))
    }
    for file in sorted(folder.glob("**/known_exploited_vulnerabilities.json")):
        _add_exploited(file, read(file), hierarchy, entries, relations)
    return Knowledge(tuple(entries.values()), tuple(relations.values()), rules.ordinary)


def _files(rule: SourceRule, folder: Path) -> list[Path]:
    return sorted({file for pattern in rule.files for file in folder.glob(pattern)})


def _names(rule: SourceRule, file: Path, read: JsonFiles) -> Iterator[Name]:
    for select in rule.select or ("",):
        yield from read_names(rule.kind, file, select, read=read)


def _entries(
    rule: SourceRule, rules: LexiconRules, names: Iterable[Name], label: str
) -> Iterator[Entry]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.identifier:
            grouped[name.identifier].append(name.surface)
    stop = rules.stop | rule.stop
    for identifier, surfaces in grouped.items():
        kept = [name for name in surfaces if _key(name) not in stop and len(_key(name)) > 2]
        if kept:
            scheme = "misp" if rule.kind == "misp" else _scheme(identifier)
            yield Entry(
                identifier=f"{scheme}:{identifier}",
                label=label,
                type=rule.labels[0],
                name=kept[0],
                aliases=tuple(kept[1:]),
                source=rule.source.name,
            )


def _with_names(known: Entry, entry: Entry) -> Entry:
    names = dict.fromkeys((*known.names, *entry.names))
    name, *aliases = names
    return Entry(known.identifier, known.label, known.type, name, tuple(aliases), known.source)


def _scheme(identifier: str) -> str:
    return "capec" if identifier.startswith("CAPEC-") else "attack"


def _key(name: str) -> str:
    return " ".join(canonical(fold(name).text).split())


def _relations(file: Path, content: object) -> Iterator[Relation]:
    """Yield the links between objects of a STIX bundle; none of another file."""
    objects = content.get("objects") if isinstance(content, Mapping) else None
    if not isinstance(objects, list):
        return
    try:
        identifiers = {one["id"]: _identifier(one) for one in objects}
        for one in objects:
            kind = _LINKS.get(one.get("relationship_type", ""))
            if kind is None or one.get("revoked") or one.get("x_mitre_deprecated"):
                continue
            source = identifiers.get(one["source_ref"])
            target = identifiers.get(one["target_ref"])
            if source and target:
                statement = f"{file.name} {one['id']}"
                yield Relation(kind, source, target, statement, one.get("description", ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            file, None, expected="a STIX bundle", got=f"other content ({error!r})"
        ) from error


def _identifier(item: Mapping[str, Any]) -> str:
    if item.get("revoked") or item.get("x_mitre_deprecated"):
        return ""
    references = item.get("external_references") or [{}]
    identifier = str(references[0].get("external_id", ""))
    return f"{_scheme(identifier)}:{identifier}" if identifier else ""


def _add_exploited(
    file: Path,
    content: Any,  # noqa: ANN401 - JSON is anything
    hierarchy: Hierarchy,
    entries: dict[str, Entry],
    relations: dict[tuple[EdgeType, str, str], Relation],
) -> None:
    """Add vulnerabilities that are known to be exploited, and the products that they affect."""
    software = hierarchy.super_label("SOFTWARE_COMPONENT")
    vulnerability = hierarchy.super_label("CVE")
    try:
        for one in content["vulnerabilities"]:
            number, product = one["cveID"], f"{one['vendorProject']} {one['product']}"
            cve, named = f"cve:{number}", f"kev:{_key(product)}"
            entries[cve] = Entry(cve, vulnerability, "CVE", number, (), "kev")
            entries[named] = Entry(named, software, "SOFTWARE_COMPONENT", product, (), "kev")
            statement = f"{file.name} {number}"
            relations[EdgeType.AFFECTS, cve, named] = Relation(
                EdgeType.AFFECTS, cve, named, statement, one.get("shortDescription", "")
            )
    except (KeyError, TypeError) as error:
        raise FormatError(
            file, None, expected="the catalog of exploited vulnerabilities", got=repr(error)
        ) from error

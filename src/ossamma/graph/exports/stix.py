"""A graph as a STIX 2.1 bundle: one object for each thing, relationships with their confidence.

Sameness is resolved: the entities that are one become one object with all names as aliases. Keys
become UUIDs (version 5), so that the same graph gives the same bundle.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import stix2

from ossamma.graph.exports.rows import export_rows
from ossamma.graph.store import GraphStore
from ossamma.graph.values import Edge, EdgeType, EntityNode
from ossamma.graph.view import RELATIONS
from ossamma.schema.atomic import atomic_write

_NAMESPACE: Final = uuid.UUID("8e3f0a52-7c1d-5b7e-9a44-0f1c7de0a311")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""When every object was made, so that a bundle depends on its graph alone."""
_OBJECTS: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "ThreatActor": stix2.IntrusionSet,
        "Malware": stix2.Malware,
        "Software": stix2.Tool,
        "AttackPattern": stix2.AttackPattern,
        "Vulnerability": stix2.Vulnerability,
        "Campaign": stix2.Campaign,
        "Control": stix2.CourseOfAction,
        "Organization": stix2.Identity,
        "Location": stix2.Location,
    }
)
_WITH_ALIASES: Final = frozenset({"ThreatActor", "Malware", "Software", "Campaign"})
_VERBS: Final = MappingProxyType(
    {
        EdgeType.USES: "uses",
        EdgeType.TARGETS: "targets",
        EdgeType.EXPLOITS: "exploits",
        EdgeType.MITIGATES: "mitigates",
        EdgeType.AFFECTS: "related-to",
        EdgeType.ATTRIBUTED_TO: "attributed-to",
        EdgeType.INDICATES: "related-to",
        EdgeType.CO_OCCURS_WITH: "related-to",
    }
)


def export(store: GraphStore, out: Path) -> None:
    """Write a bundle that the stix2 library has validated object by object."""
    bundle = make_bundle(store)
    with atomic_write(out) as file:
        file.write(bundle.serialize(indent=1) + "\n")


def make_bundle(store: GraphStore) -> stix2.Bundle:
    """Return the bundle. What has no object of its own in STIX is an identity or left out."""
    rows = export_rows(store)
    groups: dict[str, list[EntityNode]] = defaultdict(list)
    for one in rows.entities:
        groups[one.canonical].append(one)
    objects = {key: _object(key, groups[key]) for key in sorted(groups)}
    owners = {one.id: one.canonical for one in rows.entities}
    best: dict[tuple[EdgeType, str, str], Edge] = {}
    for edge in rows.edges:
        if edge.type in RELATIONS and owners[edge.source] != owners[edge.target]:
            place = (edge.type, owners[edge.source], owners[edge.target])
            best[place] = max(best.get(place, edge), edge, key=lambda one: (one.score, one.id))
    relations = [
        _relationship(kind, objects[source], objects[target], edge)
        for (kind, source, target), edge in sorted(best.items(), key=lambda item: item[0])
    ]
    return stix2.Bundle(
        objects=[*objects.values(), *relations],
        id=f"bundle--{uuid.uuid5(_NAMESPACE, ' '.join(objects))}",
        allow_custom=True,
    )


def _object(key: str, members: list[EntityNode]) -> Any:  # noqa: ANN401  one of many kinds
    head = next((one for one in members if one.id == key), members[0])
    kind = _OBJECTS.get(head.label, stix2.Identity)
    names = sorted({name for one in members for name in one.names} - {head.name})
    content: dict[str, Any] = {
        "id": f"{kind._type}--{uuid.uuid5(_NAMESPACE, key)}",
        "created": _EPOCH,
        "modified": _EPOCH,
        "name": head.name,
        "allow_custom": True,
        "x_ossamma_label": head.label,
        "x_ossamma_key": key,
    }
    if head.label in _WITH_ALIASES and names:
        content["aliases"] = names
    if kind is stix2.Malware:
        content["is_family"] = True
    if kind is stix2.Location:
        content["region"] = head.name
    references = [_reference(identifier) for one in members for identifier in one.identifiers]
    if references:
        content["external_references"] = sorted(references, key=str)
    return kind(**content)


def _reference(identifier: str) -> dict[str, str]:
    scheme, _, value = identifier.partition(":")
    source = {"attack": "mitre-attack", "cve": "cve", "cwe": "cwe", "capec": "capec"}
    return {"source_name": source.get(scheme, scheme), "external_id": value}


def _relationship(kind: EdgeType, source: Any, target: Any, edge: Edge) -> stix2.Relationship:  # noqa: ANN401
    return stix2.Relationship(
        id=f"relationship--{uuid.uuid5(_NAMESPACE, edge.id)}",
        created=_EPOCH,
        modified=_EPOCH,
        relationship_type=_VERBS[kind],
        source_ref=source.id,
        target_ref=target.id,
        confidence=round(100 * edge.score),
        description=f"{kind.value}: {edge.reason}",
        allow_custom=True,
    )

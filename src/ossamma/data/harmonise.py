"""Bring documents of one data set to the types of a profile, counting every annotation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ossamma.schema.errors import DataError
from ossamma.schema.profile import DROP, DatasetTable, Profile
from ossamma.schema.spans import Annotation, Document


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmoniseReport:
    """What became of the annotations.

    `mapped` counts source label -> candidate types -> annotations, `dropped` counts source label
    -> annotations. A source label with open type is written `A|B`. Together they are all the
    annotations that came in: `num_mapped + num_dropped`.
    """

    profile: str
    table: str | None
    num_documents: int
    mapped: Mapping[str, Mapping[tuple[str, ...], int]]
    dropped: Mapping[str, int]

    @property
    def num_mapped(self) -> int:
        """Annotations that came out."""
        return sum(sum(counts.values()) for counts in self.mapped.values())

    @property
    def num_dropped(self) -> int:
        """Annotations that the table gave up."""
        return sum(self.dropped.values())

    def rows(self) -> list[tuple[str, str, int]]:
        """Return (source label, `A|B` or DROP, count) for printing, sorted."""
        mapped = [
            (label, "|".join(types), count)
            for label, counts in self.mapped.items()
            for types, count in counts.items()
        ]
        dropped = [(label, DROP.value, count) for label, count in self.dropped.items()]
        return sorted(mapped + dropped)


def harmonise(
    documents: Iterable[Document], profile: Profile, table: DatasetTable | None
) -> tuple[list[Document], HarmoniseReport]:
    """Map the annotations of documents to the profile's types through a table.

    Texts, words, weights and provenance stay as they are. With table None the labels must be the
    profile's types already, and the documents come back unchanged.

    `annotates` of a document becomes what the table says. Where the document marks only some
    source labels exhaustively, a type stays exhaustive only if every source label that may mean
    it is among them: of a data set with `corporation` and `group`, a file that marks only
    `corporation` leaves AGENCY open.

    Returns:
        The documents, in order, and a report that accounts for every annotation.

    Raises:
        DataError: a label that the table (or the profile) does not know, or an annotation with
            several candidate labels of which the table drops only some.
        ProfileError: the table speaks of types that the profile does not have.
    """
    if table is not None:
        profile.check_table(table)
    harmonised = []
    mapped: dict[str, Counter[tuple[str, ...]]] = {}
    dropped: Counter[str] = Counter()
    for document in documents:
        kept = []
        for annotation in document.annotations or ():
            types = _types(document, annotation, profile, table)
            if types:
                mapped.setdefault(annotation.label, Counter())[types] += 1
                kept.append(replace(annotation, labels=types))
            else:
                dropped[annotation.label] += 1
        harmonised.append(
            replace(
                document,
                annotations=None if document.annotations is None else tuple(kept),
                annotates=_annotates(document, profile, table),
            )
        )
    report = HarmoniseReport(
        profile=profile.name,
        table=None if table is None else table.name,
        num_documents=len(harmonised),
        mapped={label: dict(counts) for label, counts in mapped.items()},
        dropped=dict(dropped),
    )
    return harmonised, report


def _types(
    document: Document, annotation: Annotation, profile: Profile, table: DatasetTable | None
) -> tuple[str, ...]:
    """Return the sorted candidate types of an annotation; none at all where it is dropped."""
    where = f"{document.where}, [{annotation.start}, {annotation.end})"
    for label in annotation.labels:
        _check_known(label, where, profile, table)
    if table is None:
        return annotation.labels
    fates = [table.labels[label] for label in annotation.labels]
    kept = [types for types in fates if types is not DROP]
    if kept and len(kept) < len(fates):
        raise DataError(
            f"{where}: table {table.name!r} drops some of the candidate labels "
            f"{', '.join(annotation.labels)} and keeps others; expected all or none, for a half "
            "of an open annotation is not true. Map each of them, or drop each of them"
        )
    return tuple(sorted({name for types in kept for name in types}))


def _annotates(
    document: Document, profile: Profile, table: DatasetTable | None
) -> frozenset[str] | None:
    marked = document.annotates
    for label in sorted(marked or ()):
        _check_known(label, f"{document.where}, annotates", profile, table)
    if table is None:
        return marked
    if marked is None:
        return table.annotates
    sources: dict[str, set[str]] = {}
    for label, types in table.labels.items():
        for name in () if types is DROP else types:
            sources.setdefault(name, set()).add(label)
    return frozenset(n for n in table.annotates if n in sources and sources[n] <= marked)


def _check_known(label: str, where: str, profile: Profile, table: DatasetTable | None) -> None:
    if label in (profile.labels.type_index if table is None else table.labels):
        return
    if table is None:
        raise DataError(
            f"{where}: expected a type of profile {profile.name!r} "
            f"({', '.join(profile.labels.types)}), got the label {label!r}; choose a table that "
            f"knows it with --map NAME ({', '.join(sorted(profile.datasets)) or 'there is none'})"
        )
    raise DataError(
        f"{where}: expected a label of table {table.name!r} ({', '.join(sorted(table.labels))}), "
        f"got {label!r}; add it to the table (types of profile {profile.name!r}, or DROP)"
    )

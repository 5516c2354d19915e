"""Bring documents of one data set to the types of a profile, counting every annotation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ossamma.data.context_rules import first_rule, mention_at
from ossamma.schema.candidates import DROP
from ossamma.schema.dataset_table import DatasetTable
from ossamma.schema.errors import DataError
from ossamma.schema.label_rules import Rule
from ossamma.schema.profile import Profile
from ossamma.schema.spans import Annotation, Document

RULE_ORIGIN = "rule:"
"""How the origin of an annotation begins whose type was narrowed by a rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HarmoniseReport:
    """What became of the annotations.

    `mapped` counts source label -> candidate types -> annotations, `dropped` counts source label
    -> annotations. A source label with open type is written `A|B`. Together they are all the
    annotations that came in: `num_mapped + num_dropped`. `by_rule` counts rule -> annotations that
    it decided; they stand in `mapped` or `dropped` as well.
    """

    profile: str
    table: str | None
    num_documents: int
    mapped: Mapping[str, Mapping[tuple[str, ...], int]]
    dropped: Mapping[str, int]
    by_rule: Mapping[str, int] = field(default_factory=dict)

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


class HarmoniseStream(Iterator[Document]):
    """The harmonised documents, one at a time, in order; `report` counts those given out so far.

    The report is complete when the stream has ended.
    """

    def __init__(
        self, documents: Iterable[Document], profile: Profile, table: DatasetTable | None
    ) -> None:
        if table is not None:
            profile.check_table(table)
        self._documents = iter(documents)
        self._profile = profile
        self._table = table
        self._rules = (
            {} if table is None else {label: table.rules_of(label) for label in table.labels}
        )
        self._num_documents = 0
        self._mapped: dict[str, Counter[tuple[str, ...]]] = {}
        self._dropped: Counter[str] = Counter()
        self._by_rule: Counter[str] = Counter()

    def __next__(self) -> Document:
        """Return the next document. Raises StopIteration at the end, DataError as `harmonise`."""
        document = next(self._documents)
        kept = [self._annotation(document, one) for one in document.annotations or ()]
        annotates = _annotates(document, self._profile, self._table)
        # Only now: a document that is refused counts for nothing.
        self._num_documents += 1
        for source, made, rule in kept:
            if rule is not None:
                self._by_rule[rule.name] += 1
            if made is None:
                self._dropped[source.label] += 1
            else:
                self._mapped.setdefault(source.label, Counter())[made.labels] += 1
        annotations = tuple(made for _, made, _ in kept if made is not None)
        return replace(
            document,
            annotations=None if document.annotations is None else annotations,
            annotates=annotates,
        )

    @property
    def report(self) -> HarmoniseReport:
        """What became of the annotations of the documents given out so far."""
        return HarmoniseReport(
            profile=self._profile.name,
            table=None if self._table is None else self._table.name,
            num_documents=self._num_documents,
            mapped={label: dict(counts) for label, counts in self._mapped.items()},
            dropped=dict(self._dropped),
            by_rule=dict(self._by_rule),
        )

    def _annotation(
        self, document: Document, source: Annotation
    ) -> tuple[Annotation, Annotation | None, Rule | None]:
        """Map one annotation: what came, what becomes of it, and the rule that decided it."""
        types = _types(document, source, self._profile, self._table)
        if not types:
            return source, None, None
        rule = None
        # An open source label has no rules: they were written for one label at a time.
        if len(source.labels) == 1 and (rules := self._rules.get(source.labels[0])):
            rule = first_rule(rules, mention_at(document.text, source.start, source.end))
        if rule is None:
            return source, replace(source, labels=types), None
        if rule.types is DROP:
            return source, None, rule
        origin = f"{source.origin}+" * bool(source.origin) + RULE_ORIGIN + rule.name
        return source, replace(source, labels=rule.types, origin=origin), rule


def harmonise_stream(
    documents: Iterable[Document], profile: Profile, table: DatasetTable | None
) -> HarmoniseStream:
    """Map the annotations of documents to the profile's types, one document at a time.

    Args:
        documents: read only as far as the stream is.
        profile: the types wanted.
        table: how the source's labels map to them; None if they are such types already.

    Returns:
        An iterator whose `report` is complete at its end. See `harmonise` for what changes in a
        document, and for the errors, which are raised at the document at fault.
    """
    return HarmoniseStream(documents, profile, table)


def harmonise(
    documents: Iterable[Document], profile: Profile, table: DatasetTable | None
) -> tuple[list[Document], HarmoniseReport]:
    """Map the annotations of documents to the profile's types through a table.

    Texts, words, weights, provenance, data set and group stay as they are, and so do an
    annotation's place and confidence. A rule of the table that narrows an annotation is added to
    its origin: `rule:<name>`, or `<origin>+rule:<name>` if it had one. With table None the labels
    must be the profile's types already, and the documents come back unchanged.

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
    stream = harmonise_stream(documents, profile, table)
    return list(stream), stream.report


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

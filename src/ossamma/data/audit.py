"""Audit labelled documents: findings in each, and what only the whole set shows.

Two passes, each over a stream. The first counts findings, types and surfaces (exact texts of
spans). The second, which may be left out, looks for the counted surfaces where they are not marked
although their type is annotated there; it needs the whole first one, or the result would depend on
the order of the documents.

Memory: one entry for each distinct surface and label, at most `max_surfaces`; surfaces first seen
after that are left out and counted. A hundred thousand take about 30 MB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from ossamma.data.findings import Finding, findings_of, word_ranges, words_touched
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Document

_SHOWN: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditSettings:
    """Bounds between what is usual and what is reported."""

    max_words: int = 15
    """A span of more words is reported as long."""
    all_entity_words: int = 4
    """A document of so many words that are all inside of spans is reported."""
    rare_type: int = 20
    """A type with fewer spans is reported as rare."""
    suspect_mentions: int = 2
    """A surface marked so often, at least, and unmarked elsewhere is a suspect of missing marks."""
    singleton_unmarked: int = 5
    """A surface marked once and unmarked so often, at least, is a suspicious singleton."""
    max_surfaces: int = 1_000_000
    """Most distinct surfaces that are counted."""
    surface_words: int = 6
    """Longer surfaces are not looked for where they are unmarked."""
    examples: int = 10
    """Most examples for each kind of finding."""
    top: int = 100
    """Most rows of each list of surfaces, the gravest first."""

    def __post_init__(self) -> None:
        for name in ("max_words", "all_entity_words", "max_surfaces", "surface_words"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("rare_type", "suspect_mentions", "singleton_unmarked", "examples", "top"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be >= 0, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class FindingExample:
    """A finding with the document that it stands in; `text` is cut after 200 characters."""

    document: str
    start: int
    end: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class SurfaceRow:
    """How often a surface is marked with each label, the most frequent first, and unmarked."""

    surface: str
    labels: Mapping[str, int]
    unmarked: int = 0

    @property
    def marked(self) -> int:
        """All spans of the surface."""
        return sum(self.labels.values())

    @property
    def minority(self) -> int:
        """Spans with another label than the most frequent one."""
        return self.marked - max(self.labels.values())

    def to_json(self) -> dict[str, object]:
        """Return the row as JSON values."""
        return {
            "surface": self.surface,
            "labels": dict(self.labels),
            "marked": self.marked,
            "unmarked": self.unmarked,
            "minority_share": round(self.minority / self.marked, 4),
        }


@dataclass(frozen=True, slots=True)
class SurfaceList:
    """How many surfaces there are of a sort, and the gravest of them."""

    total: int
    rows: tuple[SurfaceRow, ...]

    def to_json(self) -> dict[str, object]:
        """Return the list as JSON values."""
        return {"total": self.total, "rows": [row.to_json() for row in self.rows]}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What the audit found."""

    documents: int
    labelled: int
    """Documents with annotations, be it none."""
    without_spans: int
    """Labelled documents in which nothing is marked; usual in small numbers."""
    spans: int
    findings: Mapping[str, int]
    """By kind (see `findings.Kind`)."""
    examples: Mapping[str, tuple[FindingExample, ...]]
    """By kind, the first ones."""
    types: Mapping[str, int]
    """Spans by type; one of several candidate types counts for each."""
    rare_types: tuple[str, ...]
    unused_types: tuple[str, ...]
    """Types that documents are said to annotate and that no span has."""
    inconsistent: SurfaceList
    """Surfaces with several labels, by the number of spans in the minority."""
    missing: SurfaceList
    """Suspects of missing marks: marked in some places and not in others where the type is
    annotated. Sorted by how many marks are missing if the unmarked places are entities as often as
    the surface is marked: unmarked x marked / (marked + unmarked)."""
    singletons: SurfaceList
    """Marked once and often not: more likely a wrong mark. By the number of unmarked places."""
    surfaces: int
    """Distinct surfaces counted."""
    spans_left_out: int
    """Spans of surfaces that came after `max_surfaces` others and were not counted by surface."""
    searched: bool
    """Whether unmarked surfaces were looked for; if not, `missing` and `singletons` are empty."""

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "documents": self.documents,
            "labelled": self.labelled,
            "without_spans": self.without_spans,
            "spans": self.spans,
            "findings": dict(self.findings),
            "examples": {
                kind: [asdict(example) for example in examples]
                for kind, examples in self.examples.items()
            },
            "types": dict(self.types),
            "rare_types": list(self.rare_types),
            "unused_types": list(self.unused_types),
            "inconsistent": self.inconsistent.to_json(),
            "missing": self.missing.to_json(),
            "singletons": self.singletons.to_json(),
            "surfaces": self.surfaces,
            "spans_left_out": self.spans_left_out,
            "searched": self.searched,
        }


def audit(
    read: Callable[[], Iterable[Document]], settings: AuditSettings | None = None
) -> AuditReport:
    """Audit documents in both passes; `read` is called twice and must give the same documents."""
    auditor = Auditor(settings)
    for document in read():
        auditor.add(document)
    for document in read():
        auditor.search(document)
    return auditor.report()


class Auditor:
    """Counts findings: `add` every document, then, if wanted, `search` every document."""

    def __init__(self, settings: AuditSettings | None = None) -> None:
        self._settings = settings or AuditSettings()
        self._counts: Counter[str] = Counter()
        self._findings: Counter[str] = Counter()
        self._examples: dict[str, list[FindingExample]] = {}
        self._types: Counter[str] = Counter()
        self._promised: set[str] = set()
        self._surfaces: dict[str, dict[str, int]] = {}
        self._unmarked: Counter[str] = Counter()
        self._searched = False

    def add(self, document: Document) -> None:
        """Count a document's findings, types and surfaces."""
        settings = self._settings
        self._counts["documents"] += 1
        for finding in findings_of(
            document, max_words=settings.max_words, all_entity_words=settings.all_entity_words
        ):
            self._note(document, finding)
        self._promised |= document.annotates or frozenset()
        if document.annotations is None:
            return
        self._counts["labelled"] += 1
        self._counts["without_spans"] += not document.annotations
        self._counts["spans"] += len(document.annotations)
        for mark in document.annotations:
            self._types.update(mark.labels)
            self._count_surface(_squeezed(document.text[mark.start : mark.end]), mark.label)

    def search_all(self, documents: Iterable[Document]) -> None:
        """Do `search` for each document; one that cannot miss marks may be left out.

        See `can_miss_marks`.
        """
        self._searched = True
        for document in documents:
            self.search(document)

    def search(self, document: Document) -> None:
        """Count where known surfaces stand unmarked, though their type is annotated there.

        At each word the longest known surface that touches no span counts. A surface's type is the
        label that it has most often.
        """
        self._searched = True
        if document.annotations is None or document.annotates == frozenset():
            return
        for surface in self._unmarked_surfaces(document):
            if _is_annotated(document, _majority(self._surfaces[surface])):
                self._unmarked[surface] += 1

    def report(self) -> AuditReport:
        """Return the counts so far."""
        rows = [
            SurfaceRow(
                surface,
                dict(sorted(labels.items(), key=lambda item: (-item[1], item[0]))),
                self._unmarked[surface],
            )
            for surface, labels in self._surfaces.items()
            if len(labels) > 1 or surface in self._unmarked
        ]
        settings = self._settings
        return AuditReport(
            documents=self._counts["documents"],
            labelled=self._counts["labelled"],
            without_spans=self._counts["without_spans"],
            spans=self._counts["spans"],
            findings=dict(sorted(self._findings.items())),
            examples={kind: tuple(found) for kind, found in sorted(self._examples.items())},
            types=dict(sorted(self._types.items(), key=lambda item: (-item[1], item[0]))),
            rare_types=tuple(
                sorted(name for name, count in self._types.items() if count < settings.rare_type)
            ),
            unused_types=tuple(sorted(self._promised - set(self._types))),
            inconsistent=self._gravest([r for r in rows if r.minority], lambda row: row.minority),
            missing=self._gravest(
                [r for r in rows if r.unmarked and r.marked >= max(settings.suspect_mentions, 1)],
                lambda row: row.unmarked * row.marked / (row.marked + row.unmarked),
            ),
            singletons=self._gravest(
                [r for r in rows if r.marked == 1 and r.unmarked >= settings.singleton_unmarked],
                lambda row: row.unmarked,
            ),
            surfaces=len(self._surfaces),
            spans_left_out=self._counts["spans_left_out"],
            searched=self._searched,
        )

    def _gravest(
        self, rows: list[SurfaceRow], gravity: Callable[[SurfaceRow], float]
    ) -> SurfaceList:
        ordered = sorted(rows, key=lambda row: (-gravity(row), row.surface))
        return SurfaceList(len(rows), tuple(ordered[: self._settings.top]))

    def _note(self, document: Document, finding: Finding) -> None:
        kind = finding.kind.value
        self._findings[kind] += 1
        examples = self._examples.setdefault(kind, [])
        if len(examples) < self._settings.examples:
            text = finding.text[:_SHOWN]
            examples.append(
                FindingExample(document.id, finding.start, finding.end, text, finding.label)
            )

    def _count_surface(self, surface: str, label: str) -> None:
        labels = self._surfaces.get(surface)
        if labels is None:
            if len(self._surfaces) >= self._settings.max_surfaces:
                self._counts["spans_left_out"] += 1
                return
            labels = self._surfaces[surface] = {}
        labels[label] = labels.get(label, 0) + 1

    def _unmarked_surfaces(self, document: Document) -> Iterator[str]:
        words = word_ranges(document)
        free = _free_words(document, words)
        text, known = document.text, self._surfaces
        # In most texts a slice needs no more than its ends trimmed to be squeezed.
        squeezed = str.strip if _squeezed(text) == text.strip() else _squeezed
        place = 0
        while place < len(words):
            start, num_words = words[place][0], 1
            for end in range(self._reach(free, place), place, -1):
                surface = squeezed(text[start : words[end - 1][1]])
                if surface in known:
                    yield surface
                    num_words = end - place
                    break
            place += num_words

    def _unmarked_surfaces_reference(self, document: Document) -> Iterator[str]:
        """Look at all runs of words, the first and longest first: what `search` looks up."""
        words = word_ranges(document)
        free = _free_words(document, words)
        place = 0
        while place < len(words):
            runs = [
                end
                for end in range(place + 1, place + self._settings.surface_words + 1)
                if end <= len(words) and all(free[place:end])
            ]
            surfaces = {
                end: _squeezed(document.text[words[place][0] : words[end - 1][1]]) for end in runs
            }
            known = [end for end in runs if surfaces[end] in self._surfaces]
            if known:
                yield surfaces[known[-1]]
            place = known[-1] if known else place + 1

    def _reach(self, free: bytearray, place: int) -> int:
        """Return the end of the free words from a place on, at most the longest surface's."""
        end = min(place + self._settings.surface_words, len(free))
        taken = free.find(0, place, end)
        return end if taken < 0 else taken


def can_miss_marks(record: Mapping[str, object]) -> bool:
    """Whether `search` may find something in the document of a record: it annotates a type."""
    return record.get("annotates") != []


def _free_words(document: Document, words: list[tuple[int, int]]) -> bytearray:
    """Return 1 for each word that no span touches, and 0 for the others."""
    free = bytearray(b"\1" * len(words))
    for mark in document.annotations or ():
        first, end = words_touched(words, mark.start, mark.end)
        free[first:end] = bytes(end - first)
    return free


def _squeezed(surface: str) -> str:
    return " ".join(surface.split())


def _majority(labels: Mapping[str, int]) -> str:
    return min(labels, key=lambda label: (-labels[label], label))


def _is_annotated(document: Document, label: str) -> bool:
    return document.annotates is None or document.annotates.issuperset(label.split("|"))

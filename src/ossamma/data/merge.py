"""Merge what two corpora mark in one and the same text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ossamma.schema.errors import DataError
from ossamma.schema.spans import Annotation, Document


@dataclass(frozen=True, slots=True)
class Merged:
    """The kept document with what the duplicate adds, and what became of the marks.

    Each mark of the duplicate is one of added, agreed and refused:
    `added + agreed + refused` is their number.
    """

    document: Document
    added: int
    """Marks in words of which the kept document says nothing."""
    agreed: int
    """Marks that the kept document has, too; their candidate types were intersected."""
    refused: int
    """Conflicts in which a mark of the duplicate lost: another border, another type, or a type
    that the kept document marks exhaustively and does not mark there."""
    denied: int
    """Conflicts in which a mark of the kept document stood although the duplicate marks its
    types exhaustively and has nothing there."""

    @property
    def conflicts(self) -> int:
        """All conflicts; the kept document won each."""
        return self.refused + self.denied


def merge_annotations(kept: Document, duplicate: Document) -> Merged:
    """Add the duplicate's marks and its `annotates` to the kept document.

    Both must speak of one label set: harmonise first. In a conflict the kept document wins. Where
    a candidate type of a mark is ruled out by the other document, it goes: of PERSON|WORK and
    WORK stays WORK; a mark PERSON|WORK on which the kept document is silent, though it marks every
    PERSON, becomes WORK. An unlabelled document takes all of the other's.

    Merge within a split only: marks of a test document do not belong into training.

    Raises:
        DataError: the texts differ, so that offsets of one mean nothing in the other.
    """
    if kept.text != duplicate.text:
        raise DataError(
            f"{duplicate.where} cannot be merged into {kept.where}: expected the same text, to the "
            "character; merge exact duplicates only, and of these the ones with equal text"
        )
    if duplicate.annotations is None:
        return Merged(kept, 0, 0, 0, 0)
    if kept.annotations is None:
        taken = replace(kept, annotations=duplicate.annotations, annotates=duplicate.annotates)
        return Merged(taken, len(duplicate.annotations), 0, 0, 0)
    marks = sorted(kept.annotations)
    agreed, added = 0, []
    for mark in duplicate.annotations:
        partner = _same_span(marks, mark)
        if partner is not None and set(marks[partner].labels) & set(mark.labels):
            marks[partner] = _narrowed(marks[partner], frozenset(mark.labels))
            agreed += 1
        elif not _meets(kept.annotations, mark):
            labels = _open_types(mark, kept.annotates)
            added += [replace(mark, labels=labels)] if labels else []
    denied = sum(
        not _open_types(mark, duplicate.annotates) and not _meets(duplicate.annotations, mark)
        for mark in kept.annotations
    )
    both = None
    if kept.annotates is not None and duplicate.annotates is not None:
        both = kept.annotates | duplicate.annotates
    return Merged(
        document=replace(kept, annotations=tuple(sorted(marks + added)), annotates=both),
        added=len(added),
        agreed=agreed,
        refused=len(duplicate.annotations) - len(added) - agreed,
        denied=denied,
    )


def _same_span(marks: list[Annotation], mark: Annotation) -> int | None:
    """Return the place of the mark with these borders; overlapping candidates before others."""
    places = [n for n, m in enumerate(marks) if (m.start, m.end) == (mark.start, mark.end)]
    places.sort(key=lambda n: not set(marks[n].labels) & set(mark.labels))
    return places[0] if places else None


def _narrowed(mark: Annotation, labels: frozenset[str]) -> Annotation:
    return replace(mark, labels=tuple(name for name in mark.labels if name in labels))


def _meets(marks: tuple[Annotation, ...], mark: Annotation) -> bool:
    return any(other.start < mark.end and mark.start < other.end for other in marks)


def _open_types(mark: Annotation, annotates: frozenset[str] | None) -> tuple[str, ...]:
    """Return the candidate types on which a document is silent that annotates these types."""
    return () if annotates is None else tuple(n for n in mark.labels if n not in annotates)

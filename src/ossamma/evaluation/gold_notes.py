"""What a person should know of labelled documents or predictions before scores are believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ossamma.schema.spans import Annotation, Document, Entity


def notes_on_gold(documents: Sequence[Document]) -> tuple[str, ...]:
    """Name what is doubtful: texts or ids that occur twice, marks that overlap or are repeated."""
    notes = [
        *_twice("id", [document.id for document in documents]),
        *_twice("text", [document.text for document in documents]),
        *_overlaps("gold", ((d.id, d.annotations or ()) for d in documents)),
    ]
    if not any(document.annotations for document in documents):
        notes.append("there is no gold entity, so recall and F1 say nothing")
    return tuple(notes)


def notes_on_predictions(
    documents: Sequence[Document], found: Sequence[Sequence[Entity]]
) -> tuple[str, ...]:
    """Name what is doubtful in predictions: spans that overlap or are repeated."""
    ids = (document.id for document in documents)
    return tuple(_overlaps("predicted", zip(ids, found, strict=True)))


def _twice(what: str, values: Sequence[str]) -> list[str]:
    counts = Counter(values)
    repeated = [value for value, number in counts.items() if number > 1]
    if not repeated:
        return []
    surplus = sum(counts[value] for value in repeated) - len(repeated)
    example = " ".join(repeated[0].split())[:60]
    return [
        f"{surplus} of {len(values)} documents have the {what} of an earlier one, such as "
        f"{example!r}; every one of them was scored"
    ]


def _overlaps(
    side: str, marks: Iterable[tuple[str, Sequence[Annotation] | Sequence[Entity]]]
) -> list[str]:
    """Count neighbours that share characters, and those of them that are the same twice."""
    overlapping, repeated = Counter[str](), Counter[str]()
    for name, spans in marks:
        places = sorted((span.start, -span.end, span.label) for span in spans)
        reach = 0
        for start, end, _ in places:
            overlapping[name] += start < reach
            reach = max(reach, -end)
        repeated[name] += sum(one == other for one, other in pairwise(places))
    notes = []
    for counts, what in (
        (overlapping, "overlap an earlier one; each was scored by itself"),
        (repeated, "repeat one of the same span and type; such a repetition is never right"),
    ):
        if number := counts.total():
            where = next(name for name in counts if counts[name])
            notes.append(f"{number} {side} spans {what} (first in document {where!r})")
    return notes

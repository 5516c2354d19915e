"""Suspects of label noise beside the errors of a report: which errors are where a mark is doubted.

Needs neither torch nor transformers: suspects come as the lines that `data suspects` wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ossamma.evaluation.errors import ERROR_RELATIONS
from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.noise_estimate import estimate_noise

FORMAT: Final = "ossamma-suspects/1"
"""What suspects.json says that it is."""
GRAVE: Final = "grave"
"""The grade of a suspect that was carried out in the suggested documents."""
LIGHT: Final = "light"
"""The grade of the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectNote:
    """One suspect: where it is, from the first to the last character of both its sides."""

    start: int
    end: int
    rank: int
    """From 1, the gravest."""
    kind: str
    score: float
    grade: str
    annotation: float | None
    """Probability that the annotation is at fault; None where it is not known."""

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys; the place is that of the error beside it."""
        return {
            "rank": self.rank,
            "kind": self.kind,
            "score": self.score,
            "grade": self.grade,
            "annotation_at_fault": self.annotation,
        }


@dataclass(frozen=True, slots=True)
class KnownSuspects:
    """The suspects of gold documents.

    `sources` says of each file of suspects what it is of and which models made it. `notes` has
    them by data set and document, the gravest first.
    """

    sources: tuple[Mapping[str, Any], ...]
    notes: Mapping[tuple[str, str], Sequence[SuspectNote]]

    def at(self, dataset: str, document: str, start: int, end: int) -> SuspectNote | None:
        """Return the gravest suspect that overlaps a place."""
        here = self.notes.get((dataset, document), ())
        return next((note for note in here if note.start < end and start < note.end), None)


def note_of_row(row: Mapping[str, Any], *, suggest_from: float) -> SuspectNote:
    """Read one line of suspects.jsonl.

    Raises:
        KeyError, TypeError, ValueError: it is no such line.
    """
    sides = [side for side in (row["given"], row["suggested"]) if side is not None]
    score, annotation = float(row["score"]), row["annotation_at_fault"]
    return SuspectNote(
        start=min(int(side["start"]) for side in sides),
        end=max(int(side["end"]) for side in sides),
        rank=int(row["rank"]),
        kind=str(row["kind"]),
        score=score,
        grade=GRAVE if score >= suggest_from else LIGHT,
        annotation=None if annotation is None else float(annotation),
    )


def label_noise(judged: Sequence[JudgedDocument], suspects: KnownSuspects) -> dict[str, object]:
    """Return what a report says of the annotation's own errors.

    `estimate` is of this system's predictions; `errors` counts all errors, shown or not, by their
    relation and the grade of the suspect at their place.
    """
    counts = {relation: Counter[str]() for relation in ERROR_RELATIONS}
    for document in judged:
        for pair in document.pairs:
            if pair.relation is not Relation.CORRECT:
                note = _at_pair(document, pair, suspects)
                counts[pair.relation][note.grade if note else ""] += 1
    return {
        "sources": [dict(source) for source in suspects.sources],
        "estimate": estimate_noise(judged).to_json(),
        "errors": {
            relation.value: {
                "errors": numbers.total(),
                GRAVE: numbers[GRAVE],
                LIGHT: numbers[LIGHT],
            }
            for relation, numbers in counts.items()
        },
    }


def noted_cases(
    cases: Iterable[Mapping[str, Any]], suspects: KnownSuspects
) -> list[dict[str, object]]:
    """Return the cases of an error report, each with its `suspect`, or null."""
    noted = []
    for case in cases:
        sides = [side for side in (case["gold"], case["predicted"]) if side is not None]
        note = suspects.at(
            case["dataset"],
            case["document"],
            min(side["start"] for side in sides),
            max(side["end"] for side in sides),
        )
        noted.append({**case, "suspect": note and note.to_json()})
    return noted


def _at_pair(document: JudgedDocument, pair: Pair, suspects: KnownSuspects) -> SuspectNote | None:
    sides = [side for side in (pair.gold, pair.predicted) if side is not None]
    start, end = min(side.start for side in sides), max(side.end for side in sides)
    return suspects.at(document.document.dataset, document.document.id, start, end)

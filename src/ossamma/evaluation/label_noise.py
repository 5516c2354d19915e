"""Label-noise suspects: places where a model that did not learn from a document denies its marks.

Four kinds: a mark is missing, spurious, has wrong borders, or a wrong type. Every suspect has two
calibrated posteriors, of what the annotation says and of what the model suggests instead; their
difference (the margin) ranks all kinds in one list. Posteriors are those of whole spans under all
paths, so a suspect is one statement, not a row of words.

Thresholds by type are those of confident learning (Northcutt, Jiang, Chuang 2021, "Confident
Learning", equation 2): a suggestion counts if the model is as sure of it as it is on average of
marks of that type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from ossamma.evaluation.errors import ErrorCase, ErrorSettings, case_of
from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.evaluation.noise_estimate import NoiseEstimate
from ossamma.inference.readings import DocumentReading, SpanReading
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Entity

NOTHING: Final = "nothing"
"""The suggestion of a spurious mark, among the thresholds."""
ORIGIN: Final = "suspect"
"""How the origin of a mark begins that a suspect suggests."""


class Kind(StrEnum):
    """What may be wrong with the annotation."""

    MISSING = "missing"
    """An entity is not marked."""
    SPURIOUS = "spurious"
    """A mark stands where no entity is."""
    BOUNDARY = "boundary"
    """The borders of a mark are wrong; its type may be, too."""
    TYPE = "type"
    """The type of a mark is wrong."""


class Ranking(StrEnum):
    """By what score suspects are ranked; both lie in [-1, 1], large is suspicious."""

    MARGIN = "margin"
    """Posterior of the suggestion, less that of what the annotation says."""
    SELF_CONFIDENCE = "self-confidence"
    """1 less the posterior of what the annotation says, whatever is suggested instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectSettings:
    """Which disagreements are suspects, and in which order."""

    ranking: Ranking = Ranking.MARGIN
    """By what they are ranked."""
    min_score: float = 0.0
    """Least score of a suspect."""
    by_type: bool = False
    """Ask every suggestion to reach the threshold of its type (confident learning)."""
    shown: ErrorSettings = field(default_factory=ErrorSettings)
    """How much context a suspect has; its limits of numbers are not used."""

    def __post_init__(self) -> None:
        if not -1.0 <= self.min_score <= 1.0:
            raise ConfigurationError(f"min_score must lie in [-1, 1], got {self.min_score}")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A doubtful place: `given` and `suggested` are the calibrated posteriors of both readings.

    `annotation` is the probability that the annotation is at fault and not the model, where it can
    be estimated (see `noise_estimate`). `add` and `remove` are the change that is suggested.
    """

    kind: Kind
    case: ErrorCase
    given: float
    suggested: float
    score: float
    annotation: float | None
    remove: tuple[Annotation, ...]
    add: Annotation | None

    @property
    def reason(self) -> str:
        """Why this is a suspect, in words."""
        gold, found = self.case.gold, self.case.predicted
        sure, doubt = f"{self.suggested:.3f}", f"{self.given:.3f}"
        if self.kind is Kind.MISSING and found:
            return (
                f"nothing is marked (posterior {doubt}), but {found.text!r} is {found.label} with "
                f"posterior {sure}"
            )
        if self.kind is Kind.SPURIOUS and gold:
            return (
                f"{gold.text!r} is marked {gold.label} (posterior {doubt}), but no entity is there "
                f"with posterior {sure}"
            )
        assert gold is not None, "a boundary or type has a mark"
        assert found is not None, "a boundary or type has a prediction"
        what = "it" if self.kind is Kind.TYPE else f"{found.text!r}"
        return (
            f"{gold.text!r} is marked {gold.label} (posterior {doubt}), but {what} is "
            f"{found.label} with posterior {sure}"
        )

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys; a missing side is null."""
        case = self.case.to_json()
        return {
            "kind": self.kind.value,
            "document": case["document"],
            "dataset": case["dataset"],
            "given": case["gold"],
            "suggested": case["predicted"],
            "score": self.score,
            "posteriors": {"given": self.given, "suggested": self.suggested},
            "annotation_at_fault": self.annotation,
            "reason": self.reason,
            "context": case["context"],
        }


@dataclass(frozen=True, slots=True)
class SuspectList:
    """All suspects, the gravest first, and what stands behind them.

    `unread` counts marks that the model cannot mean (see `DocumentReading`): nothing is said of
    them. `thresholds` are the mean posteriors of the marks of each type, and of nothing.
    """

    suspects: tuple[Suspect, ...]
    unread: int
    thresholds: Mapping[str, float]


def find_suspects(
    judged: Sequence[JudgedDocument],
    readings: Sequence[DocumentReading],
    settings: SuspectSettings | None = None,
    *,
    estimate: NoiseEstimate | None = None,
) -> SuspectList:
    """Find the suspects of all documents and rank them.

    Args:
        judged: the documents with the entities of `readings` as predictions, aligned.
        readings: the same documents in the same order, of models that did not learn from them,
            with calibrated posteriors.
        settings: which disagreements are suspects.
        estimate: gives each suspect with a prediction its probability.
    """
    settings = settings or SuspectSettings()
    thresholds = type_thresholds(readings)
    found = [
        suspect
        for document, reading in zip(judged, readings, strict=True)
        for suspect in _of_document(document, reading, settings, estimate)
        if suspect.score >= settings.min_score
        and not (settings.by_type and suspect.suggested < _threshold(suspect, thresholds))
    ]
    # Sorting is stable: equals stay in the order of the documents and the places in them.
    found.sort(key=lambda suspect: -suspect.score)
    unread = sum(mark is None for reading in readings for mark in reading.marks)
    return SuspectList(tuple(found), unread, thresholds)


def type_thresholds(readings: Sequence[DocumentReading]) -> dict[str, float]:
    """Return the mean posterior of the marks of each type, and of O at unmarked words.

    Marks with several candidate types count for none. A type without marks has no threshold.
    """
    kept: dict[str, list[float]] = {}
    for reading in readings:
        for mark, share in zip(reading.document.annotations or (), reading.marks, strict=True):
            if share is not None and len(mark.labels) == 1:
                kept.setdefault(mark.label, []).append(share.kept)
    thresholds = {name: sum(values) / len(values) for name, values in sorted(kept.items())}
    unmarked = sum(reading.unmarked for reading in readings)
    if unmarked:
        thresholds[NOTHING] = sum(reading.outside for reading in readings) / unmarked
    return thresholds


def suggested_document(document: Document, suspects: Sequence[Suspect]) -> Document:
    """Return a document with the changes that its suspects suggest, for a person to look at.

    A new mark has the origin `suspect:<kind>` and the posterior as its confidence.
    """
    removed = {mark for suspect in suspects for mark in suspect.remove}
    kept = [mark for mark in document.annotations or () if mark not in removed]
    added = [suspect.add for suspect in suspects if suspect.add is not None]
    return replace(document, annotations=tuple(sorted([*kept, *added])))


def _threshold(suspect: Suspect, thresholds: Mapping[str, float]) -> float:
    name = suspect.add.label if suspect.add else NOTHING
    return thresholds.get(name, 1.0)


def _of_document(
    judged: JudgedDocument,
    reading: DocumentReading,
    settings: SuspectSettings,
    estimate: NoiseEstimate | None,
) -> Iterator[Suspect]:
    marks = judged.document.annotations or ()
    shares = dict(zip(marks, reading.marks, strict=True))
    claims = dict(zip(reading.entities, reading.claims, strict=True))
    for pair in judged.pairs:
        if pair.relation is Relation.CORRECT:
            continue
        made = (
            _denied(pair, shares, reading.entities)
            if pair.predicted is None
            else _suggested(pair, shares, claims[pair.predicted])
        )
        if made is None:
            continue
        kind, shown, given, suggested = made
        margin = settings.ranking is Ranking.MARGIN
        yield Suspect(
            kind=kind,
            case=case_of(judged.document, shown, settings.shown),
            given=given,
            suggested=suggested,
            score=suggested - given if margin else 1.0 - given,
            annotation=estimate.probability(shown.predicted.confidence)
            if estimate and shown.predicted
            else None,
            remove=_removed(shown, marks),
            add=_added(shown.predicted, kind),
        )


def _denied(
    pair: Pair, shares: Mapping[Annotation, SpanReading | None], entities: Sequence[Entity]
) -> tuple[Kind, Pair, float, float] | None:
    """Judge a mark without a partner; one that an entity overlaps is another suspect's matter."""
    mark = pair.gold
    assert mark is not None, "a pair without a prediction has a mark"
    share = shares[mark]
    if share is None or any(_overlap(mark, entity) for entity in entities):
        return None
    return Kind.SPURIOUS, pair, share.kept, share.nothing


def _suggested(
    pair: Pair, shares: Mapping[Annotation, SpanReading | None], claim: SpanReading
) -> tuple[Kind, Pair, float, float] | None:
    """Judge a prediction that the annotation does not confirm."""
    entity = pair.predicted
    assert entity is not None, "the pair has a prediction"
    mark = pair.gold or max(
        (mark for mark in shares if _overlap(mark, entity)),
        key=lambda mark: _overlap(mark, entity),
        default=None,
    )
    if mark is None:
        return Kind.MISSING, pair, claim.nothing, entity.confidence
    share = shares[mark]
    if share is None:
        return None
    same = (mark.start, mark.end) == (entity.start, entity.end)
    shown = replace(pair, gold=mark)
    return Kind.TYPE if same else Kind.BOUNDARY, shown, share.kept, entity.confidence


def _removed(shown: Pair, marks: Sequence[Annotation]) -> tuple[Annotation, ...]:
    """Marks that cannot stand beside what is suggested."""
    if shown.predicted is None:
        assert shown.gold is not None, "a pair has a side"
        return (shown.gold,)
    return tuple(mark for mark in marks if _overlap(mark, shown.predicted))


def _added(entity: Entity | None, kind: Kind) -> Annotation | None:
    if entity is None:
        return None
    return Annotation(
        entity.start, entity.end, (entity.label,), f"{ORIGIN}:{kind}", entity.confidence
    )


def _overlap(one: Annotation | Entity, other: Annotation | Entity) -> int:
    """Characters in common, or 0."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))

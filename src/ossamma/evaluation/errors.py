"""Every error of a recogniser: counted exactly, the frequent ones ranked, examples in context.

An error is a pair of `judge` that is not correct. One with a gold mark is a false negative, one
with a prediction is a false positive, one with both is both; so their numbers are those of the
strict scores and of the confusion.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from ossamma.evaluation.judge import JudgedDocument, Pair, Relation
from ossamma.schema.errors import ConfigurationError
from ossamma.schema.spans import Annotation, Document, Entity

ERROR_RELATIONS: Final[tuple[Relation, ...]] = tuple(
    one for one in Relation if one is not Relation.CORRECT
)
_WORD: Final = re.compile(r"\S+")
_CUT: Final = "…"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorSettings:
    """How much of the errors is shown; what is counted does not depend on it."""

    context_words: int = 10
    """Words that are shown on either side of an error."""
    context_characters: int = 200
    """Most characters on either side, whatever the words."""
    span_characters: int = 400
    """Most characters that are shown of an error's own text."""
    max_cases: int = 1_000
    """Most errors that are shown in context."""
    max_surfaces: int = 500
    """Most rows of the table of frequent errors."""

    def __post_init__(self) -> None:
        for name in (
            "context_words",
            "context_characters",
            "span_characters",
            "max_cases",
            "max_surfaces",
        ):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be >= 1, got {getattr(self, name)}")


class ErrorKind(NamedTuple):
    """A relation and the two types; a type is empty where that side is missing."""

    relation: Relation
    gold: str
    predicted: str


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an error. `text` is its surface, shortened where it is long."""

    start: int
    end: int
    label: str
    text: str
    confidence: float | None = None

    def to_json(self) -> dict[str, object]:
        """Offsets in the document, type, text, and the confidence of a prediction."""
        content: dict[str, object] = {
            "start": self.start,
            "end": self.end,
            "type": self.label,
            "text": self.text,
        }
        return content if self.confidence is None else content | {"confidence": self.confidence}


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One error in its context, which begins at the character `context_start` of the document."""

    relation: Relation
    document: str
    dataset: str
    gold: Side | None
    predicted: Side | None
    context_start: int
    context: str

    @property
    def kind(self) -> ErrorKind:
        """The relation and both types."""
        gold, predicted = (one.label if one else "" for one in (self.gold, self.predicted))
        return ErrorKind(self.relation, gold, predicted)

    def to_json(self) -> dict[str, object]:
        """Plain JSON with fixed keys; a missing side is null."""
        return {
            "relation": self.relation.value,
            "document": self.document,
            "dataset": self.dataset,
            "gold": self.gold and self.gold.to_json(),
            "predicted": self.predicted and self.predicted.to_json(),
            "context": {"start": self.context_start, "text": self.context},
        }


class Surface(NamedTuple):
    """What was written where an error was made; a text is None where that side is missing."""

    kind: ErrorKind
    gold: str | None
    predicted: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorReport:
    """The errors of some documents. `counts` and `kinds` are complete.

    `surfaces` has the most frequent texts, `cases` examples: of every kind of error one, then of
    every kind another one, and so on; within a kind the most confident ones first.
    """

    counts: Mapping[Relation, int]
    kinds: Mapping[ErrorKind, int]
    surfaces: Sequence[tuple[Surface, int]]
    surfaces_left_out: int
    cases: Sequence[ErrorCase]
    settings: ErrorSettings

    @property
    def false_positives(self) -> int:
        """Wrong predictions."""
        return sum(self.counts.values()) - self.counts[Relation.MISSED]

    @property
    def false_negatives(self) -> int:
        """Gold marks that were not found."""
        return sum(self.counts.values()) - self.counts[Relation.SPURIOUS]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with fixed keys; `left_out` says what the limits kept back."""
        shown = Counter(case.kind for case in self.cases)
        return {
            "counts": {relation.value: self.counts[relation] for relation in ERROR_RELATIONS},
            "false_positives": self.false_positives,
            "false_negatives": self.false_negatives,
            "kinds": [
                {**_kind_json(kind), "count": number, "shown": shown[kind]}
                for kind, number in self.kinds.items()
            ],
            "surfaces": [
                {
                    **_kind_json(surface.kind),
                    "gold_text": surface.gold,
                    "predicted_text": surface.predicted,
                    "count": number,
                }
                for surface, number in self.surfaces
            ],
            "cases": [case.to_json() for case in self.cases],
            "limits": {"cases": self.settings.max_cases, "surfaces": self.settings.max_surfaces},
            "left_out": {
                "cases": sum(self.counts.values()) - len(self.cases),
                "surfaces": self.surfaces_left_out,
            },
        }


def collect_errors(
    judged: Iterable[JudgedDocument], settings: ErrorSettings | None = None
) -> ErrorReport:
    """Count and show the errors of these documents; the order of the documents breaks ties only."""
    settings = settings or ErrorSettings()
    found: dict[ErrorKind, list[tuple[Document, Pair]]] = {}
    surfaces: Counter[Surface] = Counter()
    for document in judged:
        for pair in document.pairs:
            if pair.relation is not Relation.CORRECT:
                found.setdefault(_kind(pair), []).append((document.document, pair))
                surfaces[_surface(document.document.text, pair, settings=settings)] += 1
    order = sorted(found, key=lambda kind: (-len(found[kind]), *_place(kind)))
    counts: Counter[Relation] = Counter(dict.fromkeys(ERROR_RELATIONS, 0))
    for kind in order:
        counts[kind.relation] += len(found[kind])
    ranked = sorted(surfaces.items(), key=_surface_rank)
    return ErrorReport(
        counts=counts,
        kinds={kind: len(found[kind]) for kind in order},
        surfaces=ranked[: settings.max_surfaces],
        surfaces_left_out=max(0, len(ranked) - settings.max_surfaces),
        cases=_choose([found[kind] for kind in order], settings),
        settings=settings,
    )


def _choose(
    groups: Sequence[Sequence[tuple[Document, Pair]]], settings: ErrorSettings
) -> list[ErrorCase]:
    """Choose cases in turn from all kinds of error, and sort them by kind."""
    ranked = [sorted(group, key=lambda case: -_confidence(case[1])) for group in groups]
    dealt: list[list[tuple[Document, Pair]]] = [[] for _ in ranked]
    number = 0
    for turn in zip_longest(*ranked):
        for hand, case in zip(dealt, turn, strict=True):
            if case is not None and number < settings.max_cases:
                hand.append(case)
                number += 1
        if number == settings.max_cases:
            break
    return [case_of(document, pair, settings) for hand in dealt for document, pair in hand]


def case_of(document: Document, pair: Pair, settings: ErrorSettings) -> ErrorCase:
    """Show one pair of a document in its context."""
    spans = [one for one in (pair.gold, pair.predicted) if one is not None]
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    end = min(end, start + settings.span_characters)
    context_start = _reach_back(document.text, start, settings=settings)
    context_end = _reach_on(document.text, end, settings=settings)
    return ErrorCase(
        relation=pair.relation,
        document=document.id,
        dataset=document.dataset,
        gold=_side(document.text, pair.gold, settings=settings),
        predicted=_side(document.text, pair.predicted, settings=settings),
        context_start=context_start,
        context=document.text[context_start:context_end],
    )


def _side(text: str, span: Annotation | Entity | None, *, settings: ErrorSettings) -> Side | None:
    if span is None:
        return None
    confidence = span.confidence if isinstance(span, Entity) else None
    surface = _shown(text, span, limit=settings.span_characters)
    return Side(span.start, span.end, span.label, surface, confidence)


def _reach_back(text: str, start: int, *, settings: ErrorSettings) -> int:
    """Where the words before a place begin that are shown."""
    low = max(0, start - settings.context_characters)
    words = list(_WORD.finditer(text[low:start]))
    enough = len(words) >= settings.context_words
    return low + (words[-settings.context_words].start() if enough else 0)


def _reach_on(text: str, end: int, *, settings: ErrorSettings) -> int:
    """Where the words behind a place end that are shown."""
    near = text[end : end + settings.context_characters]
    words = list(_WORD.finditer(near))
    enough = len(words) >= settings.context_words
    return end + (words[settings.context_words - 1].end() if enough else len(near))


def _shown(text: str, span: Annotation | Entity, *, limit: int) -> str:
    length = span.end - span.start
    return text[span.start : span.start + min(length, limit)] + (_CUT if length > limit else "")


def _surface(text: str, pair: Pair, *, settings: ErrorSettings) -> Surface:
    gold, predicted = (
        None if one is None else " ".join(_shown(text, one, limit=settings.span_characters).split())
        for one in (pair.gold, pair.predicted)
    )
    return Surface(_kind(pair), gold, predicted)


def _kind(pair: Pair) -> ErrorKind:
    gold, predicted = (one.label if one else "" for one in (pair.gold, pair.predicted))
    return ErrorKind(pair.relation, gold, predicted)


def _kind_json(kind: ErrorKind) -> dict[str, object]:
    return {"relation": kind.relation.value, "gold": kind.gold, "predicted": kind.predicted}


def _place(kind: ErrorKind) -> tuple[int, str, str]:
    return ERROR_RELATIONS.index(kind.relation), kind.gold, kind.predicted


def _surface_rank(row: tuple[Surface, int]) -> tuple[int, int, str, str, str, str]:
    surface, number = row
    return -number, *_place(surface.kind), surface.gold or "", surface.predicted or ""


def _confidence(pair: Pair) -> float:
    return pair.predicted.confidence if pair.predicted else 0.0

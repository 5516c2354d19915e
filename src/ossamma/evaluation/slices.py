"""Strict scores of parts of the entities: seen or new, rule or name, by length, by source.

A right prediction belongs to the part of its mark, a wrong one to its own part, so that the counts
of all parts of a slice sum to those of the whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from ossamma.evaluation.judge import JudgedDocument, Relation
from ossamma.evaluation.ruler import Ruler
from ossamma.evaluation.scores import Counts, counts_to_json
from ossamma.schema.spans import Annotation, Document, Entity

ENTITY_LENGTHS: Final = ((1, "1"), (2, "2"), (4, "3-4"))
"""Most words of an entity in each part but the last, and the part's name."""
LONG_ENTITIES: Final = "5+"
DOCUMENT_LENGTHS: Final = ((50, "1-50"), (200, "51-200"), (1000, "201-1000"))
"""Most words of a document in each part but the last, and the part's name."""
LONG_DOCUMENTS: Final = "1001+"
UNNAMED: Final = "unnamed"
"""The part of documents that do not say of which corpus they are."""


class _Mention(NamedTuple):
    """A mark or a prediction, and where it stands."""

    document: Document
    ruler: Ruler
    span: Annotation | Entity


_Part: TypeAlias = Callable[[_Mention], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slices:
    """Counts of each part of each slice; a slice that cannot be made is None."""

    seen: Mapping[str, Counts] | None
    """`seen`: the surface form was in the training data. `unseen`: it was not."""
    shape: Mapping[str, Counts] | None
    """`rule`: of a type known by its form. `name`: of another. `open`: a mark that may be either"""
    length: Mapping[str, Counts]
    """By the words of the entity."""
    document_length: Mapping[str, Counts]
    """By the words of the document."""
    dataset: Mapping[str, Counts]
    """By the corpus that the document is of."""

    def to_json(self) -> dict[str, object]:
        """A table of counts and ratios per slice and part, null for a slice that is None."""
        return {
            name: None
            if parts is None
            else {part: counts_to_json(counts) for part, counts in parts.items()}
            for name, parts in (
                ("seen", self.seen),
                ("shape", self.shape),
                ("length", self.length),
                ("document_length", self.document_length),
                ("dataset", self.dataset),
            )
        }


def surface(text: str) -> str:
    """Return the form in which two mentions are the same: white space and case do not matter."""
    return " ".join(text.split()).casefold()


def surfaces_of(documents: Iterable[Document]) -> frozenset[str]:
    """Collect the surface form of every annotation, such as those of the training data."""
    return frozenset(
        surface(document.text[mark.start : mark.end])
        for document in documents
        for mark in document.annotations or ()
    )


def slices(
    judged: Iterable[JudgedDocument],
    *,
    seen_surfaces: Collection[str] | None = None,
    rule_shaped: Collection[str] = (),
) -> Slices:
    """Count the parts of each slice.

    Args:
        judged: what `judge` yields.
        seen_surfaces: from `surfaces_of` the training data; None leaves out the slice `seen`.
        rule_shaped: the types of `Profile.rule_shaped`; none at all leaves out the slice `shape`.
    """
    parts: dict[str, _Part] = {
        "length": _length,
        "document_length": _document_length,
        "dataset": lambda mention: mention.document.dataset or UNNAMED,
    }
    if seen_surfaces is not None:
        parts["seen"] = lambda mention: _seen(mention, seen_surfaces)
    if rule_shaped:
        parts["shape"] = lambda mention: _shape(mention.span, rule_shaped)
    counted = _count(judged, parts)
    return Slices(
        seen=counted.get("seen"),
        shape=counted.get("shape"),
        length=counted["length"],
        document_length=counted["document_length"],
        dataset=counted["dataset"],
    )


def _count(
    judged: Iterable[JudgedDocument], parts: Mapping[str, _Part]
) -> dict[str, dict[str, Counts]]:
    """Count, in each slice, the parts that occur, in sorted order."""
    found, invented, missed = (
        {name: Counter[str]() for name in parts} for _ in ("right", "spurious", "missed")
    )
    for one in judged:
        if not one.pairs:
            continue
        ruler = Ruler(one.document)
        for pair in one.pairs:
            right = pair.relation is Relation.CORRECT
            if pair.gold is not None:
                mention = _Mention(one.document, ruler, pair.gold)
                _add(found if right else missed, parts, mention)
            if pair.predicted is not None and not right:
                _add(invented, parts, _Mention(one.document, ruler, pair.predicted))
    return {
        name: {
            part: Counts(found[name][part], invented[name][part], missed[name][part])
            for part in sorted(found[name].keys() | invented[name].keys() | missed[name].keys())
        }
        for name in parts
    }


def _add(
    counters: Mapping[str, Counter[str]], parts: Mapping[str, _Part], mention: _Mention
) -> None:
    for name, part in parts.items():
        counters[name][part(mention)] += 1


def _seen(mention: _Mention, surfaces: Collection[str]) -> str:
    text = mention.document.text[mention.span.start : mention.span.end]
    return "seen" if surface(text) in surfaces else "unseen"


def _length(mention: _Mention) -> str:
    length = mention.ruler.length(mention.span.start, mention.span.end)
    return _bucket(length, ENTITY_LENGTHS, LONG_ENTITIES)


def _document_length(mention: _Mention) -> str:
    return _bucket(mention.ruler.num_words, DOCUMENT_LENGTHS, LONG_DOCUMENTS)


def _bucket(number: int, limits: Iterable[tuple[int, str]], beyond: str) -> str:
    return next((name for limit, name in limits if number <= limit), beyond)


def _shape(span: Annotation | Entity, rule_shaped: Collection[str]) -> str:
    types = span.labels if isinstance(span, Annotation) else (span.label,)
    shaped = {name in rule_shaped for name in types}
    if len(shaped) > 1:
        return "open"
    return "rule" if shaped == {True} else "name"


def not_annotated(
    judged: Iterable[JudgedDocument], types: Iterable[str]
) -> dict[str, dict[str, int]]:
    """Say which types stay out of the score, and where.

    Args:
        judged: what `judge` yields.
        types: those that the recogniser may predict.

    Returns:
        For each corpus, the number of its documents that do not annotate a type; types that all of
        them annotate, and corpora without others, are left out.
    """
    names = sorted(set(types))
    silent: dict[str, Counter[str]] = defaultdict(Counter)
    for one in judged:
        annotates = one.document.annotates
        if annotates is not None:
            silent[one.document.dataset or UNNAMED].update(set(names) - annotates)
    return {
        dataset: dict(sorted(counts.items()))
        for dataset, counts in sorted(silent.items())
        if counts
    }

"""Where a spaCy document keeps confidences and what did not fit into it.

`doc.ents` holds no numbers. Two places are what users of spaCy know: an extension attribute of
the span, and a span group with scores, as spaCy's own span categoriser writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from spacy.tokens import Doc, Span

from ossamma.spacy_path.placement import LeftOut, Placed

CONFIDENCE: Final = "confidence"
"""Of a span: the probability that the entity is right; None of other spans."""
LEFT_OUT: Final = "ossamma_left_out"
"""Of a document: entities that `doc.ents` could not hold, each with the reason."""
WIDENED: Final = "ossamma_widened"
"""Of a document: entities whose border lay inside a token, with their own text."""
SCORES: Final = "scores"
"""Attribute of a span group; spaCy's span categoriser writes the same."""


def register_attributes() -> None:
    """Tell spaCy of the attributes; those that are known already stay as they are."""
    if not Span.has_extension(CONFIDENCE):
        Span.set_extension(CONFIDENCE, default=None)
    for name in (LEFT_OUT, WIDENED):
        if not Doc.has_extension(name):
            Doc.set_extension(name, default=())


def write_spans(doc: Doc, placed: Sequence[Placed], key: str) -> list[Span]:
    """Return the spans of entities; write their confidences, and a span group under `key`."""
    spans = [Span(doc, p.first, p.end, label=p.entity.label) for p in placed]
    for span, p in zip(spans, placed, strict=True):
        span._.set(CONFIDENCE, p.entity.confidence)
    if key:
        doc.spans[key] = spans
        doc.spans[key].attrs[SCORES] = [p.entity.confidence for p in placed]
    return spans


def write_misfits(doc: Doc, widened: Sequence[Placed], left_out: Sequence[LeftOut]) -> None:
    """Write into the document what is not in its entities as it was found."""
    if widened:
        doc._.set(WIDENED, tuple(_plain(p) for p in widened))
    if left_out:
        doc._.set(LEFT_OUT, tuple({**_plain(o), "reason": str(o.reason)} for o in left_out))


def _plain(item: Placed | LeftOut) -> dict[str, Any]:
    """Only types that `Doc.to_bytes` can carry."""
    entity = item.entity
    return {
        "start": entity.start,
        "end": entity.end,
        "label": entity.label,
        "text": entity.text,
        "confidence": entity.confidence,
    }

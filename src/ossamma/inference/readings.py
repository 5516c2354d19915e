"""What a model makes of spans that it is given: four shares of probability that add up to 1.

S spans, M types, N words of a text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ossamma.model.crf import LinearChainCRF
from ossamma.schema.spans import Annotation, Document, Entity, Span
from ossamma.tokenization.alignment import AlignedText


@dataclass(frozen=True, slots=True)
class SpanReading:
    """Exact posteriors of all readings of a span with its candidate types; they add up to 1."""

    kept: float
    """It is one entity of one of its types."""
    other_type: float
    """It is one entity of another type."""
    other_borders: float
    """Some entity overlaps it, with other borders."""
    nothing: float
    """No word of it is part of an entity."""


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """A labelled document as a model reads it; all posteriors are raw, none is calibrated.

    `entities` are what the recogniser finds, `claims` their readings. `marks` are the readings of
    the document's annotations in their order: None where the model cannot mean that span, for it
    does not end with words, crosses a line, or has a type that the model does not know.
    `outside` is the summed posterior of O over the `unmarked` words, which no annotation touches.
    """

    document: Document
    entities: tuple[Entity, ...]
    claims: tuple[SpanReading, ...]
    marks: tuple[SpanReading | None, ...]
    unmarked: int
    outside: float


@dataclass(frozen=True, slots=True)
class Place:
    """The span number `index`: its first and last word in the text, its candidate types."""

    index: int
    first: int
    last: int
    types: tuple[int, ...]


def place_spans(
    text: AlignedText, spans: Sequence[Annotation | Entity], type_index: Mapping[str, int]
) -> dict[int, list[Place]]:
    """Lay spans onto words, by the first word of their line; those that do not fit are left out."""
    first_at = {word.start: index for index, word in enumerate(text.words)}
    last_at = {word.end: index for index, word in enumerate(text.words)}
    starts = (0, *text.breaks)
    places: dict[int, list[Place]] = {}
    for index, span in enumerate(spans):
        first, last = first_at.get(span.start), last_at.get(span.end)
        names = span.labels if isinstance(span, Annotation) else (span.label,)
        if first is None or last is None or not all(name in type_index for name in names):
            continue
        line = bisect_right(starts, first)
        if line == bisect_right(starts, last):
            types = tuple(type_index[name] for name in names)
            places.setdefault(starts[line - 1], []).append(Place(index, first, last, types))
    return places


def document_reading(
    document: Document,
    words: Sequence[Span],
    entities: Sequence[Entity],
    known: Mapping[int, SpanReading],
    outside_N: NDArray[np.float64],
) -> DocumentReading:
    """Gather the readings of a document: `known` has its annotations, then its entities."""
    marks = document.annotations or ()
    is_free_N = np.ones(len(words), dtype=np.bool_)
    starts = [word.start for word in words]
    ends = [word.end for word in words]
    for mark in marks:
        first = bisect_right(ends, mark.start)
        is_free_N[first : bisect_left(starts, mark.end)] = False
    return DocumentReading(
        document=document,
        entities=tuple(entities),
        claims=tuple(known[len(marks) + index] for index in range(len(entities))),
        marks=tuple(known.get(index) for index in range(len(marks))),
        unmarked=int(is_free_N.sum()),
        outside=float(outside_N[is_free_N].sum()),
    )


def read_spans(
    crf: LinearChainCRF,
    emissions_SWK: Tensor,
    mask_SW: Tensor,
    places: Sequence[tuple[int, int, int]],
    types: Sequence[tuple[int, ...]],
) -> list[SpanReading]:
    """Read spans, each with its candidate types by number.

    Args:
        crf: of the model.
        emissions_SWK: one row a line, in nats.
        mask_SW: True at real words.
        places: (row, first word, last word inclusive).
        types: the candidates of each.
    """
    if not places:
        return []
    num_types = len(crf.labels.types)
    runs_S3 = torch.tensor(places, device=mask_SW.device)
    type_M = torch.arange(num_types, device=mask_SW.device)
    spans_S4 = torch.cat(
        (
            runs_S3.repeat_interleave(num_types, dim=0),
            type_M.repeat(len(places)).unsqueeze(1),
        ),
        dim=1,
    )
    log_S = crf.span_log_probabilities(emissions_SWK, mask_SW, spans_S4)
    typed_SM = log_S.double().exp().view(len(places), num_types).cpu()
    nothing_S = crf.outside_log_probabilities(emissions_SWK, mask_SW, runs_S3).double().exp().cpu()
    readings = []
    for typed_M, nothing, candidates in zip(typed_SM, nothing_S.tolist(), types, strict=True):
        kept = float(typed_M[list(candidates)].sum())
        other_type = max(0.0, float(typed_M.sum()) - kept)
        # Rounding may lead a little beyond 1.
        whole = max(1.0, kept + other_type + nothing)
        rest = max(0.0, 1.0 - kept - other_type - nothing)
        readings.append(SpanReading(kept / whole, other_type / whole, rest, nothing / whole))
    return readings

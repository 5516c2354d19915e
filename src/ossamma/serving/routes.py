"""The handlers of texts: validate, ask, convert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response

from ossamma.serving.models import ServedModel
from ossamma.serving.presence import unless_gone
from ossamma.serving.selection import Selection
from ossamma.serving.service import allow_use, note, service_of
from ossamma.serving.stages import Answer
from ossamma.serving.wire import (
    ErrorResponse,
    ExtractRequest,
    ExtractResponse,
    NerRequest,
    NerResponse,
    PredictRequest,
    PredictResponse,
    entity_json,
    ner_entity_json,
    predict_json,
)

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorResponse, "description": description}
    for status, description in (
        (401, "No key, or an unknown one."),
        (413, "Too many texts or characters, or too large a body."),
        (422, "Not the JSON that was expected; `fields` names what is wrong."),
        (429, "The queue is full; `Retry-After` says when to try again, in seconds."),
        (503, "The model is not loaded yet, or the server is shutting down."),
        (504, "The deadline has passed."),
    )
}
router = APIRouter(tags=["entities"], dependencies=[Depends(allow_use)], responses=REFUSALS)


@router.post("/predict", response_model=PredictResponse)
async def predict(request: Request, body: PredictRequest) -> Response:
    """Return words, BIO tags and entities of each text."""
    _, answers = await _ask(request, body.texts, Selection(), model=body.model)
    results = [predict_json(t, a) for t, a in zip(body.texts, answers, strict=True)]
    return json_response({"results": results})


@router.post("/v1/extract", response_model=ExtractResponse)
async def extract(request: Request, body: ExtractRequest) -> Response:
    """Return the wanted entities of each text."""
    selection = Selection(
        types=None if body.types is None else frozenset(body.types),
        min_confidence=body.min_confidence,
        thresholds=body.thresholds,
    )
    served, answers = await _ask(request, body.texts, selection, model=body.model)
    return json_response(
        {
            "model": served.name,
            "checksum": served.loaded.checksum,
            "calibrated": served.loaded.calibration is not None,
            "results": [{"entities": list(map(entity_json, a.entities))} for a in answers],
        }
    )


@router.post("/ner", response_model=NerResponse)
async def ner(request: Request, body: NerRequest) -> Response:
    """Return the entities of one text, in the form of the NER11 service."""
    _, [answer] = await _ask(request, [body.text], Selection())
    entities = list(map(ner_entity_json, answer.entities))
    return json_response({"entities": entities, "doc_length": len(answer.words)})


def json_response(content: Mapping[str, Any]) -> Response:
    """Return JSON without looking at it again: it is made of checked values."""
    return Response(orjson.dumps(content), media_type="application/json")


async def _ask(
    request: Request, texts: Sequence[str], selection: Selection, *, model: str | None = None
) -> tuple[ServedModel, list[Answer]]:
    service = service_of(request)
    note(request, texts=len(texts), characters=sum(map(len, texts)))
    if service.settings.log_texts:
        note(request, logged_texts=list(texts))
    served, answers = await unless_gone(request, service.recognise(texts, selection, model=model))
    note(request, model=served.name, entities=sum(len(answer.entities) for answer in answers))
    return served, answers

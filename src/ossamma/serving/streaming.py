"""JSON lines for long input: the answer begins before the last of it is read by the model.

The body is one text of any length, or JSON lines with a text each. A text is cut into sections,
see `sections`; several are worked on at a time, and answered in order. A stream waits while the
queue is full, where other requests are refused. The last line says that the answer is whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect

from ossamma.inference.calibration import ThresholdPolicy
from ossamma.schema.errors import OverloadedError, RequestError, ServingError
from ossamma.schema.spans import Entity
from ossamma.serving.failures import ClientGoneError, error_of
from ossamma.serving.routes import REFUSALS
from ossamma.serving.sections import cut_sections
from ossamma.serving.selection import Selection
from ossamma.serving.service import Service, allow_use, note, service_of
from ossamma.serving.wire import entity_json, faults_of

LINES: Final = "application/x-ndjson"
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            LINES: {
                "schema": {"type": "string", "example": '{"id": "a", "text": "Ada met Alan."}\n'}
            },
        },
    }
}
_LONGEST_WAIT: Final = 0.25
router = APIRouter(tags=["entities"], dependencies=[Depends(allow_use)], responses=REFUSALS)


class StreamLine(BaseModel):
    """A line of a stream of texts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    id: str | int | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """What becomes one line of the answer: a section and the facts that go with it, or a fault."""

    facts: dict[str, Any]
    start: int = 0
    text: str = ""
    fault: str = ""


@router.post(
    "/v1/stream",
    openapi_extra=_BODY,
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {}}, "description": "One line of JSON for each section."}},
)
async def stream(
    request: Request,
    model: Annotated[str | None, Query(max_length=200)] = None,
    type_: Annotated[list[str] | None, Query(alias="type", max_length=1000)] = None,
    min_confidence: Annotated[float, Query(ge=0.0, le=1.0, allow_inf_nan=False)] = 0.0,
    thresholds: ThresholdPolicy = ThresholdPolicy.NONE,
) -> Response:
    """Answer a long text (text/plain), or many (application/x-ndjson), line by line.

    A line is `{"start", "end", "entities"}`, offsets in the whole text; of many texts also `line`
    (1-based) and `id`. The last line is `{"done": true, ...}`; without it the answer is not whole.
    """
    service = service_of(request)
    selection = Selection(
        types=None if type_ is None else frozenset(type_),
        min_confidence=min_confidence,
        thresholds=thresholds,
    )
    selection.check(service.models.get(model).loaded)
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"expected UTF-8, got another byte at {error.start}", field="body"
        ) from None
    except ClientDisconnect:
        raise ClientGoneError from None
    note(request, characters=len(body))
    is_lines = request.headers.get("content-type", "").partition(";")[0].strip() == LINES
    size = service.settings.section_characters
    parts = _parts_of_lines(body, size) if is_lines else _parts_of(body, size, {})

    async def ask(part: _Part) -> list[Entity]:
        return await _ask_patiently(service, part.text, selection, model)

    answer = _answer(parts, ask, service.settings.stream_requests, len(body))
    return StreamingResponse(answer, media_type=LINES)


def _parts_of(text: str, size: int, facts: dict[str, Any]) -> Iterator[_Part]:
    for start, section in cut_sections(text, size):
        yield _Part(facts | {"start": start, "end": start + len(section)}, start, section)


def _parts_of_lines(body: str, size: int) -> Iterator[_Part]:
    for number, line in enumerate(body.split("\n"), start=1):
        if not line.strip():
            continue
        facts: dict[str, Any] = {"line": number}
        try:
            parsed = StreamLine.model_validate_json(line)
        except ValidationError as error:
            faults = faults_of(error.errors(include_input=False, include_url=False))
            detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
            yield _Part(facts, fault=detail)
            continue
        if parsed.id is not None:
            facts["id"] = parsed.id
        if parsed.text:
            yield from _parts_of(parsed.text, size, facts)
        else:
            yield _Part(facts | {"start": 0, "end": 0})


async def _ask_patiently(
    service: Service, text: str, selection: Selection, model: str | None
) -> list[Entity]:
    """Return the entities of a section; a full queue is waited for, within the deadline."""
    loop = asyncio.get_running_loop()
    end = loop.time() + service.settings.deadline_seconds
    while True:
        try:
            _, [answer] = await service.recognise([text], selection, model=model)
        except OverloadedError as error:
            pause = min(error.retry_after, _LONGEST_WAIT)
            if loop.time() + pause > end:
                raise
            await asyncio.sleep(pause)
        else:
            return list(answer.entities)


async def _answer(
    parts: Iterator[_Part],
    ask: Callable[[_Part], Awaitable[list[Entity]]],
    at_a_time: int,
    characters: int,
) -> AsyncIterator[bytes]:
    """Yield a line for each part in order; stop at the first that cannot be answered."""
    running: deque[tuple[_Part, asyncio.Future[list[Entity]]]] = deque()
    lines = found = 0
    try:
        while True:
            while len(running) < at_a_time and (part := next(parts, None)) is not None:
                running.append((part, asyncio.ensure_future(ask(part))))
            if not running:
                break
            part, task = running[0]
            try:
                entities = await task
            except ServingError as error:
                yield _line({"error": error_of(error)[1].error, "detail": str(error), **part.facts})
                return
            running.popleft()
            lines += 1
            found += len(entities)
            yield _line_of(part, entities)
        yield _line({"done": True, "lines": lines, "characters": characters, "entities": found})
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)


def _line_of(part: _Part, entities: list[Entity]) -> bytes:
    if part.fault:
        return _line({"error": "invalid", "detail": part.fault, **part.facts})
    moved = [
        entity_json(entity) | {"start": part.start + entity.start, "end": part.start + entity.end}
        for entity in entities
    ]
    return _line({**part.facts, "entities": moved})


def _line(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content) + b"\n"

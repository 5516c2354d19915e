"""From exceptions to answers: which status each gets, and what the client is told."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ossamma.schema.errors import (
    AccessError,
    DeadlineError,
    LimitError,
    OverloadedError,
    RequestError,
    ServingError,
    UnavailableError,
)
from ossamma.serving.wire import ErrorResponse, FieldFault, faults_of

_LOGGER = logging.getLogger(__name__)

HTTP_STATUS: Final[dict[type[ServingError], tuple[int, str]]] = {
    OverloadedError: (429, "overloaded"),
    DeadlineError: (504, "deadline"),
    UnavailableError: (503, "unavailable"),
    LimitError: (413, "limit"),
    RequestError: (422, "invalid"),
    AccessError: (401, "access"),
}
"""Of each error: the status, and the word for it in answers and metrics."""
WORDS: Final = {400: "invalid", 404: "not_found", 405: "method", 413: "limit"}


class ClientGoneError(Exception):
    """Whoever asked has closed the connection."""


def add_failures(app: FastAPI) -> None:
    """Have every failure answered in the one form."""
    app.add_exception_handler(ServingError, _of_serving)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientGoneError, _of_gone)


def error_of(error: ServingError) -> tuple[int, ErrorResponse]:
    """Return status and answer of an error."""
    status, word = HTTP_STATUS[type(error)]
    fields = []
    if isinstance(error, RequestError):
        fields = [FieldFault(field=error.field, message=str(error))]
    if isinstance(error, AccessError) and error.is_known:
        status = 403
    return status, ErrorResponse(error=word, detail=str(error), fields=fields)


async def _of_serving(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServingError)
    status, content = error_of(error)
    headers = {}
    if isinstance(error, OverloadedError):
        headers["retry-after"] = str(error.retry_after)
    if isinstance(error, UnavailableError):
        headers["retry-after"] = "1"
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return _answer(request, status, content, headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = faults_of(error.errors())[:20]
    detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
    return _answer(request, 422, ErrorResponse(error="invalid", detail=detail, fields=faults), {})


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 400:
        # What FastAPI says of a body that is no JSON in UTF-8.
        fault = FieldFault(field="body", message="expected JSON in UTF-8")
        content = ErrorResponse(error="invalid", detail=fault.message, fields=[fault])
        return _answer(request, 422, content, headers)
    word = WORDS.get(error.status_code, "http")
    return _answer(
        request, error.status_code, ErrorResponse(error=word, detail=str(error.detail)), headers
    )


async def _of_gone(request: Request, error: Exception) -> Response:
    del error
    content = ErrorResponse(error="gone", detail="the client closed the connection")
    return _answer(request, 499, content, {})


def failure_of(request: Request, error: Exception) -> Response:
    """Answer an error of our own, and log where it came from."""
    _LOGGER.error("a request failed", exc_info=error)
    content = ErrorResponse(error="internal", detail="the server failed; this is its own fault")
    return _answer(request, 500, content, {})


def _answer(
    request: Request, status: int, content: ErrorResponse, headers: dict[str, str]
) -> Response:
    state = request.scope["state"]
    state["reason"] = content.error
    content.request_id = state.get("request_id", "")
    return Response(
        content.model_dump_json(), status, headers=headers, media_type="application/json"
    )

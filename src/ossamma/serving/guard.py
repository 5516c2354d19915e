"""The outermost layer: request ids, the limit on bodies, counting, timing and one line of log."""

from __future__ import annotations

import logging
import random
import re
import secrets
import time
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ossamma.serving.failures import failure_of
from ossamma.serving.journal import ACCESS
from ossamma.serving.service import Service

STREAM: Final = "/v1/stream"
NER_ROUTES: Final = frozenset({"/predict", "/v1/extract", "/ner", STREAM})
"""What counts as a NER request."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


class Guard:
    """Wraps the app; knows nothing of entities."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        # Not from the system for each request: every such call waits for the model's thread.
        self._ids = random.Random(secrets.randbits(128))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, watched from both sides."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(self._service, scope, fresh_id=f"{self._ids.getrandbits(128):032x}")
        if visit.is_ner:
            self._service.metrics.began()
        try:
            with self._service.tracer.server_span(
                f"{scope['method']} {visit.route}", visit.headers, {"http.route": visit.route}
            ):
                await self._pass_on(visit, scope, receive, send)
        finally:
            visit.finish()

    async def _pass_on(self, visit: _Visit, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, visit.limited(receive), visit.marked(send))
        except Exception as error:
            if visit.status:  # an answer has begun: only breaking off tells that it is not whole
                raise
            await failure_of(Request(scope), error)(scope, receive, visit.marked(send))


class _Visit:
    """One request on its way through."""

    def __init__(self, service: Service, scope: Scope, *, fresh_id: str) -> None:
        self._service = service
        self._began = time.perf_counter()
        self._scope = scope
        self.headers = Headers(scope=scope)
        path = scope["path"]
        self.is_ner = path in NER_ROUTES
        self.route = path if self.is_ner else "other"
        settings = service.settings
        self._limit = settings.max_stream_bytes if path == STREAM else settings.max_body_bytes
        given = self.headers.get("x-request-id", "")
        self._id = given if _PLAIN_ID.fullmatch(given) else fresh_id
        self.status = 0
        scope["state"] = {**scope.get("state", {}), "request_id": self._id}

    def limited(self, receive: Receive) -> Receive:
        """Refuse a body beyond the limit, announced or not, before it is in memory."""
        length = self.headers.get("content-length", "0")
        is_number = length.isascii() and length.isdigit()
        is_beyond = is_number and (len(length) > 18 or int(length) > self._limit)
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            if is_beyond:
                raise self._too_large()
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise self._too_large()
            return message

        return receive_limited

    def _too_large(self) -> HTTPException:
        # What is not read any more cannot be told from the next request.
        return HTTPException(
            413,
            f"expected a body of at most {self._limit} bytes, got a larger one",
            headers={"connection": "close"},
        )

    def marked(self, send: Send) -> Send:
        """Put the request's id on the answer, and remember its status."""

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = self._id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        return send_marked

    def finish(self) -> None:
        """Count the request and write its line."""
        seconds = time.perf_counter() - self._began
        status = self.status or 500
        state: dict[str, Any] = self._scope["state"]
        if self.is_ner:
            is_stream = self.route == STREAM
            self._service.metrics.responded(self.route, status, seconds, is_stream=is_stream)
            if status >= 400:
                self._service.metrics.rejected(state.get("reason", "internal"))
        ACCESS.log(
            logging.INFO if self.is_ner or status >= 400 else logging.DEBUG,
            "request",
            extra={
                "facts": {
                    "request_id": self._id,
                    "method": self._scope["method"],
                    "path": self._scope["path"][:200],
                    "status": status,
                    "seconds": round(seconds, 6),
                    **({"reason": state["reason"]} if "reason" in state else {}),
                    **state.get("facts", {}),
                }
            },
        )

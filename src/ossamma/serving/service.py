"""What every handler needs, and the one way from texts to what a request wants of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from ossamma.schema.errors import AccessError, LimitError
from ossamma.serving.access import KeyRing, Role
from ossamma.serving.drift import Drift
from ossamma.serving.lanes import Lanes
from ossamma.serving.models import Models, ServedModel
from ossamma.serving.monitoring import Metrics
from ossamma.serving.selection import Selection
from ossamma.serving.settings import ServerSettings
from ossamma.serving.stages import Answer
from ossamma.serving.tracing import Tracer


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The parts of a server."""

    settings: ServerSettings
    models: Models
    lanes: Lanes
    metrics: Metrics
    tracer: Tracer
    drift: Drift = field(default_factory=Drift)
    keys: KeyRing | None = None
    """None: whoever can reach the server may use it, and nobody may reload models."""

    async def recognise(
        self, texts: Sequence[str], selection: Selection, *, model: str | None = None
    ) -> tuple[ServedModel, list[Answer]]:
        """Return what a request wants of its texts, and the model that found it.

        Raises:
            LimitError: too many texts, or too long.
            RequestError: the model cannot do what is asked.
            OverloadedError, UnavailableError, DeadlineError: see `Batcher.submit`.
        """
        self._check_sizes(texts)
        served = self.models.get(model)
        selection.check(served.loaded)
        with self.tracer.span("recognise", {"texts": len(texts)}):
            served, answers = await self.models.recognise(
                served, texts, within=self.settings.deadline_seconds
            )
        self.metrics.recognised(texts, answers)
        self.drift.of(served.name, served.loaded).add(texts, answers)
        wanted = [
            Answer(answer.words, selection.of(answer.entities, served.loaded)) for answer in answers
        ]
        return served, wanted

    def _check_sizes(self, texts: Sequence[str]) -> None:
        settings = self.settings
        if len(texts) > settings.max_texts:
            raise LimitError(
                f"expected at most {settings.max_texts} texts in a request, got {len(texts)}"
            )
        longest = max(map(len, texts), default=0)
        if longest > settings.max_text_characters:
            raise LimitError(
                f"expected texts of at most {settings.max_text_characters} characters, got one of "
                f"{longest}; send it to /v1/stream"
            )
        total = sum(map(len, texts))
        if total > settings.max_characters:
            raise LimitError(
                f"expected at most {settings.max_characters} characters in a request, got {total}"
            )


def service_of(request: Request) -> Service:
    """Return the service of the app that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def note(request: Request, **facts: Any) -> None:
    """Add facts to the request's line of the log."""
    request.scope["state"].setdefault("facts", {}).update(facts)


async def allow_use(request: Request) -> None:
    """Let pass whoever has a key, or everyone if the server has no keys.

    A coroutine, though it waits for nothing: what is none is given a thread for each request.
    """
    _allow(request, frozenset(Role))


async def allow_admin(request: Request) -> None:
    """Let pass whoever has an admin's key; nobody if the server has no keys."""
    if service_of(request).keys is None:
        raise AccessError("this server was started without keys, so nobody may do this here")
    _allow(request, frozenset({Role.ADMIN}))


def _allow(request: Request, roles: frozenset[Role]) -> None:
    keys = service_of(request).keys
    if keys is None:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    holder = keys.holder(key)
    if holder is None:
        raise AccessError("expected a key: Authorization: Bearer KEY, or X-API-Key: KEY")
    note(request, key=holder.name)
    if holder.role not in roles:
        raise AccessError("this key does not allow this", is_known=True)

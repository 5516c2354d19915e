"""A typed client of the server, for waiting callers and for event loops; loads no torch.

    >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
    ...     [entities] = client.extract(["Ada Lovelace joined Acme Ltd in 1842."])

A full queue (429) or a server that is starting (503) is asked again, as often as `retries` says and
after as long as the server says. Both clients share everything but the way of waiting.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx

from ossamma.schema.errors import (
    AccessError,
    DeadlineError,
    LimitError,
    OverloadedError,
    RequestError,
    ServingError,
    UnavailableError,
)
from ossamma.schema.spans import Entity

_LONGEST_PAUSE: Final = 30.0
_ERRORS: Final[dict[int, type[ServingError]]] = {
    401: AccessError,
    403: AccessError,
    413: LimitError,
    422: RequestError,
    503: UnavailableError,
    504: DeadlineError,
}
_Query: TypeAlias = list[tuple[str, str | int | float | bool | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """How a server is asked."""

    key: str = ""
    """API key, if the server wants one."""
    timeout_seconds: float = 60.0
    """For an answer; a little more than the server's own deadline."""
    retries: int = 3
    """How often a full queue or a starting server is asked again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """Which entities are wanted, and of which model."""

    types: Sequence[str] | None = None
    """Only these; None is all."""
    min_confidence: float = 0.0
    """Leave out less certain ones."""
    thresholds: str = "none"
    """Of the model: none, f1 or precision."""
    model: str | None = None
    """None is the server's default."""

    def body(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the body of a request to /v1/extract."""
        return {
            "texts": list(texts),
            "types": None if self.types is None else list(self.types),
            "min_confidence": self.min_confidence,
            "thresholds": self.thresholds,
            "model": self.model,
        }

    def query(self) -> _Query:
        """Return the query of a request to /v1/stream."""
        wishes: _Query = [("type", name) for name in self.types or ()]
        wishes += [("min_confidence", self.min_confidence), ("thresholds", self.thresholds)]
        return [*wishes, ("model", self.model)] if self.model is not None else wishes


EVERYTHING: Final = Wishes()


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A text with its words, their BIO tags, and its entities."""

    text: str
    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    entities: tuple[Entity, ...]


class Client:
    """Asks and waits. Use it as a context, or close it."""

    def __init__(
        self,
        url: str,
        settings: ClientSettings | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Take the server's address, such as http://127.0.0.1:8080."""
        self._settings = settings or ClientSettings()
        self._http = httpx.Client(transport=transport, **_options(url, self._settings))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def is_ready(self) -> bool:
        """Whether the server is there and its models are loaded."""
        try:
            return self._http.get("/ready").is_success
        except httpx.TransportError:
            return False

    def info(self) -> dict[str, Any]:
        """Describe the server's default model."""
        return _content(self._http.get("/info"))

    def extract(self, texts: Sequence[str], wishes: Wishes = EVERYTHING) -> list[list[Entity]]:
        """Return the entities of each text.

        Raises:
            ServingError: one of its subclasses, by what the server says.
        """
        return _entities_of(self._post("/v1/extract", wishes.body(texts)), len(texts))

    def predict(self, texts: Sequence[str]) -> list[TaggedText]:
        """Return words, tags and entities of each text. Raises as `extract` does."""
        return _tagged(self._post("/predict", {"texts": list(texts)}))

    def stream(self, text: str, wishes: Wishes = EVERYTHING) -> Iterator[Entity]:
        """Yield the entities of a text of any length as they are found. Raises as `extract`."""
        with self._http.stream(
            "POST", "/v1/stream", content=text.encode(), params=wishes.query(), headers=_PLAIN
        ) as answer:
            if not answer.is_success:
                answer.read()
                raise _error_of(answer)
            lines = _Lines()
            for line in answer.iter_lines():
                yield from lines.take(line)
            lines.end()

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        for attempt in range(self._settings.retries + 1):
            answer = self._http.post(path, json=body)
            if (pause := _pause(answer)) is None or attempt == self._settings.retries:
                break
            time.sleep(pause)
        return _content(answer)


class AsyncClient:
    """Asks from an event loop. Use it as a context, or close it."""

    def __init__(
        self,
        url: str,
        settings: ClientSettings | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take the server's address, such as http://127.0.0.1:8080."""
        self._settings = settings or ClientSettings()
        self._http = httpx.AsyncClient(transport=transport, **_options(url, self._settings))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def is_ready(self) -> bool:
        """Whether the server is there and its models are loaded."""
        try:
            return (await self._http.get("/ready")).is_success
        except httpx.TransportError:
            return False

    async def info(self) -> dict[str, Any]:
        """Describe the server's default model."""
        return _content(await self._http.get("/info"))

    async def extract(
        self, texts: Sequence[str], wishes: Wishes = EVERYTHING
    ) -> list[list[Entity]]:
        """Return the entities of each text. Raises as `Client.extract` does."""
        return _entities_of(await self._post("/v1/extract", wishes.body(texts)), len(texts))

    async def predict(self, texts: Sequence[str]) -> list[TaggedText]:
        """Return words, tags and entities of each text. Raises as `extract` does."""
        return _tagged(await self._post("/predict", {"texts": list(texts)}))

    async def stream(self, text: str, wishes: Wishes = EVERYTHING) -> AsyncIterator[Entity]:
        """Yield the entities of a text of any length as they are found. Raises as `extract`."""
        async with self._http.stream(
            "POST", "/v1/stream", content=text.encode(), params=wishes.query(), headers=_PLAIN
        ) as answer:
            if not answer.is_success:
                await answer.aread()
                raise _error_of(answer)
            lines = _Lines()
            async for line in answer.aiter_lines():
                for entity in lines.take(line):
                    yield entity
            lines.end()

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        for attempt in range(self._settings.retries + 1):
            answer = await self._http.post(path, json=body)
            if (pause := _pause(answer)) is None or attempt == self._settings.retries:
                break
            await asyncio.sleep(pause)
        return _content(answer)


_PLAIN: Final = {"content-type": "text/plain; charset=utf-8"}


class _Lines:
    """The lines of a stream: entities until the line that says it is whole."""

    def __init__(self) -> None:
        self._is_whole = False

    def take(self, line: str) -> Iterator[Entity]:
        content = json.loads(line) if line.strip() else {}
        if "error" in content:
            raise ServingError(f"the stream broke off: {content.get('detail', '')}")
        self._is_whole |= content.get("done", False)
        yield from map(_entity, content.get("entities", ()) if not self._is_whole else ())

    def end(self) -> None:
        if not self._is_whole:
            raise ServingError("the stream broke off before its last line; ask again")


def _options(url: str, settings: ClientSettings) -> dict[str, Any]:
    headers = {"x-api-key": settings.key} if settings.key else {}
    return {"base_url": url, "headers": headers, "timeout": settings.timeout_seconds}


def _pause(answer: httpx.Response) -> float | None:
    """Return for how long to wait before asking again; None if asking again is of no use."""
    if answer.status_code not in {429, 503}:
        return None
    stated = answer.headers.get("retry-after", "1")
    return min(float(stated) if stated.isdigit() else 1.0, _LONGEST_PAUSE)


def _content(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise _error_of(answer)
    content: dict[str, Any] = answer.json()
    return content


def _error_of(answer: httpx.Response) -> ServingError:
    try:
        content = answer.json()
    except ValueError:  # not our server, or a proxy before it
        content = {}
    told = content if isinstance(content, dict) else {}
    message = f"{answer.status_code}: {told.get('detail', answer.reason_phrase)}"
    if answer.status_code == 429:
        return OverloadedError(message, retry_after=int(_pause(answer) or 1))
    if answer.status_code == 422:
        fields = told.get("fields") or [{"field": "body"}]
        return RequestError(message, field=fields[0]["field"])
    return _ERRORS.get(answer.status_code, ServingError)(message)


def _entities_of(content: Mapping[str, Any], number: int) -> list[list[Entity]]:
    results = content["results"]
    assert len(results) == number, "one result for each text"
    return [list(map(_entity, result["entities"])) for result in results]


def _tagged(content: Mapping[str, Any]) -> list[TaggedText]:
    return [
        TaggedText(
            result["text"],
            tuple(result["tokens"]),
            tuple(result["labels"]),
            tuple(map(_entity, result["entities"])),
        )
        for result in content["results"]
    ]


def _entity(content: Mapping[str, Any]) -> Entity:
    return Entity(
        content["start"], content["end"], content["label"], content["text"], content["confidence"]
    )

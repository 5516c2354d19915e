"""Both clients ask the same, read the same, and tell the server's refusals apart."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import httpx
import pytest

from ossamma.schema.errors import (
    AccessError,
    DeadlineError,
    LimitError,
    OverloadedError,
    RequestError,
    ServingError,
    UnavailableError,
)
from ossamma.serving.access import KeyRing, Role, new_key
from ossamma.serving.client import AsyncClient, Client, ClientSettings, Wishes
from ossamma.serving.settings import ServerSettings
from tests.serving.fakes import answer_to
from tests.serving.serving import CALIBRATION, fake_model, run, serving

URL = "http://server"
TEXT = "Ada met Alan\nin Oslo\n" * 3


def test_the_asynchronous_client_speaks_to_the_app():
    key, kept = new_key("alice", Role.USE)

    async def story():
        async with serving(
            ServerSettings(section_characters=12),
            loader=lambda _: fake_model(calibration=CALIBRATION),
            keys=KeyRing([kept]),
        ) as server:
            transport = httpx.ASGITransport(app=server.app)
            async with AsyncClient(URL, ClientSettings(key=key), transport=transport) as client:
                assert await client.is_ready()
                assert (await client.info())["calibrated"] is True
                known = list(answer_to(TEXT).entities)
                assert await client.extract([TEXT, ""]) == [known, []]
                assert await client.extract([TEXT], Wishes(thresholds="f1")) == [[]]
                assert await client.extract([TEXT], Wishes(types=["PLACE"])) == [[]]
                [tagged] = await client.predict([TEXT])
                assert tagged.tokens == tuple(TEXT.split())
                assert list(tagged.entities) == known
                found = [e async for e in client.stream(TEXT, Wishes(types=["NAME"]))]
                assert found == known
                with pytest.raises(RequestError) as refusal:
                    await client.extract([TEXT], Wishes(types=["NOBODY"]))
                assert refusal.value.field == "types"
                with pytest.raises(RequestError):
                    [e async for e in client.stream(TEXT, Wishes(min_confidence=3.0))]
            async with AsyncClient(URL, transport=transport) as stranger:
                with pytest.raises(AccessError):
                    await stranger.extract([TEXT])

    run(story)


class Scripted(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers as it was told, one after the other."""

    def __init__(self, *answers: tuple[int, dict, object]) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status, headers, content = self.answers.pop(0)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return httpx.Response(status, headers=headers, content=body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def ask(kind: type, transport: Scripted, retries: int):
    """Extract with either client."""
    settings = ClientSettings(retries=retries)
    if kind is Client:
        with Client(URL, settings, transport=transport) as client:
            return client.extract(["Ada"])

    async def story():
        async with AsyncClient(URL, settings, transport=transport) as client:
            return await client.extract(["Ada"])

    return asyncio.run(story())


NOW = {"retry-after": "0"}
FULL = (429, NOW, {"error": "overloaded", "detail": "full", "fields": []})
FOUND = (200, {}, {"results": [{"entities": []}]})


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_full_queue_is_asked_again(kind):
    transport = Scripted(FULL, (503, NOW, {"detail": "loading"}), FOUND)
    assert ask(kind, transport, retries=2) == [[]]
    assert [each.content for each in transport.asked] == [transport.asked[0].content] * 3


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_patience_ends(kind):
    with pytest.raises(OverloadedError, match="full"):
        ask(kind, Scripted(FULL, FULL), retries=1)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AccessError),
        (403, AccessError),
        (413, LimitError),
        (422, RequestError),
        (503, UnavailableError),
        (504, DeadlineError),
        (500, ServingError),
        (418, ServingError),
    ],
)
@pytest.mark.parametrize("content", [{"detail": "so it is"}, b"<html>", [], b""], ids=str)
def test_refusals_are_told_apart_whoever_writes_them(kind, status, error, content):
    with pytest.raises(error, match=str(status)) as refusal:
        ask(kind, Scripted((status, {}, content)), retries=0)
    assert type(refusal.value) is error


@pytest.mark.parametrize(
    "content",
    [b"", b'{"entities": []}\n', b'{"error": "deadline", "detail": "too late"}\n'],
    ids=["nothing", "no end", "fault"],
)
def test_a_stream_that_breaks_off_is_no_answer(content):
    with (
        Client(URL, transport=Scripted((200, {}, content))) as client,
        pytest.raises(ServingError, match="broke off"),
    ):
        list(client.stream("Ada"))


def test_a_server_that_is_not_there_is_not_ready():
    class Refusing(httpx.BaseTransport):
        def handle_request(self, request):
            raise httpx.ConnectError("refused")

    with Client(URL, transport=Refusing()) as client:
        assert not client.is_ready()


def test_the_client_loads_no_torch():
    code = (
        "import sys, ossamma.serving.client; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

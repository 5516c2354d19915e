"""A stream answers every character of its body, in order, and says when it is whole."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.serving.batcher import BatcherSettings
from ossamma.serving.sections import cut_sections
from ossamma.serving.settings import ServerSettings
from tests.serving.fakes import answer_to
from tests.serving.serving import run, serving

TINY = ServerSettings(section_characters=12, stream_requests=3)
LINES = {"content-type": "application/x-ndjson"}


@given(st.text(alphabet="ab \n\u2003", max_size=60), st.integers(min_value=1, max_value=15))
def test_sections_tile_a_text(text, size):
    sections = list(cut_sections(text, size))
    assert "".join(section for _, section in sections) == text
    assert all(text.startswith(section, start) for start, section in sections)
    assert all(0 < len(section) <= size for _, section in sections)


@given(st.text(alphabet="ab \n", max_size=60), st.integers(min_value=2, max_value=15))
def test_a_line_is_cut_only_if_it_is_too_long(text, size):
    for start, _ in cut_sections(text, size):
        if start and text[start - 1] != "\n":
            # No line ends in what a section could have held before this cut.
            before = max(0, start - size)
            first = [s for s, _ in cut_sections(text, size) if s < start][-1]
            assert "\n" not in text[max(before, first) : start]


def test_paragraphs_stay_whole_where_they_fit():
    assert [s for _, s in cut_sections("aaaa\nbbb\n\ncc\ndddd", 14)] == [
        "aaaa\nbbb\n\n",
        "cc\ndddd",
    ]


async def lines_of(server, content: bytes, **options) -> list[dict]:
    answer = await server.client.post("/v1/stream", content=content, **options)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_long_text_is_answered_section_by_section():
    text = "Ada met Alan\nin Oslo or Lima\nZoë and 👍 Bob saw Rome\n" * 5

    async def story():
        async with serving(TINY) as server:
            *sections, last = await lines_of(server, text.encode())
            assert [s["start"] for s in sections[1:]] == [s["end"] for s in sections[:-1]]
            assert sections[-1]["end"] == len(text)
            found = [e for s in sections for e in s["entities"]]
            assert all(text[e["start"] : e["end"]] == e["text"] for e in found)
            known = answer_to(text).entities
            assert [(e["start"], e["end"]) for e in found] == [(e.start, e.end) for e in known]
            assert last == {
                "done": True,
                "lines": len(sections),
                "characters": len(text),
                "entities": len(found),
            }

    run(story)


def test_lines_are_answered_in_order_and_a_bad_one_alone_is_refused():
    body = b"\n".join(
        [
            b'{"id": "a", "text": "Ada"}',
            b"",
            b'{"text": "Oslo met Lima"}',
            b"{",
            b'{"text": ""}',
            b'{"id": 7, "text": 8}',
            b'{"id": 9, "text": "Rome"}',
        ]
    )

    async def story():
        async with serving(TINY) as server:
            *lines, last = await lines_of(server, body, headers=LINES)
            assert [line["line"] for line in lines] == [1, 3, 3, 4, 5, 6, 7]
            assert [line.get("id") for line in lines] == ["a", None, None, None, None, None, 9]
            assert [line.get("error") for line in lines if "error" in line] == ["invalid"] * 2
            assert [e["text"] for line in lines for e in line.get("entities", ())] == [
                "Ada",
                "Oslo",
                "Lima",
                "Rome",
            ]
            assert last["done"] is True

    run(story)


def test_a_stream_waits_where_others_are_refused():
    settings = ServerSettings(
        section_characters=12, stream_requests=4, batcher=BatcherSettings(queue_requests=1)
    )

    async def story():
        async with serving(settings) as server:
            *sections, last = await lines_of(server, b"Ada met Alan\n" * 10)
            assert last["entities"] == 20
            assert len(sections) >= 10

    run(story)


def test_a_stream_that_cannot_go_on_does_not_end_as_if_it_were_whole():
    settings = ServerSettings(section_characters=12, deadline_seconds=0.2)

    async def story():
        async with serving(settings) as server:
            server.stages.gate.clear()
            lines = await lines_of(server, b"Ada met Alan\n" * 3)
            assert lines[-1]["error"] == "deadline"
            assert not any("done" in line for line in lines)

    run(story)


def test_the_answer_begins_before_the_end_is_read():
    """With one section at a time, the first line is there while the second is held up."""

    async def story():
        async with serving(ServerSettings(section_characters=12, stream_requests=1)) as server:
            messages: list[dict] = []
            got_line = asyncio.Event()

            async def receive():
                if not messages:
                    messages.append({})
                    return {"type": "http.request", "body": b"Ada met Alan\nHeld in Oslo\n"}
                await asyncio.Event().wait()
                raise AssertionError("nobody sets it")

            async def send(message):
                messages.append(message)
                if b"Alan" in message.get("body", b""):
                    server.stages.began.clear()
                    got_line.set()

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/v1/stream",
                "query_string": b"",
                "headers": [],
                "http_version": "1.1",
                "scheme": "http",
                "server": ("server", 80),
                "client": ("client", 1),
                "root_path": "",
            }
            task = asyncio.create_task(server.app(scope, receive, send))
            async with asyncio.timeout(30):
                await got_line.wait()
            assert not any("Held in" in t for each in server.stages.rounds for t, _ in each)
            await task
            assert any(b'"done":true' in message.get("body", b"") for message in messages)

    run(story)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?type=NAME&type=PLACE", 200),
        ("?type=NOBODY", 422),
        ("?min_confidence=2", 422),
        ("?min_confidence=nan", 422),
        ("?thresholds=f1", 422),
        ("?model=other", 422),
    ],
)
def test_wishes_stand_in_the_query(query, status):
    async def story():
        async with serving() as server:
            answer = await server.client.post(f"/v1/stream{query}", content=b"Ada")
            assert answer.status_code == status

    run(story)


def test_what_is_no_utf8_is_refused():
    async def story():
        async with serving() as server:
            answer = await server.client.post("/v1/stream", content=b"Ada \xff")
            assert answer.status_code == 422
            assert "at 4" in answer.json()["detail"]

    run(story)
